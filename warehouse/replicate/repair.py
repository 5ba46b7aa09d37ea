"""`warehouse replicate repair`: after a lost slot, a repair that was broken off, or damage that a comparison found."""

from __future__ import annotations

from dataclasses import dataclass, field

import psycopg

from warehouse.core.databases import Databases
from warehouse.core.errors import ReplicationError
from warehouse.core.progress import Progress
from warehouse.replicate import epochs, gaps, position, setup, source, subscription
from warehouse.replicate.classification import load_classification
from warehouse.replicate.damage import repair_damage
from warehouse.replicate.gaps import Gap
from warehouse.replicate.guard import subscribed

BROKEN_OFF = "a copy was broken off"


@dataclass(frozen=True)
class Repair:
    """What a repair did.

    Attributes:
        gap: what is recorded of it; None when nothing was wrong.
        tables: each table that was compared, with what was written.
        copied: rows of tables that the replica did not have.
        left: damaged rows that were being changed at the source all the while; the next repair takes them.
    """

    gap: Gap | None
    tables: list[gaps.GapTable] = field(default_factory=list)
    copied: int = 0
    left: int = 0


def repair(databases: Databases, progress: Progress, *, compare_all: bool = False, in_full: bool = False) -> Repair:
    """Make the replica equal to the source again, and let it stream. Broken off at any step, the next call finishes.

    Args:
        compare_all: compare every table even though nothing is known to be wrong.
        in_full: the same, and look into every row, also of a table whose rows were proven equal and were not written
            since; for damage that no transaction did.

    Raises:
        SlotTaken: another consumer holds the slot.
        ReplicationError: nothing was ever set up, or the address leads to another cluster.
        SourceNotReady, MissingPrivilege, ClassificationError, AlreadyRunning: see warehouse.core.errors.
    """
    classification = load_classification()
    name = databases.settings.warehouse_replication_name
    with databases.source() as trs, databases.warehouse() as warehouse, setup.alone(warehouse, name):
        epoch = epochs.current(warehouse, name)
        if epoch is None:
            raise ReplicationError(
                "Nothing is replicated yet, so there is nothing to repair.",
                meaning="Nothing was done.",
                next_command="`warehouse run` makes the first copy.",
            )
        source.check_server(trs)
        tables = source.read_tables(trs, classification.schema_name)
        # What the source has dropped since does not keep the rest from being repaired.
        here = classification.existing(tables)
        source.check_readable(trs, here.schema_name, here.published)
        ends = setup.Ends(databases, trs, warehouse, here, tables, in_full)
        reason = BROKEN_OFF if epoch.state == "copying" else _why(databases, trs, warehouse, epoch, here.schema_name)
        if reason:
            begun = setup.set_up(ends, progress, epoch, reason)
            marked = subscription.mark(trs)
            subscription.wait_for(trs, warehouse, name, marked.lsn, progress)
            setup.place_snapshot(ends, begun.epoch)
            position.note(trs, warehouse, begun.epoch, marked)
            repaired = gaps.read(warehouse, begun.gap.gap_id) if begun.gap else None
            return Repair(repaired, gaps.tables_of(warehouse, repaired) if repaired else [], begun.copied)
        subscription.follow_address(warehouse, name, databases.source_conninfo)
        subscription.stay_off_after_errors(warehouse, name)
        subscription.enable(warehouse, name)
        if not (compare_all or in_full or damage_is_known(warehouse, epoch)):
            return Repair(None)
        gap, compared, left = repair_damage(ends, epoch, progress, "rows of the replica differed")
        return Repair(gap, compared, left=left)


def damage_is_known(warehouse: psycopg.Connection, epoch: epochs.Epoch) -> bool:
    """Whether rows are known to differ: by the last reconciliation, by a write by hand, or by a repair broken off.

    Or may differ: a name at the source has come to mean something else.
    """
    row = warehouse.execute(
        "select exists (select from ledger.gaps where new_epoch = %(epoch)s and repaired_at is null)"
        " or exists (select from ledger.hand_writes where settled_at is null)"
        " or exists (select from ledger.source_meanings where doubt is not null)"
        " or coalesce((select r.result = 'differs' and not exists ("
        "  select from ledger.gaps as g where g.new_epoch = r.epoch_id and g.repaired_at > r.ended_at)"
        "  from ledger.reconciliations as r where r.epoch_id = %(epoch)s"
        "  order by r.reconciliation_id desc limit 1), false)",
        {"epoch": epoch.epoch_id},
    ).fetchone()
    return bool(row and row[0])


def _why(
    databases: Databases, trs: psycopg.Connection, warehouse: psycopg.Connection, epoch: epochs.Epoch, schema: str
) -> str | None:
    """What is wrong with the slot or the source that a new slot mends; None when nothing is."""
    _, finding = position.examine(databases.source_conninfo, trs, warehouse, epoch)
    if finding is None:
        again = subscribed.copying_again(warehouse, epoch.replication_name, schema)
        return subscribed.as_error(again).what if again else None
    if finding.kind in ("taken", "other source"):
        raise position.as_error(finding, epoch)
    return finding.reason
