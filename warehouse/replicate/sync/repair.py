"""`warehouse replicate repair`: after a lost slot, a repair that was broken off, or damage that a comparison found."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import psycopg

from warehouse.core.databases import Databases
from warehouse.core.errors import ReplicationError, UsageError
from warehouse.core.progress import Progress
from warehouse.replicate import compare, link
from warehouse.replicate.catalog import identity, relations
from warehouse.replicate.classification import Classification, load_classification
from warehouse.replicate.integrity import alterations, apparatus
from warehouse.replicate.ledger import column_states, epochs, gaps
from warehouse.replicate.ledger.differences import Known
from warehouse.replicate.ledger.gaps import Gap
from warehouse.replicate.preflight import preflight, rules
from warehouse.replicate.stream import continuity, missing_rows, notes, subscribed, subscription
from warehouse.replicate.stream.obstacle import IN_DOUBT, error_of
from warehouse.replicate.sync import begin, restart
from warehouse.replicate.sync.in_place import Damage, repair_damage

BROKEN_OFF = "a copy was broken off"


@dataclass(frozen=True)
class Repair:
    """What a repair did.

    Attributes:
        gap: the newest gap that it closed; None when nothing was wrong.
        further: the others, where several were open.
        tables: each table that was compared, with what was written.
        copied: rows of tables that the replica did not have.
        left: damaged rows that were being changed at the source all the while; the next repair takes them.
        held: tables that were left as they are, because a person has to allow what would be deleted.
        left_out: tables and columns (table.column) that are to be replicated and could not be compared, with why.
    """

    gap: Gap | None
    further: list[Gap] = field(default_factory=list)
    tables: list[gaps.GapTable] = field(default_factory=list)
    copied: int = 0
    left: int = 0
    held: list[Known] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def repair(
    databases: Databases,
    progress: Progress,
    *,
    compare_all: bool = False,
    in_full: bool = False,
    allow_deletes: Collection[str] = (),
) -> Repair:
    """Make the replica equal to the source again, and let it stream. Broken off at any step, the next call finishes.

    Args:
        compare_all: compare every table even though nothing is known to be wrong.
        in_full: the same, and look into every row, also of a table whose rows were proven equal and were not written
            since; for damage that no transaction did.
        allow_deletes: tables of which any number of rows may be deleted; of another one not more than a small share.

    Raises:
        SlotTaken: another consumer holds the slot.
        UsageError: a table of allow_deletes is not replicated.
        ReplicationError: nothing was ever set up, or the address leads to another cluster.
        SourceNotReady, MissingPrivilege, ClassificationError, AlreadyRunning: see warehouse.core.errors.
    """
    classification = load_classification()
    name = databases.settings.warehouse_replication_name
    _check_replicated(classification, allow_deletes)
    with databases.source() as trs, databases.warehouse() as warehouse, link.alone(warehouse, name, trs):
        epoch = epochs.current(warehouse, name)
        if epoch is None:
            raise ReplicationError(
                "Nothing is replicated yet, so there is nothing to repair.",
                meaning="Nothing was done.",
                next_command="`warehouse run` makes the first copy.",
            )
        tables = relations.read_tables(trs, classification.schema_name)
        # What the source has dropped since does not keep the rest from being repaired.
        here = classification.existing(tables)
        preflight.require(databases, trs, warehouse, here, rules.TO_STREAM)
        ends = link.Ends(databases, trs, warehouse, here, tables, in_full, allow_deletes)
        compare_all = _restored(ends, name) or compare_all
        reason, doubt = _why(ends, epoch)
        left_out = compare.left_out(trs, warehouse, classification.schema_name, classification.published)
        if reason:
            # Nor does what it has made unfit to be published.
            fit = identity.publishable(here, identity.read(trs, here.schema_name))
            unfit = dict.fromkeys(here.published.keys() - fit.published.keys(), "it cannot be published now")
            begun = begin.set_up(replace(ends, classification=fit), progress, epoch, reason)
            _note(ends, begun.epoch, progress)
            return replace(_of_begun(warehouse, begun), left_out=unfit | left_out)
        subscription.follow_address(warehouse, name, databases.source_conninfo)
        subscription.stay_off_after_errors(warehouse, name)
        subscription.enable(warehouse, name)
        if doubt is not None:
            settled = restart.settle(ends, epoch, doubt, progress)
            if isinstance(settled, begin.Begun):
                _note(ends, settled.epoch, progress)
                return _of_begun(warehouse, settled)
            _note(ends, epoch, progress)
            return _of_damage(warehouse, settled)
        if not (compare_all or in_full or damage_is_known(warehouse, epoch, classification.published)):
            return Repair(None)
        damage = repair_damage(ends, epoch, progress, "rows of the replica differed")
        return replace(_of_damage(warehouse, damage), left_out=left_out)


def _restored(ends: link.Ends, name: str) -> bool:
    """Make what keeps the history as it was made, where somebody has altered it; True when there was something to do.

    What was written meanwhile may have no version, or not be what the source has: every table is compared afterwards.
    """
    published = ends.classification.published
    altered = [one for one in alterations.altered(ends.warehouse, ends.classification, published) if one.restorable]
    if not altered:
        return False
    if subscription.exists(ends.warehouse, name):
        subscription.stop(ends.warehouse, name)
    apparatus.restore(ends.warehouse, ends.classification, published)
    for one in altered:
        column_states.changed(ends.warehouse, "apparatus", one.table, None, f"made as it was: {one.what}")
    return True


def _note(ends: link.Ends, epoch: epochs.Epoch, progress: Progress) -> None:
    """Write down where the slot stands when the stream has come past a mark: the next look is held against that."""
    marked = subscription.mark(ends.trs)
    subscription.wait_for(ends.trs, ends.warehouse, ends.name, marked.lsn, progress)
    begin.place_snapshot(ends, epoch)
    notes.note(ends.databases, ends.trs, ends.warehouse, epoch, marked)


def _of_begun(warehouse: psycopg.Connection, begun: begin.Begun) -> Repair:
    closed = [gaps.read(warehouse, gap.gap_id) for gap in begun.gaps]
    return Repair(
        closed[-1] if closed else None,
        closed[:-1],
        [table for gap in closed for table in gaps.tables_of(warehouse, gap)],
        begun.copied,
        held=begun.held,
    )


def _of_damage(warehouse: psycopg.Connection, done: Damage) -> Repair:
    tables = [table for gap in done.gaps for table in gaps.tables_of(warehouse, gap)]
    if not done.gaps:
        tables = [gaps.GapTable(one.table, one.source_rows, 0, 0, 0, one.carried_from) for one in done.compared]
    return Repair(done.gaps[-1] if done.gaps else None, done.gaps[:-1], tables, left=len(done.left), held=done.held)


def _check_replicated(classification: Classification, names: Collection[str]) -> None:
    unknown = sorted(set(names) - set(classification.published))
    if unknown:
        raise UsageError(
            f"{', '.join(unknown)}: not among the replicated tables.",
            meaning="Nothing was compared, and nothing deleted.",
            next_command="`warehouse replicate status` lists them.",
        )


_KNOWN = """
select exists (select from ledger.hand_writes where settled_at is null and table_name = any(%(tables)s))
    or exists (select from ledger.source_meanings where doubt is not null)
    or exists (select from ledger.doubts where settled_at is null)
    or exists (
        select from ledger.skipped_transactions
        where epoch_id = %(epoch)s and state = 'skipped' and settled_at is null
    )
    or exists (select from ledger.differences where cleared_at is null and table_name = any(%(tables)s))
