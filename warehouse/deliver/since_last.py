"""What a delivery's manifest says of the one before it: that one is read back, and made again where that is needed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg

from warehouse.core.contracts import Proof
from warehouse.core.database import connect, one
from warehouse.core.errors import BeforeHistory, BuildFailed, DeliveredFilesDiffer, DeliveryGone
from warehouse.core.progress import Progress
from warehouse.deliver.basis import Basis
from warehouse.deliver.changes import Sides, changes
from warehouse.deliver.edition import Edition, edition_of
from warehouse.deliver.extract import Extract, extract
from warehouse.deliver.files import FileFacts
from warehouse.deliver.history import BasisThen, History, basis_of
from warehouse.deliver.ledger import Ledger
from warehouse.deliver.ledger_records import Entry
from warehouse.deliver.outbox import Outbox
from warehouse.deliver.pseudonyms import Pseudonyms
from warehouse.deliver.stored import fetch

if TYPE_CHECKING:
    from warehouse.deliver.world import World

NOTE_FIRST: Final = "The first delivery: there is none to compare it with."
NOTE_NOT_TOLD: Final = (
    "What was known then could not be made again by the models of now, so two reasons are counted as one."
)

_MADE_BY: Final = """
select d.contract_content_sha256, b.project_sha256
from ledger.deliveries as d left join ledger.builds as b using (build_id)
where d.delivery_id = %s
"""
_PROJECT: Final = "select project_sha256 from ledger.builds where build_id = %s"
_TAKEN_OUT: Final = """
select split_part(name, '/', -1), sum(old_rows - new_rows)::bigint
from ledger.erased_deliveries where delivery_id = %s and held = 'here' group by 1
"""
_THEIRS: Final = """
select exists (select from ledger.erased_deliveries where delivery_id = %s and held <> 'here')
"""


@dataclass(frozen=True)
class SinceLast:
    """Compares each new delivery of a contract that asks for it.

    Attributes:
        history: builds what was known then; None where it may not be asked.
    """

    world: World
    connection: psycopg.Connection
    ledger: Ledger
    progress: Progress
    history: History | None

    def __call__(
        self, edition: Edition, made: Extract, folder: Path, basis: Basis, pseudonyms: Pseudonyms | None
    ) -> Extract:
        """The same files, each with what changed in its table, where the contract asks for it.

        Args:
            folder: with the files.

        Raises:
            WarehouseError: the place of the delivery before does not answer.
        """
        if edition.contract.changes is None:
            return made
        known = self.ledger.previous(edition) or self.ledger.replaced(edition)
        if known is None:
            return _with(made, lambda _: {"since": None, "note": NOTE_FIRST})
        entry = known[0]
        if edition.contract.proof is Proof.WRITE_ONLY:
            return _with(made, lambda _: _not_read(entry, "Nothing may be read where it was sent."))
        home = self.world.settings.warehouse_home
        outboxes = [Outbox(home, f"{edition.delivery_id}.{name}") for name in ("before", "again")]
        try:
            for outbox in outboxes:
                outbox.make_empty()
            self.progress.say(f"{edition.delivery_id}: reading {entry.delivery_id} back, to say what changed")
            before = fetch(entry, self.world.settings, outboxes[0], None)
            other = edition_of(edition.contract, entry.delivery_id)
            assert other is not None, "an earlier delivery of the contract"
            needed, erased = self._needs_history(edition, basis, entry)
            again = needed and self._again(other, entry, basis, outboxes[1], pseudonyms)
            sides = Sides(
                edition=edition,
                folder=folder,
                before=before,
                before_edition=other,
                again=outboxes[1].folder if again else None,
                taken_out=dict(self.connection.execute(_TAKEN_OUT, (entry.delivery_id,)).fetchall()),
                has_erased=erased,
                is_told=bool(again) or not needed,
            )
            found = changes(sides, self.progress)
        except (DeliveryGone, DeliveredFilesDiffer) as error:
            said = error.what
            return _with(made, lambda _: _not_read(entry, said))
        finally:
            for outbox in outboxes:
                outbox.clear()
        note = {} if sides.is_told else {"note": NOTE_NOT_TOLD}

        def told(file: FileFacts) -> dict[str, Any]:
            about = edition.of_file(file.base_name)
            assert about is not None, "a file that was made under this contract"
            return {"since": entry.delivery_id, **found[about.table], **note}

        return _with(made, told)

    def _needs_history(self, edition: Edition, basis: Basis, entry: Entry) -> tuple[bool, bool]:
        """Whether the models or the contract of now are others than then, or people were erased; and the latter."""
        content, project = one(self.connection, _MADE_BY, (entry.delivery_id,))
        (now,) = one(self.connection, _PROJECT, (basis.build.build_id,))
        (erased,) = one(self.connection, _THEIRS, (entry.delivery_id,))
        return content != edition.contract.content_sha256 or project != now or erased, erased

    def _again(self, other: Edition, entry: Entry, basis: Basis, outbox: Outbox, pseudonyms: Pseudonyms | None) -> bool:
        """Make the delivery before once more from what was known then; whether that could be done."""
        if self.history is None or isinstance(basis, BasisThen) or entry.known_at is None or entry.as_at is None:
            return False
        world = self.world
        try:
            with self.history.build(other.contract.models, entry.known_at, entry.as_at, tested=False) as then:
                old = basis_of(self.connection, then, world.today, world.calendar, by_the_clock=world.by_the_clock)
                self.progress.say(f"{entry.delivery_id}: once more from {old}, to tell changed rules from news")
                with closing(connect(world.conninfo, what="the warehouse", variable="WAREHOUSE_DATABASE_URL")) as rows:
                    extract(rows, other, old, outbox, self.progress, lambda _: None, pseudonyms)
        except (BeforeHistory, BuildFailed):
            return False
        return True


def _not_read(entry: Entry, why: str) -> dict[str, Any]:
    return {"since": entry.delivery_id, "note": f"Not compared with it: {why}"}


def _with(made: Extract, told: Callable[[FileFacts], dict[str, Any]]) -> Extract:
    files = tuple(replace(file, content={**(file.content or {}), "changes": told(file)}) for file in made.files)
    return replace(made, files=files)
