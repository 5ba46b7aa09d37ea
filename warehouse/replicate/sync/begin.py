"""Begin an epoch: from the snapshot that a new slot exports to the stream that continues from its position.

The slot's exported snapshot shows exactly what was committed before the position from which the slot streams: what is
brought to that snapshot and what is streamed after it meet without a gap or an overlap, however busy the source is.
Tables that the replica does not have are copied (parts.py); those that it has are compared with the snapshot, and only
what differs is written (compared.py, write.py). So the first copy, one that was interrupted, and the repair of a gap
are the same steps.

Each step can be interrupted. What was done is in the ledger, and the next attempt begins a further epoch with a slot of
its own, and continues from the replica as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from warehouse.core import sandbox_only
from warehouse.core.database import one
from warehouse.core.errors import ReplicaAltered
from warehouse.replicate import history
from warehouse.replicate.catalog import known_meanings, meaning, publication, reach, relations
from warehouse.replicate.classification import Classification
from warehouse.replicate.compare.confirm import confirm_equal
from warehouse.replicate.drift import released
from warehouse.replicate.history import stamping, transactions
from warehouse.replicate.ledger import column_states, epochs, gaps
from warehouse.replicate.ledger.differences import Known
from warehouse.replicate.ledger.epochs import Epoch
from warehouse.replicate.ledger.gaps import Gap
from warehouse.replicate.link import Ends
from warehouse.replicate.preflight import preflight
from warehouse.replicate.replica import filtered, manual_writes
from warehouse.replicate.replica import tables as replica_tables
from warehouse.replicate.stream import continuity, decoding, notes, our_name, slot_wait, subscription
from warehouse.replicate.stream.lsn import applied_lsn, as_lsn
from warehouse.replicate.stream.slot import NewSlot, create_slot, drop_slot, has_failover_slots, read_slot
from warehouse.replicate.stream.source_state import ClusterIdentity, identify, replication_connection
from warehouse.replicate.sync import parts, rewritten
from warehouse.replicate.sync.compared import Repaired, repair_tables


@dataclass(frozen=True)
class Begun:
    """An epoch that streams.

    Attributes:
        copied: rows of tables that the replica did not have.
        gaps: what was repaired on the way, the oldest first; none when there was no replica yet.
        held: tables that were left as they are, because a person has to allow what would be deleted.
    """

    epoch: Epoch
    copied: int
    gaps: list[Gap]
    held: list[Known]


def set_up(ends: Ends, reason: str = "") -> Begun:
    """Begin an epoch and bring the replica to its slot's position.

    Args:
        ends: the epoch in it, if there is one, is over: its slot is lost, or its copy was interrupted.
        reason: why that epoch is over.

    Raises:
        SourceNotReady, MissingPrivilege, SlotTaken, ReplicaAltered, SetupError, ReplicationError: see
            warehouse.core.errors. The next attempt continues from what was done.
    """
    tables = relations.read_tables(ends.trs, ends.schema)
    ends = _without_removed(ends)
    if ends.current is None:
        preflight.require(ends)
    else:
        # What was reached once may be so no longer: no slot is created that could not be read.
        reach.check(ends.warehouse, ends.databases.source_conninfo)
    synthetic = ends.databases.source_is_embedded or sandbox_only.is_synthetic(ends.trs)
    sandbox_only.note(ends.warehouse, ends.databases.settings, synthetic=synthetic)
    keys = {table: relations.key_of(tables[table]) for table in ends.published}
    our_name.check_free(ends)
    whole = _whole_tables(ends) if ends.current else []
    publication.prepare(ends.trs, ends.name, _receivable(ends, tables, whole))
    # Before the slot: what comes to mean something else after this is found by the first look.
    meanings = meaning.read(ends.trs, ends.name, ends.schema)
    with replication_connection(ends.databases.source_conninfo) as slot_connection:
        ends, open_gaps = _begin(ends, identify(slot_connection), reason, bool(whole))
        _drop_what_ended(ends)
        preflight.require_room(ends)
        ends.progress.say("creating the slot")
        slot = _make_slot(ends, slot_connection)
        ends, open_gaps = _slot_made(ends, open_gaps, slot)
        repaired = repair_tables(ends, open_gaps, whole, slot.snapshot, meanings) if open_gaps else Repaired()
        others = {table: [tables[table][column] for column in ends.published[table]] for table in ends.published}
        others = {table: columns for table, columns in others.items() if table not in whole}
        copied, other_files = _copy_the_others(ends, others, keys, slot.snapshot)
    rewritten.refuse(ends, other_files, meanings)
    # What was copied, or compared and repaired, does not differ any more, whatever was known before.
    done = [table for table in ends.published if table not in whole or table in repaired.equal]
    confirm_equal(ends, done)
    return Begun(ends.epoch, copied, _hand_over(ends, open_gaps, whole, repaired.held, meanings), repaired.held)


def place_snapshot(ends: Ends) -> None:
    """Before the first versions of an epoch are settled: see transactions.place_snapshot()."""
    noted = notes.read_note(ends.warehouse, ends.epoch)
    if noted is None or noted.source_xid is not None or not subscription.exists(ends.warehouse, ends.name):
        return
    stamping.stamp(ends, subscription.origin_name(ends.warehouse, ends.name), placed=False)
    transactions.place_snapshot(ends.warehouse, ends.epoch)


# -- the steps -------------------------------------------------------------------------------------------------


def _begin(ends: Ends, identity: ClusterIdentity, reason: str, continues: bool) -> tuple[Ends, list[Gap]]:
    """In the ledger, at once: the end of the last epoch, the gap after it, the new epoch."""
    warehouse, name, ended = ends.warehouse, ends.name, ends.current
    if ended is None:
        new = epochs.begin(warehouse, name, identity.system_id, ends.trs.info.dbname, identity.timeline)
        return ends.within(new), []
    applied, certain = _certain_position(ends)
    # Before the last transactions are recorded, if they came from a slot that was not ours.
    from_time = None if applied == certain else epochs.last_commit_at(warehouse, ended)
    origin = None
    if subscription.exists(warehouse, name):
        subscription.stop(warehouse, name)
        origin = subscription.origin_name(warehouse, name)
    if ended.state == "streaming":
        place_snapshot(ends)
        # Without a subscription, too: what it brought before somebody dropped it has to get its times.
        history.catch_up(ends, origin)
    from_time = from_time or epochs.last_commit_at(warehouse, ended)
    with warehouse.transaction():
        epochs.end(warehouse, ended, reason, applied)
        new = epochs.begin(
            warehouse, name, identity.system_id, ends.trs.info.dbname, identity.timeline, ended if continues else None
        )
        open_gaps = gaps.carried_over(warehouse, ended, new)
        # An interrupted copy has its gap already; gaps of some tables do not cover what the slot has lost.
        is_known = any(gap.tables is None for gap in open_gaps) and ended.state == "copying"
        if not is_known and continues and from_time is not None:
            open_gaps.append(gaps.open_gap(warehouse, ended, new, certain, from_time, reason))
    return ends.within(new), open_gaps


def _certain_position(ends: Ends) -> tuple[str | None, str | None]:
    """Where the last applied transaction ends; and up to where everything has certainly been applied.

    These are the same, unless a slot that was recreated has sent something before anybody looked.
    """
    noted = notes.read_note(ends.warehouse, ends.epoch)
    known = max(applied_lsn(ends.warehouse, ends.name) or 0, noted.confirmed if noted else 0)
    last = as_lsn(known) if known else ends.epoch.start_lsn
    slot = read_slot(ends.trs, ends.epoch.slot_name)
    if slot and noted and continuity.is_new(slot, noted) and slot.transactions:
        return last, as_lsn(noted.confirmed)
    return last, last


def _drop_what_ended(ends: Ends) -> None:
    """The subscription, and every slot that this warehouse created: an unused one keeps the source's WAL for ever."""
    subscription.drop(ends.warehouse, ends.name)
    for slot_name in epochs.slots_of(ends.warehouse, ends.name):
        drop_slot(ends.trs, slot_name)


