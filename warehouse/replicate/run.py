"""The replication stage of a run: set up what is missing, or catch up with what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC

from warehouse.core import ours
from warehouse.core.databases import Databases
from warehouse.core.errors import ReplicaAltered, SlotLost, StreamStuck
from warehouse.core.progress import Progress, StageReport, timed
from warehouse.replicate import door, drift, history
from warehouse.replicate.catalog import identity, known_meanings, relations
from warehouse.replicate.classification import Classification, NewColumns, check_against, unclassified
from warehouse.replicate.conflicts import decide
from warehouse.replicate.history import seals
from warehouse.replicate.integrity import apparatus
from warehouse.replicate.ledger import differences, epochs, gaps
from warehouse.replicate.ledger import rules as ledger_rules
from warehouse.replicate.link import Ends
from warehouse.replicate.preflight import preflight, rules
from warehouse.replicate.replica import manual_writes
from warehouse.replicate.replica import tables as replica_tables
from warehouse.replicate.rule_lines import lines, version
from warehouse.replicate.stream import continuity, notes, subscribed, subscription
from warehouse.replicate.stream.mark import emit_mark, wait_for
from warehouse.replicate.stream.slot import drop_slot
from warehouse.replicate.sync import begin, restart
from warehouse.replicate.sync.in_place import repair_damage


def replicate(databases: Databases, progress: Progress) -> tuple[StageReport, NewColumns]:
    """Bring the replica up to date with what is committed at the source now.

    Returns:
        The report, and the columns that were held back because they are not classified.

    Raises:
        ClassificationError, SourceNotReady, MissingPrivilege, ReplicationError, DatabaseUnreachable, AlreadyRunning:
            see warehouse.core.errors; each leaves the replica as it was, or a copy that the next run finishes.
    """
    with timed("replicate") as report, door.connected_alone(databases, progress) as ends:
        held = _brought_up_to_date(ends, report)
    return report, held


def _brought_up_to_date(ends: Ends, report: StageReport) -> NewColumns:
    classification = ends.classification
    ours.refuse_others_tables(ends.warehouse, ends.schema, ends.published)
    tables = relations.read_tables(ends.trs, ends.schema)
    if ends.current is None or epochs.is_first_copy(ends.warehouse, ends.current):
        preflight.require(ends, (*rules.TO_STREAM, rules.identities))
        held = check_against(classification, tables)
        ends = _first_copy(ends, report)
    else:
        # What the source has dropped since, or made unfit, does not keep the rest from being replicated.
        ends = ends.of(identity.publishable(classification.existing(tables), identity.read(ends.trs, ends.schema)))
        preflight.require(ends, rules.TO_STREAM)
        ends, outcome = _resume(ends, classification, report)
        held = replace(unclassified(classification, tables), first=outcome.urgent())
    ends = ends.of(classification)
    marked = emit_mark(ends.trs)
    try:
        wait_for(ends.trs, ends.warehouse, ends.name, marked.lsn, ends.progress)
    except StreamStuck:
        decide.tell_conflict(ends)
        raise
    begin.place_snapshot(ends)
    booked = history.catch_up(ends, subscription.origin_name(ends.warehouse, ends.name))
    manual_writes.note_them(ends.warehouse, classification)
    notes.note(ends, marked)
    if report.rows_in is None:
        report.rows_in = report.rows_out = booked.stamped.row_changes
        report.notes.append(f"{booked.stamped.transactions:,} transactions")
    report.notes.extend(booked.notes)
    report.rejected = 0
    report.where = [f"{len(ends.published)} tables, current to {marked.lsn}"]
    if waiting := differences.known(ends.warehouse, ends.published):
        report.notes.append("differs from the source: " + ", ".join(str(one) for one in waiting[:5]))
    if str(held):
        report.notes.append(f"held back, not classified: {held}")
    return held


def _first_copy(ends: Ends, report: StageReport) -> Ends:
    begun = begin.set_up(ends, "the first copy was interrupted" if ends.current else "")
    report.rows_in = report.rows_out = begun.copied
    report.notes.append("first copy" + (", resumed" if ends.current else ""))
    ledger_rules.notice(ends.warehouse, lines(ends.classification), version(ends.classification))
    return ends.within(begun.epoch)


def _resume(ends: Ends, classification: Classification, report: StageReport) -> tuple[Ends, drift.Outcome]:
    """Switch the stream on if the slot is the one that it was reading; otherwise repair, where that is allowed.

    Args:
        ends: of what the source still has and can publish.
        classification: of everything that is to be replicated.

    Raises:
        SlotLost: there is a gap, and WAREHOUSE_REPAIR says to ask first; not after a crash of the source that only
            took the proof: then both sides are compared, and what differs is written and recorded as always.
        SubscriptionAltered: as SlotLost, of a table that the subscription is set to copy once more.
        SlotTaken, SourceRewound, ReplicationError: see continuity.check().
    """
    warehouse, name, doubt = ends.warehouse, ends.name, None
    is_automatic = ends.databases.settings.warehouse_repair == "automatic"
    try:
        if ends.epoch.state == "copying":
            raise repair_is_due(ends)
        continuity.check(ends)
        if not subscription.exists(warehouse, name):
            raise subscribed.gone()
        if again := subscribed.copying_again(ends):
            raise subscribed.as_error(again)
    except SlotLost as lost:
        # After a crash of the source it is doubt, not loss: both sides are compared without asking a person first.
        doubt = restart.doubt(ends) if lost.only_restarted and subscription.exists(warehouse, name) else None
        if doubt is None and not is_automatic and not lost.after_a_crash:
            raise
        if doubt is None:
            begun = begin.set_up(ends, lost.what)
            report.notes.append(repaired(begun.gaps))
            return ends.within(begun.epoch), drift.Outcome()
    subscription.follow_address(warehouse, name, ends.databases.source_conninfo)
    keep_credentials_out(ends.of(classification))
    # Before the stream starts: a change of structure at the source may be what stopped it.
    work = drift.Work(ends.trs, warehouse, ends.epoch, classification, ends.progress, by_person=False)
    drift.make_ready(work)
    # An error, or a kill between setting up and starting the stream, leaves it off.
    subscription.enable(warehouse, name)
    outcome = drift.finish(work)
    report.notes.extend(outcome.done)
    if doubt is not None:
        compared = restart.settle(ends, doubt)
        ends = ends.within(compared.epoch) if isinstance(compared, begin.Begun) else ends
        nothing = "what differs waits for a person" if compared.held else "nothing differs"
        found = repaired(compared.gaps) if compared.gaps else nothing
        report.notes.append(f"{doubt.what}, so both sides were compared: {found}")
    if known_meanings.doubts(warehouse) and is_automatic:
        damage = repair_damage(ends, "a name at the source meant something else")
        report.notes.append(repaired(damage.gaps))
        left = drift.differences(ends.trs, warehouse, name, classification)
        outcome = replace(outcome, left=left)
    return ends, outcome


def keep_credentials_out(ends: Ends) -> None:
    """Stop the stream where what takes credentials out of rows was altered.

    Raises:
        ReplicaAltered: it was.
    """
    faults = apparatus.faults(ends.warehouse, ends.classification, ends.published)
    open_to = [one for one in faults if one.credentials]
    if open_to:
        subscription.stop(ends.warehouse, ends.name)
        raise ReplicaAltered(
            f"{open_to[0].table}: {open_to[0].what}.",
            meaning="Credentials of the operational database could arrive with the next row, so the stream was "
            "stopped. Some may have arrived since it was altered.",
            next_command="`warehouse replicate repair` restores it and compares every table with the source.",
        )


def repair_is_due(ends: Ends) -> SlotLost:
    """The error for a gap whose repair was interrupted."""
    open_gaps = gaps.unrepaired(ends.warehouse, ends.epoch)
    since = f" after {min(g.from_time for g in open_gaps).astimezone(UTC):%d %B %Y %H:%M:%S} UTC" if open_gaps else ""
    return SlotLost(
        "The repair of a gap was interrupted.",
        meaning=f"The warehouse lacks changes of the operational database{since}, and the stream is off.",
        next_command="`warehouse replicate repair` finishes it.",
    )


def repaired(closed: Sequence[gaps.Gap]) -> str:
    """Gaps that were repaired, in a few words each for a summary."""
    return "; ".join(_one_repaired(gap) for gap in closed) or "no gap"


def _one_repaired(gap: gaps.Gap) -> str:
    assert gap.to_time is not None
    from_time, to_time = gap.from_time.astimezone(UTC), gap.to_time.astimezone(UTC)
    return (
        f"repaired gap {gap.gap_id}, {from_time:%Y-%m-%d %H:%M:%S} to {to_time:%Y-%m-%d %H:%M:%S} UTC: "
        f"{gap.rows_inserted:,} rows inserted, {gap.rows_updated:,} updated, {gap.rows_deleted:,} deleted"
    )


def clear(ends: Ends, reason: str) -> None:
    """Take replication down: subscription, slots, replica and history. The publication stays."""
    subscription.drop(ends.warehouse, ends.name)
    for slot_name in epochs.slots_of(ends.warehouse, ends.name):
        drop_slot(ends.trs, slot_name)
    with ends.warehouse.transaction():
        # Each sealed month is held against its seal once more, and its chain says that it went.
        seals.all_dropped(ends.warehouse, ends.published, "reset")
        replica_tables.drop_all(ends.warehouse, ends.schema, list(ends.published))
    if ends.current:
        epochs.end(ends.warehouse, ends.current, reason)
