"""A folder, of this machine or mounted on it."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from warehouse.core.errors import DeliveryError
from warehouse.deliver.destinations.base import (
    LARGEST_MANIFEST,
    MAKING,
    NAMING,
    READING,
    REMOVING,
    WRITING,
    How,
    denied,
    full,
    refused,
)
from warehouse.deliver.files import FileFacts, chunks
from warehouse.deliver.outbox import sync_folder

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK)


class Folder:
    """A folder as a destination. A file is written under its partial name and linked to its own when it is whole.

    Args:
        may_be_made: whether it is made where it is missing. Another one is not: it may be a mount that is not mounted,
            or misspelt.
    """

    has_partials = True

    def __init__(self, folder: Path, *, may_be_made: bool) -> None:
        self.where = str(folder)
        self._folder, self._may_be_made = folder, may_be_made

    def create(self, facts: FileFacts, partial: str, source: BinaryIO, how: How) -> bool:
        """See Destination. Linking fails when the name is taken, so nobody's file is ever written over."""
        final, unfinished = self._folder / facts.name, self._folder / partial
        with self._failures(MAKING, facts.name):
            self._make_folder(final.parent)
        try:
            with self._failures(WRITING, facts.name), _open_for_owner_and_group(unfinished) as target:
                for piece in chunks(source):
                    target.write(piece)
                target.flush()
                os.fsync(target.fileno())
            if how.read_first and self._digest(partial) != facts.sha256:
                raise refused(self.where, f"what was written of {facts.name} is not what was sent", "Check its disk")
            how.naming(True)
            try:
                with self._failures(NAMING, facts.name):
                    try:
                        if how.replace:
                            unfinished.replace(final)
                        else:
                            os.link(unfinished, final)
                    except FileExistsError:
                        how.naming(False)
                        return False
            except DeliveryError:
                how.naming(False)
                raise
        finally:
            # What hinders this hindered the writing, too, and is told there.
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
        with suppress(PermissionError):  # a drop box may not be opened, not even to make its names survive a power cut
            sync_folder(final.parent)
        return True

    def matches(self, facts: FileFacts) -> bool | None:
        """See Destination; compares SHA-256."""
        digest = self._digest(facts.name)
        return None if digest is None else digest == facts.sha256

    def _digest(self, name: str) -> str | None:
        digest = hashlib.sha256()
        with self._failures(READING, name):
            try:
                with (self._folder / name).open("rb") as source:
                    for piece in chunks(source):
                        digest.update(piece)
            except FileNotFoundError:
                return None
        return digest.hexdigest()

    def read(self, name: str) -> bytes | None:
        """See Destination."""
        with self._failures(READING, name):
            try:
                with (self._folder / name).open("rb") as source:
                    return source.read(LARGEST_MANIFEST)
            except FileNotFoundError:
                return None

    def remove(self, name: str) -> None:
        """See Destination."""
        with self._failures(REMOVING, name):
            (self._folder / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing is held open."""

    def _make_folder(self, folder: Path) -> None:
        """Make a folder, and each above it, so that they survive a power cut."""
        if not folder.is_dir():
            if folder == self._folder and not self._may_be_made and not folder.exists():
                raise refused(self.where, "there is no such folder", "Make or mount it, or correct the setting")
            self._make_folder(folder.parent)
            folder.mkdir(mode=0o750, exist_ok=True)
            with suppress(PermissionError):
                sync_folder(folder.parent)

    @contextmanager
    def _failures(self, doing: str, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or type(error).__name__
            if error.errno in _NO_ROOM:
                raise full(self.where, reason) from None
            if error.errno in _DENIED and not (doing == NAMING and error.errno == errno.EPERM):
                raise denied(self.where, doing, name, reason) from None
            if error.errno in _NO_LINKS:
                reason += " (its file system must have hard links, or a file could be overwritten)"
            raise refused(self.where, reason, "Check that the folder is there and may be written to") from None


def _open_for_owner_and_group(path: Path) -> BinaryIO:
    """Personal data: not for everybody on the machine. A link in the way is not followed."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o640), "wb")
