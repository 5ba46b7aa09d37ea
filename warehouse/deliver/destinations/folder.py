"""A folder, of this machine or mounted on it."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from warehouse.deliver.destinations.base import LARGEST_MANIFEST, full, refused
from warehouse.deliver.files import FileFacts, chunks
from warehouse.deliver.outbox import sync_folder

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK)


class Folder:
    """A folder as a destination. A file is written under its partial name and linked to its own when it is whole."""

    has_partials = True

    def __init__(self, folder: Path) -> None:
        self.where = str(folder)
        self._folder = folder

    def create(self, facts: FileFacts, partial: str, source: BinaryIO, *, replace: bool) -> bool:
        """See Destination. Linking fails when the name is taken, so nobody's file is ever written over."""
        final, unfinished = self._folder / facts.name, self._folder / partial
        with self._failures():
            self._make_folder(final.parent)
            try:
                with _open_for_owner_and_group(unfinished) as target:
                    for piece in chunks(source):
                        target.write(piece)
                    target.flush()
                    os.fsync(target.fileno())
                if replace:
                    unfinished.replace(final)
                else:
                    os.link(unfinished, final)
            except FileExistsError:
                return False
            finally:
                unfinished.unlink(missing_ok=True)
            sync_folder(final.parent)
            return True

    def matches(self, facts: FileFacts) -> bool | None:
        """See Destination; compares SHA-256."""
        digest, path = hashlib.sha256(), self._folder / facts.name
        with self._failures():
            try:
                with path.open("rb") as source:
                    for piece in chunks(source):
                        digest.update(piece)
            except FileNotFoundError:
                return None
        return digest.hexdigest() == facts.sha256

    def read(self, name: str) -> bytes | None:
        """See Destination."""
        with self._failures():
            try:
                with (self._folder / name).open("rb") as source:
                    return source.read(LARGEST_MANIFEST)
            except FileNotFoundError:
                return None

    def remove(self, name: str) -> None:
        """See Destination."""
        with self._failures():
            (self._folder / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing is held open."""

    def _make_folder(self, folder: Path) -> None:
        """Make a folder, and each above it, so that they survive a power cut."""
        if not folder.is_dir():
            self._make_folder(folder.parent)
            folder.mkdir(mode=0o750, exist_ok=True)
            sync_folder(folder.parent)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or type(error).__name__
            if error.errno in _NO_ROOM:
                raise full(self.where, reason) from None
            if error.errno in _NO_LINKS:
                reason += " (its file system must have hard links, or a file could be overwritten)"
            raise refused(self.where, reason, "Check that the folder is there and may be written to") from None


def _open_for_owner_and_group(path: Path) -> BinaryIO:
    """Personal data: not for everybody on the machine. A link in the way is not followed."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o640), "wb")
