"""Files that are there whole or not at all, also after a power cut, and their checksums."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 20
"""Of a file that is read in pieces, in bytes."""


def chunks(source: BinaryIO) -> Iterator[bytes]:
    """A stream in pieces of CHUNK bytes."""
    while piece := source.read(CHUNK):
        yield piece


def sha256(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as source:
        for piece in chunks(source):
            digest.update(piece)
    return digest.hexdigest()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def give_name(unfinished: Path, path: Path) -> None:
    """Give a file that was written whole its name, in the place of a file of that name."""
    with unfinished.open("rb") as handle:
        os.fsync(handle.fileno())
    unfinished.replace(path)
    sync_folder(path.parent)
