"""CSV files as they lie on a disk, plain or compressed: the end of the name says which, to us and to any reader."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

COMPRESSED: Final = ".csv.gz"
ENDINGS: Final = (".csv", COMPRESSED)

LEVEL: Final = 1
"""Of compression. The usual 6 takes three times as long, for a file that is 16 % smaller (bench/README.md)."""

WRITER: Final = f"zlib {zlib.ZLIB_RUNTIME_VERSION}"
"""The library that compresses, with its version: by another one the same rows may have other bytes."""

BROKEN: Final = (EOFError, zlib.error, gzip.BadGzipFile)
"""What reading a file raises that is no whole compressed one."""


def is_csv(path: Path) -> bool:
    """Whether a file is CSV, plain or compressed."""
    return path.name.endswith(ENDINGS)


def is_compressed(path: Path) -> bool:
    """Whether it is compressed."""
    return path.name.endswith(COMPRESSED)


def plain(path: Path) -> BinaryIO:
    """A CSV file opened to read its text in bytes."""
    return cast(BinaryIO, gzip.open(path, "rb")) if is_compressed(path) else path.open("rb")


def compressing(target: BinaryIO) -> BinaryIO:
    """What compresses into an open file. It says no time and no name, so that the same text gives the same bytes."""
    return cast(BinaryIO, gzip.GzipFile("", "wb", LEVEL, target, mtime=0))


@contextmanager
def written_like(path: Path, target: BinaryIO) -> Iterator[BinaryIO]:
    """What writes text into an open file, compressed where another file is."""
    if not is_compressed(path):
        yield target
        return
    with compressing(target) as packed:
        yield packed
