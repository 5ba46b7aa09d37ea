"""One position of the source at which both databases can be read, while changes are made and applied.

At the source that is the snapshot which a slot exports when it is created: it shows exactly what was committed before
the slot's position. In the warehouse it is a snapshot taken when everything before that position has been applied, read
without what came after. The slot itself says which transactions came after: from its position on it decodes the commit
time of each. A transaction that the subscription applied has the same commit time in the warehouse, to the microsecond.

Transaction numbers would not do: a large transaction that is applied while it is still open gets its number long before
it is committed.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from warehouse.core.database import one
from warehouse.replicate.compare import AsOf, SourceSnapshot, WarehouseState
from warehouse.replicate.link import Ends
from warehouse.replicate.preflight import preflight
from warehouse.replicate.stream import slot_wait, subscription
from warehouse.replicate.stream.decoding import Undecodable, decoding
from warehouse.replicate.stream.mark import emit_mark, wait_for
from warehouse.replicate.stream.source_state import replication_connection

_EPOCH_OF_POSTGRES = datetime(2000, 1, 1, tzinfo=UTC)

_SHOWN = "select pg_current_snapshot()::text"

_TEMPORARY_SLOT = sql.SQL("CREATE_REPLICATION_SLOT {} TEMPORARY LOGICAL pgoutput (SNAPSHOT 'export')")

_BEGINS = sql.SQL("""
select encode(data, 'hex')
from pg_logical_slot_peek_binary_changes(
    {slot}, null, null, 'proto_version', '1', 'publication_names', {publication}
)
where get_byte(data, 0) = ascii('B')
""")

_APPLIED_SINCE = """
select x.number, c.timestamp
from generate_series(
    pg_snapshot_xmin(%(before)s::pg_snapshot)::text::bigint,
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1
) as x (number)
cross join lateral pg_xact_commit_timestamp_origin(x.number::text::xid8::xid) as c
where c.roident = (select roident from pg_replication_origin where roname = %(origin)s)
    and pg_visible_in_snapshot(x.number::text::xid8, pg_current_snapshot())
    and not pg_visible_in_snapshot(x.number::text::xid8, %(before)s::pg_snapshot)