def _make_slot(ends: Ends, slot_connection: psycopg.Connection) -> NewSlot:
    minutes = ends.databases.settings.warehouse_wait_minutes

    def make() -> NewSlot:
        return create_slot(slot_connection, ends.epoch.slot_name)

    return decoding.decodable_slot(
        ends.trs,
        ends.epoch.slot_name,
        ends.name,
        lambda: slot_wait.made(ends.trs, slot_connection, make, ends.progress, minutes),
    )


def _slot_made(ends: Ends, open_gaps: list[Gap], slot: NewSlot) -> tuple[Ends, list[Gap]]:
    # The source's clock: the times of the stream's transactions are of it, too.
    now: datetime = one(ends.trs, "select clock_timestamp()")[0]
    with ends.warehouse.transaction():
        epoch = epochs.slot_made(ends.warehouse, ends.epoch, slot.lsn, now)
        open_gaps = [gaps.ends_at(ends.warehouse, gap, slot.lsn, now) for gap in open_gaps]
    return ends.within(epoch), open_gaps


def _copy_the_others(
    ends: Ends, columns: dict[str, list[relations.SourceColumn]], keys: dict[str, list[str]], snapshot: str
) -> tuple[int, set[str]]:
    """Copy the tables that the replica does not have; returns the rows, and tables that have other files since.

    Args:
        columns: of each of these tables, those that are published.
        keys: the primary key of each.
    """
    schema, classification, epoch = ends.schema, ends.classification, ends.epoch
    replica_tables.create_schemas(ends.warehouse, schema)
    replica_tables.drop_all(ends.warehouse, schema, list(columns))
    replica_tables.create_tables(ends.warehouse, schema, columns)
    # Compressing costs a seventh of writing the copy, and saves little: most rows are short (docs/adr/0002).
    replica_tables.compress_long_values(ends.warehouse, schema, columns, compress=False)
    done = 0
    other_files: set[str] = set()

    def on_read(reading: psycopg.Connection, part: parts.Part) -> None:
        if rewritten.is_rewritten(reading, schema, part.table):
            other_files.add(part.table)

    def on_part(connection: psycopg.Connection, part: parts.Part, rows: int, seconds: float) -> None:
        nonlocal done
        epochs.part_copied(connection, epoch, part.table, rows, seconds)
        transactions.own(connection, epoch, "copy", epoch.snapshot_at)
        done += rows
        ends.progress.count("rows copied", done)

    def on_table(connection: psycopg.Connection, table: str) -> None:
        # At once: a table that has its key is whole.
        with connection.transaction():
            replica_tables.compress_long_values(connection, schema, [table], compress=True)
            replica_tables.add_key(connection, schema, table, keys[table])
            history.keep(connection, schema, table, columns[table], keys[table])
            filtered.filter_values(connection, classification, table)
            manual_writes.note_them(connection, classification, only=table)
            connection.execute(sql.SQL("analyze {}").format(sql.Identifier(schema, table)))

    names = {table: [column.name for column in of] for table, of in columns.items()}
    rows = parts.copy_parts(
        parts.split(ends.trs, schema, names, classification.json_rules),
        snapshot=snapshot,
        connect_source=ends.databases.source,
        connect_warehouse=ends.databases.warehouse,
        on_part=on_part,
        on_table=on_table,
        on_read=on_read,
    )
    return rows, other_files