"""


def damage_is_known(warehouse: psycopg.Connection, epoch: epochs.Epoch, replicated: Collection[str]) -> bool:
    """Whether rows are known to differ: by a comparison, a write by hand, a skipped transaction, or an open gap.

    Or may differ: a name at the source has come to mean something else.
    """
    row = warehouse.execute(_KNOWN, {"epoch": epoch.epoch_id, "tables": list(replicated)}).fetchone()
    updates, deletes = missing_rows.unsettled(warehouse, epoch, epoch.replication_name)
    return bool(updates or deletes or gaps.unrepaired(warehouse, epoch) or (row and row[0]))


def _why(ends: link.Ends, epoch: epochs.Epoch) -> tuple[str | None, restart.Doubt | None]:
    """What is wrong with the slot or the source that a new slot mends; or what a comparison in place does."""
    if epoch.state == "copying":
        return BROKEN_OFF, None
    _, finding = continuity.examine(ends.databases, ends.trs, ends.warehouse, epoch)
    here = subscription.exists(ends.warehouse, epoch.replication_name)
    if finding is None and not here:
        return subscribed.gone().what, None
    if finding is None:
        again = subscribed.copying_again(ends.warehouse, epoch.replication_name, ends.schema)
        return (subscribed.as_error(again).what if again else None), None
    if finding.kind in ("taken", "held by us", "other source", "moved"):
        raise error_of(finding, epoch.slot_name)
    doubt = restart.doubt(ends, epoch) if finding.kind in IN_DOUBT and here else None
    return (None if doubt else finding.reason), doubt
