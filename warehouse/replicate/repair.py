"""`warehouse replicate repair`: after a lost slot, an interrupted repair, or damage that a comparison found."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from warehouse.core.database import one
from warehouse.core.databases import Databases
from warehouse.core.errors import ReplicationError, UsageError
from warehouse.core.progress import Progress
from warehouse.replicate import compare, door
from warehouse.replicate.catalog import identity, relations
from warehouse.replicate.classification import Classification
from warehouse.replicate.integrity import alterations, apparatus
from warehouse.replicate.ledger import column_states, gaps
from warehouse.replicate.ledger.differences import Known
from warehouse.replicate.ledger.gaps import Gap
from warehouse.replicate.link import Depth, Ends
from warehouse.replicate.preflight import preflight, rules
from warehouse.replicate.stream import continuity, missing_rows, notes, subscribed, subscription
from warehouse.replicate.stream.mark import emit_mark, wait_for
from warehouse.replicate.stream.obstacle import IN_DOUBT, error_of
from warehouse.replicate.sync import begin, restart
from warehouse.replicate.sync.begin import Begun
from warehouse.replicate.sync.in_place import Damage, repair_damage

INTERRUPTED = "a copy was interrupted"


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
    databases: Databases, progress: Progress, *, depth: Depth = "known", allow_deletes: Collection[str] = ()
) -> Repair:
    """Make the replica equal to the source again, and let it stream. Interrupted at any step, the next call finishes.

    Args:
        depth: how far it looks where the slot itself is in order.
        allow_deletes: tables of which any number of rows may be deleted; of another one not more than a small share.

    Raises:
        SlotTaken: another consumer holds the slot.
        UsageError: a table of allow_deletes is not replicated.
        ReplicationError: nothing was ever set up, or the address leads to another cluster.
        SourceNotReady, MissingPrivilege, ClassificationError, AlreadyRunning: see warehouse.core.errors.
    """
    with door.connected_alone(databases, progress) as ends:
        _check_replicated(ends.classification, allow_deletes)
        return _repaired(replace(ends, depth=depth, allow_deletes=allow_deletes))


def _repaired(ends: Ends) -> Repair:
    classification, warehouse, name = ends.classification, ends.warehouse, ends.name
    if ends.current is None:
        raise ReplicationError(
            "Nothing is replicated yet, so there is nothing to repair.",
            meaning="Nothing was done.",
            next_command="`warehouse run` makes the first copy.",
        )
    # What the source has dropped since does not keep the rest from being repaired.
    existing = classification.existing(relations.read_tables(ends.trs, ends.schema))
    ends = ends.of(existing)
    preflight.require(ends, rules.TO_STREAM)
    was_altered = _restored(ends)
    reason, doubt = _why(ends)
    left_out = compare.left_out(ends.trs, warehouse, classification)
    if reason:
        # Nor does what it has made unfit to be published.
        fit = identity.publishable(existing, identity.read(ends.trs, ends.schema))
        unfit = dict.fromkeys(existing.published.keys() - fit.published.keys(), "it cannot be published now")
        return replace(_of_begun(ends, begin.set_up(ends.of(fit), reason)), left_out=unfit | left_out)
    subscription.follow_address(warehouse, name, ends.databases.source_conninfo)
    _set_right(ends)
    subscription.enable(warehouse, name)
    if doubt is not None:
        done = restart.settle(ends, doubt)
        if isinstance(done, Begun):
            return _of_begun(ends, done)
        _note(ends)
        return _of_damage(ends, done)
    if ends.depth == "known" and not was_altered and not damage_is_known(ends.of(classification)):
        return Repair(None)
    return replace(_of_damage(ends, repair_damage(ends, "rows of the replica differed")), left_out=left_out)


def _restored(ends: Ends) -> bool:
    """Restore what keeps the history, where somebody has altered it; True when there was something to do.

    What was written meanwhile may have no version, or not be what the source has: every table is compared afterwards.
    """
    found = alterations.altered(ends.warehouse, ends.classification, ends.published)
    altered = [alteration for alteration in found if alteration.restorable]
    if not altered:
        return False
    if subscription.exists(ends.warehouse, ends.name):
        subscription.stop(ends.warehouse, ends.name)
    apparatus.restore(ends.warehouse, ends.classification, ends.published)
    for alteration in altered:
        column_states.changed(ends.warehouse, "apparatus", alteration.table, None, f"restored: {alteration.what}")
    return True


def _set_right(ends: Ends) -> None:
    """Give the subscription the options that we create it with, where another value has lost nothing."""
    altered = subscribed.alterations(subscribed.read(ends.warehouse, ends.epoch), ends.epoch)
    if harmless := [alteration for alteration in altered if not alteration.loses]:
        subscribed.set_right(ends.warehouse, ends.epoch, harmless)


def _note(ends: Ends) -> None:
    """Record where the slot stands when the stream has passed a mark: the next look is compared with that."""
    marked = emit_mark(ends.trs)
    wait_for(ends.trs, ends.warehouse, ends.name, marked.lsn, ends.progress)
    begin.place_snapshot(ends)
    notes.note(ends, marked)


def _of_begun(ends: Ends, begun: Begun) -> Repair:
    _note(ends.within(begun.epoch))
    closed = [gaps.read(ends.warehouse, gap.gap_id) for gap in begun.gaps]
    return Repair(
        closed[-1] if closed else None,
        closed[:-1],
        [table for gap in closed for table in gaps.tables_of(ends.warehouse, gap)],
        begun.copied,
        held=begun.held,
    )


def _of_damage(ends: Ends, done: Damage) -> Repair:
    tables = [table for gap in done.gaps for table in gaps.tables_of(ends.warehouse, gap)]
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


def damage_is_known(ends: Ends) -> bool:
    """Whether rows are known to differ: by a comparison, a write by hand, a skipped transaction, or an open gap.

    Or may differ: a name at the source has come to mean something else.
    """
    known = one(ends.warehouse, _KNOWN, {"epoch": ends.epoch.epoch_id, "tables": list(ends.published)})[0]
    updates, deletes = missing_rows.unsettled(ends)
    return bool(updates or deletes or gaps.unrepaired(ends.warehouse, ends.epoch) or known)


def _why(ends: Ends) -> tuple[str | None, restart.Doubt | None]:
    """What is wrong with the slot or the source that a new slot repairs; or what a comparison in place does."""
    if ends.epoch.state == "copying":
        return INTERRUPTED, None
    _, finding = continuity.examine(ends)
    has_subscription = subscription.exists(ends.warehouse, ends.name)
    if finding is None and not has_subscription:
        return subscribed.gone().what, None
    if finding is None:
        again = subscribed.copying_again(ends)
        return (subscribed.as_error(again).what if again else None), None
    if finding.kind in ("taken", "held by us", "other source", "moved"):
        raise error_of(finding, ends.epoch.slot_name)
    doubt = restart.doubt(ends) if finding.kind in IN_DOUBT and has_subscription else None
    return (None if doubt else finding.reason), doubt