"""

_ANY_STAMPED = "select exists (select from ledger.transactions where xid = any(%s::text[]::xid8[]))"

_OF_OUR_OWN = """
select exists (
    select from ledger.transactions
    where kind <> 'stream' and xid >= pg_snapshot_xmin(%(before)s::pg_snapshot)
        and not pg_visible_in_snapshot(xid, %(before)s::pg_snapshot)
)
"""


class Unclear(Exception):
    """It is not certain what came after this position; the next one will do."""


@dataclass(frozen=True)
class Cut:
    """Both databases at one position, good while the block of one_position() lasts.

    Attributes:
        lsn: the position in the source's WAL.
        snapshot_at: the source's time just after it.
        seen: which transactions the warehouse's snapshot shows, as a pg_snapshot.
    """

    lsn: str
    snapshot_at: datetime
    seen: str
    source: SourceSnapshot
    warehouse: WarehouseState


@contextmanager
def one_position(ends: Ends) -> Iterator[Cut]:
    """Find a position and wait until the replica has reached it. Nothing at the source is blocked, and nothing stays.

    Raises:
        Unclear: something that makes the position useless happened just then; call again.
        SourceNotReady: the source has no slot or sender to spare.
        SlotLost, StreamStuck: the replica does not get there.
        WaitedTooLong: transactions that are open at the source do not end.
    """
    trs, warehouse, databases, progress = ends.trs, ends.warehouse, ends.databases, ends.progress
    preflight.require_room(ends)
    before = str(one(warehouse, _SHOWN)[0])
    with ExitStack() as stack:
        slot_connection = stack.enter_context(replication_connection(databases.source_conninfo))
        progress.say("taking a position at the source")
        slot = f"warehouse_reconcile_{secrets.token_hex(4)}"

        def make() -> tuple[Any, ...]:
            return one(slot_connection, _TEMPORARY_SLOT.format(sql.Identifier(slot)))

        made = slot_wait.made(trs, slot_connection, make, progress, databases.settings.warehouse_wait_minutes)
        # The slot's own export ends with its connection's next command; this one stays.
        _, snapshot, snapshot_at = _hold(stack, databases.source(), str(made[2]))
        marked = emit_mark(trs)
        wait_for(trs, warehouse, ends.name, marked.lsn, progress)
        replica, warehouse_snapshot, _ = _hold(stack, databases.warehouse(), None)
        progress.say("finding what came after")
        after = _committed_after(slot_connection, slot, ends.name)
        slot_connection.close()
        if one(replica, _OF_OUR_OWN, {"before": before})[0]:
            # Rows that a repair or a back-fill just brought are of another position than this one.
            raise Unclear
        applied = _applied_since(replica, before, subscription.origin_name(warehouse, ends.name))
        yield Cut(
            str(made[1]),
            snapshot_at,
            str(one(replica, _SHOWN)[0]),
            SourceSnapshot(databases.source, snapshot),
            WarehouseState(databases.warehouse, warehouse_snapshot, _as_of(replica, applied, after)),
        )


def later(applied: Iterable[tuple[int, datetime]], after: Iterable[datetime]) -> dict[int, datetime]:
    """Which of the applied transactions came after the position: number and commit time.

    Args:
        applied: what was applied since shortly before the position.
        after: the commit times of the transactions after it.

    Raises:
        Unclear: of several with the same commit time some came before the position and some after it.
    """
    decoded = Counter(after)
    found = {xid: at for xid, at in applied if at in decoded}
    for at, count in Counter(found.values()).items():
        # Fewer than decoded is no matter: some have not been applied yet, or changed nothing in the replica.
        if count > decoded[at]:
            raise Unclear
    return found


def begin_time(message: bytes) -> datetime:
    """The commit time in a Begin message of pgoutput: type, position of the commit, microseconds since 2000, number."""
    return _EPOCH_OF_POSTGRES + timedelta(microseconds=int.from_bytes(message[9:17], "big", signed=True))


def _committed_after(slot_connection: psycopg.Connection, slot: str, publication: str) -> list[datetime]:
    # The rows that are decoded on the way stay at the source; only Begin messages come over.
    try:
        with decoding():
            rows = _begins(slot_connection, slot, publication)
    except Undecodable:
        # A slot that PostgreSQL has made so that it cannot be read; the next one will do.
        raise Unclear from None
    return [begin_time(bytes.fromhex(row[0])) for row in rows]


def _begins(slot_connection: psycopg.Connection, slot: str, publication: str) -> list[tuple[str]]:
    named = sql.Literal(sql.Identifier(publication).as_string(slot_connection))
    return slot_connection.execute(_BEGINS.format(slot=sql.Literal(slot), publication=named)).fetchall()


def _applied_since(replica: psycopg.Connection, before: str, origin: str) -> list[tuple[int, datetime]]:
    rows = replica.execute(_APPLIED_SINCE, {"before": before, "origin": origin})
    return [(int(xid), at) for xid, at in rows]


def _as_of(replica: psycopg.Connection, applied: list[tuple[int, datetime]], after: list[datetime]) -> AsOf | None:
    found = later(applied, after)
    if not found:
        return None
    is_settled = one(replica, _ANY_STAMPED, ([str(xid) for xid in found],))[0]
    return AsOf(tuple(sorted(found)), min(found.values()), settled=bool(is_settled))


def _hold(
    stack: ExitStack, connection: psycopg.Connection, snapshot: str | None
) -> tuple[psycopg.Connection, str, datetime]:
    """Keep a snapshot open for others to read on; it holds no lock on any table."""
    stack.enter_context(connection)
    connection.execute("set idle_in_transaction_session_timeout = 0")
    connection.execute("begin isolation level repeatable read read only")
    if snapshot is not None:
        connection.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(snapshot)))
    name, at = one(connection, "select pg_export_snapshot(), clock_timestamp()")
    return connection, name, at