def _hand_over(
    ends: Ends, open_gaps: list[Gap], whole: Sequence[str], held: Sequence[Known], meanings: meaning.Meanings
) -> list[Gap]:
    """The replica is at the slot's position: the stream continues from there. Returns the gaps that this closes."""
    with ends.warehouse.transaction():
        subscription.create(
            ends.warehouse,
            ends.name,
            ends.epoch.slot_name,
            ends.databases.source_conninfo,
            failover=has_failover_slots(ends.trs),
        )
        # Before the stream is enabled: no transaction of it may escape the transaction ledger.
        epochs.streaming(ends.warehouse, ends.epoch)
        notes.note_start(ends.warehouse, ends.epoch, read_slot(ends.trs, ends.epoch.slot_name))
        known_meanings.begin(ends.warehouse, meanings, ends.published)
        closed = gaps.close_compared(ends.warehouse, open_gaps, whole, [table.table for table in held])
    subscription.enable(ends.warehouse, ends.name)
    return closed


# -- what must hold before -------------------------------------------------------------------------------------


_WHOLE = """
select
    t.name,
    exists (
        select from pg_index as i
        where i.indrelid = to_regclass(format('%%I.%%I', %s::text, t.name)) and i.indisprimary
    ),
    to_regclass(format('history.%%I', t.name || '_log')) is not null
from unnest(%s::text[]) as t (name)
"""


def _whole_tables(ends: Ends) -> list[str]:
    """The published tables that the replica has whole: with their key and their history.

    Raises:
        ReplicaAltered: a table has lost its key, and has a history that a new copy would throw away.
    """
    rows = ends.warehouse.execute(_WHOLE, (ends.schema, list(ends.published))).fetchall()
    altered = [table for table, has_key, has_history in rows if has_history and not has_key]
    if altered:
        raise ReplicaAltered(
            f"The replica's table {altered[0]} has lost its primary key"
            + (f", and {len(altered) - 1} more have." if len(altered) > 1 else "."),
            meaning="Somebody altered it by hand. A new copy would lose its history: nothing was done.",
            next_command=f"Add the key again (alter table {ends.schema}.{altered[0]} add primary key ...), "
            "then run again.",
        )
    return [table for table, has_key, has_history in rows if has_key and has_history]


def _without_removed(ends: Ends) -> Ends:
    """Without what was left behind before and is wanted again: drift takes that up, once the stream runs."""
    removed = {place for place, of in column_states.read(ends.warehouse).items() if of.state == "removed"}
    there = {
        table: {name: None for name in entry.columns if (table, name) not in removed}
        for table, entry in ends.classification.tables.items()
        if (table, "") not in removed
    }
    return ends.of(ends.classification.existing(there))


def _receivable(ends: Ends, tables: relations.Tables, whole: list[str]) -> Classification:
    """What can be published: of a table that the replica has, the columns that it has; others would stop the stream."""
    in_replica = relations.read_tables(ends.warehouse, ends.schema)
    # What was released so that the source can change it is not taken up by a repair either.
    out = released.out(ends.trs, ends.warehouse, ends.name, ends.schema)
    receivable = {table: in_replica[table] if table in whole else columns for table, columns in tables.items()}
    return ends.classification.existing(
        {
            table: {name: column for name, column in of.items() if table not in whole or (table, name) not in out}
            for table, of in receivable.items()
            if table not in whole or (table, "") not in out
        }
    )
