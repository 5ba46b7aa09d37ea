"""From the outbox to the destination: data files, reading back, and the manifest that commits."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from warehouse.core.errors import DeliveryError
from warehouse.core.progress import Progress
from warehouse.deliver.destinations import Destination
from warehouse.deliver.files import FileFacts
from warehouse.deliver.recover import conflict


class _Told(io.RawIOBase):
    """A file that tells how far it was read."""

    def __init__(self, inner: BinaryIO, told: Callable[[int], None]) -> None:
        self._inner, self._told = inner, told

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._inner.read(len(buffer))
        buffer[: len(piece)] = piece
        self._told(self._inner.tell())
        return len(piece)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()


def upload(
    destination: Destination,
    facts: FileFacts,
    path: Path,
    attempt: int,
    ours: bool,
    progress: Progress,
    hook: Callable[[str], None],
) -> None:
    """Put a data file there, unless the very same is there already.

    Args:
        destination: where no manifest of this delivery is.
        ours: whether an earlier attempt may have left a file of this name; only then is another one replaced.
        hook: called with "uploading" while the file is read.

    Raises:
        DestinationRefused: another file of this name is there.
    """
    there = destination.matches(facts)
    if there:
        return
    if there is False and not ours:
        raise conflict(destination, facts.name, "which no attempt of this warehouse wrote")

    def told(done: int) -> None:
        hook("uploading")
        progress.count(f"sending {facts.base_name}", done, facts.bytes)

    with path.open("rb") as inner, io.BufferedReader(_Told(inner, told), 1 << 20) as source:
        created = destination.create(facts, facts.partial_name(attempt), source, replace=there is False)
    if not created and not destination.matches(facts):
        raise conflict(destination, facts.name, "written by somebody else in this moment")


def verify(destination: Destination, facts: FileFacts) -> None:
    """Read a data file back.

    Raises:
        DeliveryError: it is not what was sent.
    """
    there = destination.matches(facts)
    if not there:
        what = "is not there any more" if there is None else "is not what was sent"
        raise DeliveryError(
            f"Reading back {facts.name} at {destination.where}: it {what}.",
            meaning="The manifest was not written, so the delivery does not count.",
            next_command="Run `warehouse deliver` again: it sends it anew. If it stays, ask the destination's owner.",
        )


def write_manifest(destination: Destination, facts: FileFacts, content: bytes, attempt: int) -> None:
    """Write the manifest, which commits the delivery, and read it back.

    Raises:
        DestinationRefused: another one is there.
        DeliveryError: it is not what was sent.
    """
    created = destination.create(facts, facts.partial_name(attempt), io.BytesIO(content), replace=False)
    there = destination.read(facts.name)
    if there is not None and hashlib.sha256(there).hexdigest() == facts.sha256:
        return
    if not created:
        raise conflict(destination, facts.name, "and it is not the manifest of this attempt")
    verify(destination, facts)
