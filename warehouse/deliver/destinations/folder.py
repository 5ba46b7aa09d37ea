"""A folder, of this machine or mounted on it."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from warehouse.core.contracts import Proof
from warehouse.core.destinations import folder_of
from warehouse.core.errors import DeliveryError
from warehouse.core.settings import Settings
from warehouse.core.whole_files import chunks, sync_folder
from warehouse.deliver.destinations.base import LARGEST_MANIFEST, Destination, Doing, How
from warehouse.deliver.files import FileFacts

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK)


def open_at(url: str, settings: Settings) -> Folder:
    """The folder that a URL or a path names; that of WAREHOUSE_DELIVERIES may be made."""
    folder = folder_of(url)
    return Folder(folder, may_be_made=folder == folder_of(str(settings.warehouse_deliveries)))


class Folder(Destination):
    """A folder as a destination. A file is written under its partial name and linked to its own when it is whole.

    Args:
        may_be_made: whether it is made where it is missing. Another one is not: it may be a mount that is not mounted,
            or misspelt.
    """

    def __init__(self, folder: Path, *, may_be_made: bool) -> None:
        super().__init__(str(folder), is_here=True)
        self._folder, self._may_be_made = folder, may_be_made

    def create(self, facts: FileFacts, partial: str, source: BinaryIO, how: How) -> bool:
        """See Destination. Linking fails when the name is taken, so no file of others is ever written over."""
        final, unfinished = self._folder / facts.name, self._folder / partial
        with self._failures(Doing.MAKING, facts.name):
            self._make_folder(final.parent)
        try:
            with self._failures(Doing.WRITING, facts.name), self._open(unfinished) as target:
                for piece in chunks(source):
                    target.write(piece)
                target.flush()
                os.fsync(target.fileno())
            if how.proof is Proof.PICK_UP and self._digest(partial) != facts.sha256:
                raise self.not_what_was_sent(facts.name)
            how.naming(True)
            try:
                with self._failures(Doing.NAMING, facts.name):
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
            # What hinders this also hindered the writing, whose error is the one to report.
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
        with self._failures(Doing.READING, name):
            try:
                with (self._folder / name).open("rb") as source:
                    for piece in chunks(source):
                        digest.update(piece)
            except FileNotFoundError:
                return None
        return digest.hexdigest()

    def read(self, name: str) -> bytes | None:
        """See Destination."""
        with self._failures(Doing.READING, name):
            try:
                with (self._folder / name).open("rb") as source:
                    return source.read(LARGEST_MANIFEST)
            except FileNotFoundError:
                return None

    def fetch(self, name: str, path: Path) -> bool:
        """See Destination."""
        with self._failures(Doing.READING, name):
            try:
                with (self._folder / name).open("rb") as source, path.open("wb") as target:
                    for piece in chunks(source):
                        target.write(piece)
            except FileNotFoundError:
                return False
        return True

    def remove(self, name: str) -> None:
        """See Destination."""
        with self._failures(Doing.REMOVING, name):
            (self._folder / name).unlink(missing_ok=True)

    def room(self) -> int | None:
        """See Destination."""
        with self._failures(Doing.READING, "its free space"):
            return shutil.disk_usage(self._folder).free

    def close(self) -> None:
        """Nothing is held open."""

    def _make_folder(self, folder: Path) -> None:
        """Make a folder, and each above it, so that they survive a power cut."""
        if not folder.is_dir():
            if folder == self._folder and not self._may_be_made and not folder.exists():
                raise self.refused("there is no such folder", "Make or mount it, or correct the setting")
            self._make_folder(folder.parent)
            folder.mkdir(mode=0o700, exist_ok=True)
            if folder != self._folder and (for_group := self._for_group() & 0o050):
                # Not by `mode`: the umask of this program leaves the group out. What else is set stays, such as setgid.
                folder.chmod(stat.S_IMODE(folder.stat().st_mode) | for_group)
            with suppress(PermissionError):
                sync_folder(folder.parent)

    def _for_group(self) -> int:
        """What the group may do with the folder, as whoever made it has decided; with our own one, nothing."""
        return 0 if self._may_be_made else stat.S_IMODE(self._folder.stat().st_mode) & 0o070

    def _open(self, path: Path) -> BinaryIO:
        """Personal data: not for everybody on the machine. A link in the way is not followed."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        os.fchmod(handle, 0o600 | self._for_group() & 0o040)
        return os.fdopen(handle, "wb")

    @contextmanager
    def _failures(self, doing: Doing, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or type(error).__name__
            if error.errno in _NO_ROOM:
                raise self.full(reason) from None
            if error.errno in _DENIED and not (doing == Doing.NAMING and error.errno == errno.EPERM):
                raise self.denied(doing, name, reason) from None
            if error.errno in _NO_LINKS:
                reason += " (its file system must have hard links, or a file could be overwritten)"
            raise self.refused(reason, "Check that the folder is there and may be written to") from None
