"""One attempt at one delivery, step by step. The ledger records each step before the next begins."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from warehouse.core import data_package
from warehouse.core.contracts import Proof
from warehouse.core.database import connect
from warehouse.core.errors import CheckFailed, DestinationRefused
from warehouse.core.progress import Progress
from warehouse.deliver import volume
from warehouse.deliver.acknowledged import refuse_early, settle
from warehouse.deliver.basis import Basis, Rests
from warehouse.deliver.check import Check
from warehouse.deliver.destinations import Destination
from warehouse.deliver.destinations.base import Doing, conflict
from warehouse.deliver.edition import Edition
from warehouse.deliver.extract import Extract, extract
from warehouse.deliver.files import FileFacts, facts_of
from warehouse.deliver.gate import pass_gate, written
from warehouse.deliver.known_values import Sensitive
from warehouse.deliver.ledger import Ledger
from warehouse.deliver.ledger_records import Entry
from warehouse.deliver.manifests import manifest_of
from warehouse.deliver.outbox import Outbox
from warehouse.deliver.pseudonyms import Pseudonyms
from warehouse.deliver.recover import clean
from warehouse.deliver.upload import Sending

VARIABLE = "WAREHOUSE_DATABASE_URL"


@dataclass(frozen=True)
class Attempt:
    """What an attempt works with.

    Attributes:
        index: keeps whom the files of an attempt hold, by its number.
        because: why a person asked for this revision.
        pseudonyms: what makes them, where the contract asks for any.
        since_last: adds to the files what changed since the delivery before.
        sensitive: the warehouse's sensitive columns, with which the files are compared.
    """

    edition: Edition
    ledger: Ledger
    destination: Destination
    outbox: Outbox
    progress: Progress
    check: Check
    hook: Callable[[str], None]
    index: Callable[[Edition, int, list[Path], Progress], None]
    because: str | None = None
    pseudonyms: Pseudonyms | None = None
    since_last: Callable[[Edition, Extract, Path, Basis, Pseudonyms | None], Extract] | None = None
    sensitive: Sensitive = field(default_factory=Sensitive)

    @property
    def delivery(self) -> str:
        return self.edition.delivery_id

    def run(self, conninfo: str, basis: Basis) -> None:
        """Plan, build, check, upload, verify and close.

        Raises:
            WarehouseError: the attempt ends; its row keeps the last step that was done.
        """
        self.take_steps(conninfo, basis.rests, lambda: self._build(conninfo, basis))

    def take_steps(self, conninfo: str, rests: Rests, build: Callable[[], Extract]) -> None:
        """The same for files that `build` makes and writes down."""
        entry = self.ledger.plan(self.edition, self.destination.where, rests, self.because)
        self.hook("planned")
        self._reach()
        made = build()
        self.hook("built")
        paths = [(self.outbox.path(file.base_name), file) for file in made.files]
        made = self._passed(conninfo, made, paths)
        self.ledger.checked(self.delivery, made.files)
        self.hook("checked")
        rows = [path for path, file in paths if not file.is_metadata]
        self._index(entry.attempt, rows)
        standing = self._manifest_there(made)
        if standing is None:
            refuse_early(self.destination, self.edition)
        clean(self.ledger, self.destination, self.edition, self.progress, keep={file.name for file in made.files})
        sending = Sending(
            self.edition,
            self.ledger,
            self.destination,
            entry.attempt,
            self.ledger.recorded_files(self.delivery),
            self.progress,
            self.hook,
        )
        for file in made.files:
            self.hook("sending")
            sending.send(file, self.outbox.path(file.base_name))
        self.ledger.uploaded(self.delivery)
        self.hook("uploaded")
        self.progress.say(f"{self.delivery}: reading back what was sent")
        for file in made.files:
            sending.verify(file)
        self._commit(made, sending, standing)
        self.hook("committed")
        settle(self.ledger, self.destination, self.edition)
        self.outbox.release()
        self.hook("closed")

    def _index(self, attempt: int, paths: list[Path]) -> None:
        self.index(self.edition, attempt, paths, self.progress)

    def _reach(self) -> None:
        """Meet a place that does not answer, has another key or lets nobody in before the files are made, not after."""
        try:
            self.destination.read(self.edition.manifest_name)
        except DestinationRefused as error:
            if error.denied is None:
                raise

    def _build(self, conninfo: str, basis: Basis) -> Extract:
        self.outbox.make_empty()
        self.progress.say(f"{self.delivery}: writing the file")
        with closing(connect(conninfo, what="the warehouse", variable=VARIABLE)) as reader:
            made = extract(reader, self.edition, basis, self.outbox, self.progress, self.hook, self.pseudonyms)
        if self.since_last:
            made = self.since_last(self.edition, made, self.outbox.folder, basis, self.pseudonyms)
        self.ledger.built(self.delivery, made.files, made.as_at)
        return made

    def _passed(self, conninfo: str, made: Extract, paths: list[tuple[Path, FileFacts]]) -> Extract:
        """Have the files pass the gate; those that are refused are put aside. Adds what was counted."""
        before, released = self.ledger.before(self.edition), self.ledger.released(self.delivery)
        found = volume.of_delivery(self.edition, made.files, before, released)
        if before is None:
            self.progress.say(f"{self.delivery}: the first one, so there is none to compare its number of rows with")
        try:
            with closing(connect(conninfo, what="the warehouse", variable=VARIABLE, read_only=True)) as reader:
                counted = pass_gate(self.edition, paths, found, self.check, reader, self.sensitive, self.progress)
        except CheckFailed as error:
            self.outbox.set_aside(written(error))
            raise
        return replace(
            made,
            files=tuple(
                replace(
                    file,
                    formulas=counted.formulas.get(file.name, file.formulas),
                    singled_out=counted.singled_out.get(file.name),
                )
                for file in made.files
            ),
        )

    def _manifest_there(self, made: Extract) -> bytes | None:
        """A manifest that is there though the ledger knows nothing of it, as after the loss of the warehouse.

        Raises:
            DestinationRefused: it is not about the files that were just made.
        """
        if self.edition.contract.proof is Proof.WRITE_ONLY:
            return None
        name = self.edition.manifest_name
        try:
            found = self.destination.read(name)
        except DestinationRefused as error:
            if error.denied != Doing.READING:
                raise
            return None  # the manifest is created only where none is, so nothing is lost by not looking
        if found is None:
            return None
        wanted = {file.base_name: file.sha256 for file in made.files}
        if data_package.hashes(found, self.delivery) != wanted:
            raise conflict(self.destination, name, "of a delivery whose files are not those of today")
        return found

    def _commit(self, made: Extract, sending: Sending, standing: bytes | None) -> None:
        previous, entry = self.ledger.previous(self.edition), self._entry()
        content = standing or manifest_of(self.ledger, self.edition, entry, made.files)
        path = self.outbox.write(data_package.NAME, content)
        facts: FileFacts = facts_of(path, self.edition.manifest_name, None, "manifest")
        self.ledger.verified(self.delivery, facts, previous[0].delivery_id if previous else None)
        self.hook("verified")
        sending.write_manifest(facts, content)

    def _entry(self) -> Entry:
        entry = self.ledger.entry(self.delivery)
        assert entry is not None
        return entry
