"""CSV files as they lie on a disk, plain or compressed: the end of the name says which, to us and to any reader."""

from __future__ import annotations

import gzip
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

import isal
from isal import igzip, isal_zlib

COMPRESSED: Final = ".csv.gz"
ENDINGS: Final = (".csv", COMPRESSED)

LEVEL: Final = 2
"""Of compression, of 0 to 3 (docs/adr/0071-compressed-csv.md)."""

WRITER: Final = f"isal {isal.__version__} ({platform.machine()})"
"""The library that compresses, with its version: by another one, or on processors of another kind, the same rows may
have other bytes."""

BROKEN: Final = (EOFError, cast(type[Exception], isal_zlib.error), gzip.BadGzipFile)
"""What reading a file raises that is no whole compressed one."""


def is_csv(path: Path) -> bool:
    """Whether a file is CSV, plain or compressed."""
    return path.name.endswith(ENDINGS)


def is_compressed(path: Path) -> bool:
    """Whether it is compressed."""
    return path.name.endswith(COMPRESSED)


def plain(path: Path) -> BinaryIO:
    """A CSV file opened to read its text in bytes."""
    if is_compressed(path):
        return cast(BinaryIO, igzip.open(path, "rb"))  # type: ignore[no-untyped-call]
    return path.open("rb")


def compressing(target: BinaryIO) -> BinaryIO:
    """What compresses into an open file. It says no time and no name, so that the same text gives the same bytes."""
    return cast(BinaryIO, igzip.IGzipFile("", "wb", LEVEL, target, mtime=0))  # type: ignore[no-untyped-call]


@contextmanager
def written_like(path: Path, target: BinaryIO) -> Iterator[BinaryIO]:
    """What writes text into an open file, compressed where another file is."""
    if not is_compressed(path):
        yield target
        return
    with compressing(target) as packed:
        yield packed
