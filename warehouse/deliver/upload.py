"""From the outbox to the destination: data files, reading back, and the manifest that commits."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from warehouse.core.contracts import Proof
from warehouse.core.errors import DeliveryError, DestinationRefused
from warehouse.core.progress import Progress
from warehouse.deliver.destinations import Destination
from warehouse.deliver.destinations.base import Doing, How, conflict
from warehouse.deliver.edition import Edition
from warehouse.deliver.files import FileFacts
from warehouse.deliver.ledger import Ledger
from warehouse.deliver.ledger_records import RecordedFile
from warehouse.deliver.vanished import may_be_taken, sent, vanished


class _Counted(io.RawIOBase):
    """A file that reports how far it was read."""

    def __init__(self, inner: BinaryIO, report: Callable[[int], None]) -> None:
        self._inner, self._report = inner, report

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._inner.read(len(buffer))
        buffer[: len(piece)] = piece
        self._report(self._inner.tell())
        return len(piece)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()


@dataclass(frozen=True)
class Sending:
    """What the steps of one attempt at the destination have in common.

    Attributes:
        recorded: the files of this attempt and of every earlier one.
        hook: called with "uploading" while a file is read, with "removing" and "naming" before one gives way and gets
            its name.
    """

    edition: Edition
    ledger: Ledger
    destination: Destination
    attempt: int
    recorded: Sequence[RecordedFile]
    progress: Progress
    hook: Callable[[str], None]

    def send(self, facts: FileFacts, path: Path) -> None:
        """Put a data file there, unless the very same is there already, or may be with the recipient.

        Raises:
            DestinationRefused: another file of this name is there.
            FilesVanished: an earlier attempt sent one, which is not to be seen, and this one is another.
        """
        earlier = [one for one in self.recorded if one.attempt < self.attempt and one.facts.name == facts.name]
        was_sent = [one for one in sent(earlier) if one.facts.name == facts.name]
        there = self._look(facts)
        if there is None and was_sent:
            if was_sent[0].facts.sha256 == facts.sha256 and was_sent[0].confirmed and not self._reads:
                self._confirmed(facts)
                return
            raise vanished(self.edition, self.destination.where, [facts.name])
        if not there:
            if there is False and not earlier:
                raise conflict(self.destination, facts.name, "which no attempt of this warehouse wrote")
            self._create(facts, path, replace=there is False)
        self._confirmed(facts)

    def verify(self, facts: FileFacts) -> None:
        """Read a data file back, as far as the contract asks for it.

        Raises:
            FilesVanished: it is not there any more, and the contract does not say that it may be taken.
            DeliveryError: it is not what was sent.
        """
        if not self._reads:
            return
        there = self.destination.matches(facts)
        if there is None and not may_be_taken(self.edition.contract):
            raise vanished(self.edition, self.destination.where, [facts.name])
        if there is False:
            raise _another(self.destination, facts)

    def write_manifest(self, facts: FileFacts, content: bytes, *, may_be_there: bool = False) -> None:
        """Write the manifest, which commits the delivery, and read it back.

        Args:
            may_be_there: a person said that the recipient has the delivery, so that a manifest there is ours.

        Raises:
            DestinationRefused: another one is there.
            FilesVanished: it is not to be found.
            DeliveryError: it is not what was sent.
        """
        how = How(proof=self.edition.contract.proof, naming=lambda begins: self._naming(facts, begins))
        created = self.destination.create(facts, facts.partial_name(self.attempt), io.BytesIO(content), how)
        if created:
            self._confirmed(facts)
        if self._reads:
            found = self.destination.read(facts.name)
            if found is not None and hashlib.sha256(found).hexdigest() == facts.sha256:
                self._confirmed(facts)
                return
            if not created:
                raise conflict(self.destination, facts.name, "and it is not the manifest of this attempt")
            if found is not None:
                raise _another(self.destination, facts)
            if not may_be_taken(self.edition.contract):
                raise vanished(self.edition, self.destination.where, [facts.name])
        elif not created and not may_be_there:
            raise vanished(self.edition, self.destination.where, [facts.name])

    @property
    def _reads(self) -> bool:
        return self.edition.contract.proof is not Proof.WRITE_ONLY

    def _look(self, facts: FileFacts) -> bool | None:
        """Whether the file is there, as far as the place says so. Creating never overwrites, so it need not say."""
        if not self._reads:
            return None
        try:
            return self.destination.matches(facts)
        except DestinationRefused as error:
            if error.denied != Doing.READING:
                raise
            return None

    def _create(self, facts: FileFacts, path: Path, *, replace: bool) -> None:
        def report(done: int) -> None:
            self.hook("uploading")
            self.progress.count(f"sending {facts.base_name}", done, facts.bytes)

        how = How(
            replace=replace,
            proof=self.edition.contract.proof,
            naming=lambda begins: self._naming(facts, begins),
            removing=lambda: self._removing(facts),
        )
        with path.open("rb") as inner, io.BufferedReader(_Counted(inner, report), 1 << 20) as source:
            created = self.destination.create(facts, facts.partial_name(self.attempt), source, how)
        if not created and not (self._reads and self.destination.matches(facts)):
            raise conflict(self.destination, facts.name, "written by another program at this moment")

    def _naming(self, facts: FileFacts, begins: bool) -> None:
        self.ledger.naming(self.edition.delivery_id, self.attempt, facts.name, begins)
        if begins:
            self.hook("naming")

    def _removing(self, facts: FileFacts) -> None:
        self.ledger.removed(self.edition.delivery_id, facts.name, before=self.attempt)
        self.hook("removing")

    def _confirmed(self, facts: FileFacts) -> None:
        self.ledger.file_uploaded(self.edition.delivery_id, self.attempt, facts.name)


def _another(destination: Destination, facts: FileFacts) -> DeliveryError:
    return DeliveryError(
        f"Reading back {facts.name} at {destination.where}: it is not what was sent.",
        meaning="The delivery does not count.",
        next_command="Run `warehouse deliver`: it sends the file again. If that does not help, ask the destination's "
        "owner.",
    )
