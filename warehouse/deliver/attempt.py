"""One attempt at one delivery, step by step. The ledger is told of each step before the next begins."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import date

from warehouse.core.contracts import Contract
from warehouse.core.database import connect
from warehouse.core.progress import Progress
from warehouse.deliver import manifest
from warehouse.deliver.check import Check
from warehouse.deliver.destinations import Destination
from warehouse.deliver.due import delivery_id
from warehouse.deliver.extract import Extract, extract
from warehouse.deliver.files import FileFacts, facts_of
from warehouse.deliver.ledger import Entry, Ledger
from warehouse.deliver.outbox import Outbox
from warehouse.deliver.periods import Month
from warehouse.deliver.recover import clean, conflict
from warehouse.deliver.upload import upload, verify, write_manifest


@dataclass(frozen=True)
class Attempt:
    """What an attempt works with."""

    contract: Contract
    period: Month
    ledger: Ledger
    destination: Destination
    outbox: Outbox
    progress: Progress
    check: Check
    hook: Callable[[str], None]

    @property
    def delivery(self) -> str:
        return delivery_id(self.contract, self.period)

    def run(self, conninfo: str, today: date, build_id: int | None) -> None:
        """Plan, build, check, upload, verify and close.

        Raises:
            WarehouseError: the attempt ends here; its row stands at the last step that was done.
        """
        entry = self.ledger.plan(self.contract, self.period, self.destination.where, build_id)
        self.hook("planned")
        made = self._build(conninfo, today)
        self.hook("built")
        paths = [(self.outbox.path(file.base_name), file) for file in made.files]
        self.check(self.contract, paths, self.progress)
        self.ledger.checked(self.delivery)
        self.hook("checked")
        standing = self._manifest_there(made)
        self._upload(made, entry)
        self.ledger.uploaded(self.delivery)
        self.hook("uploaded")
        self.progress.say(f"{self.delivery}: reading back what was sent")
        for file in made.files:
            verify(self.destination, file)
        self._commit(made, entry, build_id, standing)
        self.hook("committed")
        self.ledger.closed(self.delivery)
        self.hook("closed")

    def _build(self, conninfo: str, today: date) -> Extract:
        self.outbox.make_empty()
        self.progress.say(f"{self.delivery}: writing the file")
        with closing(connect(conninfo, what="the warehouse", variable="WAREHOUSE_DATABASE_URL")) as reader:
            made = extract(reader, self.contract, self.period, today, self.outbox, self.progress, self.hook)
        self.ledger.built(self.delivery, made.files, made.as_at)
        return made

    def _manifest_there(self, made: Extract) -> bytes | None:
        """A manifest that is there though the ledger knows nothing of it, as after the loss of the warehouse.

        Raises:
            DestinationRefused: it is not about the files that were just made.
        """
        name = manifest.manifest_name(self.contract, self.period)
        found = self.destination.read(name)
        if found is None:
            return None
        wanted = {file.base_name: file.sha256 for file in made.files}
        if manifest.hashes(found, self.delivery) != wanted:
            raise conflict(self.destination, name, "of a delivery whose files are not those of today")
        return found

    def _upload(self, made: Extract, entry: Entry) -> None:
        names = {file.name for file in made.files}
        clean(self.ledger, self.destination, self.contract, self.period, self.delivery, keep=names)
        before = {one.facts.name for one in self.ledger.recorded_files(self.delivery) if one.attempt < entry.attempt}
        for file in made.files:
            self.hook("sending")
            upload(
                self.destination,
                file,
                self.outbox.path(file.base_name),
                entry.attempt,
                file.name in before,
                self.progress,
                self.hook,
            )
            self.ledger.file_uploaded(self.delivery, entry.attempt, file.name)

    def _commit(self, made: Extract, entry: Entry, build_id: int | None, standing: bytes | None) -> None:
        previous = self.ledger.previous(self.contract, self.period)
        content = standing or manifest.build(self.contract, self.period, self.delivery, made, build_id, previous)
        path = self.outbox.write(manifest.NAME, content)
        name = manifest.manifest_name(self.contract, self.period)
        facts: FileFacts = facts_of(path, name, None, "manifest")
        self.ledger.verified(self.delivery, facts, previous[0].delivery_id if previous else None)
        self.hook("verified")
        write_manifest(self.destination, facts, content, entry.attempt)
        self.ledger.file_uploaded(self.delivery, entry.attempt, name)
