"""The replication stage of a run: set up what is missing, or catch up with what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC

import psycopg

from warehouse.core import ours
from warehouse.core.databases import Databases
from warehouse.core.errors import ReplicaAltered, SlotLost, StreamStuck
from warehouse.core.progress import Progress, StageReport, timed
from warehouse.replicate import drift, history, link
from warehouse.replicate.catalog import identity, known_meanings, relations
from warehouse.replicate.classification import Classification, NewColumns, compare, load_classification, unclassified
from warehouse.replicate.conflicts import decide
from warehouse.replicate.integrity import apparatus
from warehouse.replicate.ledger import differences, epochs, gaps
from warehouse.replicate.ledger.epochs import Epoch
from warehouse.replicate.preflight import preflight, rules
from warehouse.replicate.replica import manual_writes
from warehouse.replicate.replica import tables as replica_tables
from warehouse.replicate.stream import continuity, notes, subscribed, subscription
from warehouse.replicate.sync import begin, restart
from warehouse.replicate.sync.in_place import repair_damage


def replicate(databases: Databases, progress: Progress) -> tuple[StageReport, NewColumns]:
    """Bring the replica up to date with what is committed at the source now.

    Returns:
        The report, and the columns that were held back because nobody has classified them.

    Raises:
        ClassificationError, SourceNotReady, MissingPrivilege, ReplicationError, DatabaseUnreachable, AlreadyRunning:
            see warehouse.core.errors; each leaves the replica as it was, or a copy that the next run goes on with.
    """
    classification = load_classification()
    name = databases.settings.warehouse_replication_name
    with (
        timed("replicate") as report,
        databases.source() as trs,
        databases.warehouse() as warehouse,
        link.alone(warehouse, name, trs),
    ):
        ours.refuse_others_tables(warehouse, classification.schema_name, classification.published)
        tables = relations.read_tables(trs, classification.schema_name)
        epoch = epochs.current(warehouse, name)
        if epoch is None or epochs.is_first_copy(warehouse, epoch):
            preflight.require(databases, trs, warehouse, classification, (*rules.TO_STREAM, rules.identities))
            held = compare(classification, tables)
            ends = link.Ends(databases, trs, warehouse, classification, tables)
            epoch = _first_copy(ends, epoch, report, progress)
        else:
            # What the source has dropped since, or made unfit, does not keep the rest from going on.
            here = identity.publishable(classification.existing(tables), identity.read(trs, classification.schema_name))
            preflight.require(databases, trs, warehouse, here, rules.TO_STREAM)
            ends = link.Ends(databases, trs, warehouse, here, tables)
            epoch, outcome = _go_on(ends, epoch, classification, report, progress)
            held = replace(unclassified(classification, tables), first=outcome.urgent())
        marked = subscription.mark(trs)
        try:
            subscription.wait_for(trs, warehouse, name, marked.lsn, progress)
        except StreamStuck:
            decide.tell_conflict(trs, warehouse, epoch, name)
            raise
        begin.place_snapshot(ends, epoch)
        origin = subscription.origin_name(warehouse, name)
        booked = history.catch_up(warehouse, trs, epoch, classification, origin)
        manual_writes.note_them(warehouse, classification)
        notes.note(databases, trs, warehouse, epoch, marked)
        if report.rows_in is None:
            report.rows_in = report.rows_out = booked.stamped.row_changes
            report.notes.append(f"{booked.stamped.transactions:,} transactions")
        report.notes.extend(booked.notes)
        report.rejected = 0
        report.where = [f"{len(classification.published)} tables, current to {marked.lsn}"]
        if waiting := differences.known(warehouse, classification.published):
            report.notes.append("differs from the source: " + ", ".join(str(one) for one in waiting[:5]))
        if str(held):
            report.notes.append(f"held back, not classified: {held}")
    return report, held


def _first_copy(ends: link.Ends, broken_off: Epoch | None, report: StageReport, progress: Progress) -> Epoch:
    begun = begin.set_up(ends, progress, broken_off, "the first copy was broken off" if broken_off else "")
    report.rows_in = report.rows_out = begun.copied
    report.notes.append("first copy" + (", gone on with" if broken_off else ""))
    return begun.epoch


def _go_on(
    ends: link.Ends, epoch: Epoch, classification: Classification, report: StageReport, progress: Progress
) -> tuple[Epoch, drift.Outcome]:
    """Switch the stream on if the slot is the one that it was reading; otherwise repair, where that is allowed.

    Raises:
        SlotLost: there is a gap, and WAREHOUSE_REPAIR says to ask first; not after a crash of the source that only
            took the proof: then both sides are compared, and what differs is written and recorded as ever.
        SubscriptionAltered: as SlotLost, of a table that the subscription is set to copy once more.
        SlotTaken, SourceRewound, ReplicationError: see continuity.check().
    """
    warehouse, name, doubt = ends.warehouse, ends.name, None
    try:
        if epoch.state == "copying":
            raise repair_is_due(warehouse, epoch)
        continuity.check(ends.databases, ends.trs, warehouse, epoch)
        if not subscription.exists(warehouse, name):
            raise subscribed.gone()
        if again := subscribed.copying_again(warehouse, name, ends.schema):
            raise subscribed.as_error(again)
    except SlotLost as lost:
        # After a crash of the source it is doubt, not loss: nobody has to be asked before both sides are compared.
        here = subscription.exists(warehouse, name)
        doubt = restart.doubt(ends, epoch) if lost.only_restarted and here else None
        if doubt is None and ends.databases.settings.warehouse_repair != "automatic" and not lost.after_a_crash:
            raise
        if doubt is None:
            begun = begin.set_up(ends, progress, epoch, lost.what)
            report.notes.append(repaired(begun.gaps))
            return begun.epoch, drift.Outcome()
    subscription.follow_address(warehouse, name, ends.databases.source_conninfo)
    subscription.stay_off_after_errors(warehouse, name)
    keep_credentials_out(warehouse, epoch, classification)
    # Before the stream goes on: a change of structure at the source may be what stopped it.
    work = drift.Work(ends.trs, warehouse, epoch, classification, progress, by_person=False)
    drift.make_ready(work)
    # An error, or a kill between setting up and starting the stream, leaves it off.
    subscription.enable(warehouse, name)
    outcome = drift.finish(work)
    report.notes.extend(outcome.done)
    if doubt is not None:
        settled = restart.settle(ends, epoch, doubt, progress)
        epoch = settled.epoch if isinstance(settled, begin.Begun) else epoch
        nothing = "what differs waits for a person" if settled.held else "nothing differs"
        told = repaired(settled.gaps) if settled.gaps else nothing
        report.notes.append(f"{doubt.what}, so both sides were compared: {told}")
    if known_meanings.doubts(warehouse) and ends.databases.settings.warehouse_repair == "automatic":
        damage = repair_damage(ends, epoch, progress, "a name at the source meant something else")
        report.notes.append(repaired(damage.gaps))
        left = drift.differences(ends.trs, warehouse, ends.name, classification)
        outcome = replace(outcome, left=left)
    return epoch, outcome


def keep_credentials_out(warehouse: psycopg.Connection, epoch: Epoch, classification: Classification) -> None:
    """Stop the stream where what takes credentials out of rows is not as it was made.

    Raises:
        ReplicaAltered: it is not.
    """
    open_to = [one for one in apparatus.faults(warehouse, classification, classification.published) if one.credentials]
    if open_to:
        subscription.stop(warehouse, epoch.replication_name)
        raise ReplicaAltered(
            f"{open_to[0].table}: {open_to[0].what}.",
            meaning="Credentials of the operational database could come in with the next row, so the stream was "
            "stopped. Some may be here since it was altered.",
            next_command="`warehouse replicate repair` makes it as it was and compares every table with the source.",
        )


def repair_is_due(warehouse: psycopg.Connection, epoch: Epoch) -> SlotLost:
    """The error for a gap whose repair was broken off."""
    open_gaps = gaps.unrepaired(warehouse, epoch)
    since = f" after {min(g.from_time for g in open_gaps).astimezone(UTC):%d %B %Y %H:%M:%S} UTC" if open_gaps else ""
    return SlotLost(
        "The repair of a gap was broken off.",
        meaning=f"Changes at the operational database{since} are not all here, and the stream is off.",
        next_command="`warehouse replicate repair` goes on with it.",
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


def clear(
    databases: Databases,
    trs: psycopg.Connection,
    warehouse: psycopg.Connection,
    classification: Classification,
    reason: str,
) -> None:
    """Take replication down: subscription, slots, replica and history. The publication stays."""
    name = databases.settings.warehouse_replication_name
    subscription.drop(warehouse, name)
    for slot_name in epochs.slots_of(warehouse, name):
        subscription.drop_slot(trs, slot_name)
    replica_tables.drop_all(warehouse, classification.schema_name, list(classification.published))
    epoch = epochs.current(warehouse, name)
    if epoch:
        epochs.end(warehouse, epoch, reason)
