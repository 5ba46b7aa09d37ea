"""One position of the source at which both databases can be read, while changes are made there and applied here.

At the source that is the snapshot which a slot exports when it is made: it shows exactly what was committed before the
slot's position. In the warehouse it is a snapshot taken when everything before that position has been applied, and seen
without what came after. Which transactions came after is asked of the slot itself: it tells, from its position on, the
commit time of each. A transaction that the subscription applied has the same commit time here, to the microsecond.

Transaction numbers would not do: a large transaction that is applied while it is still going on gets its number long
before it is committed.
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

from warehouse.core.databases import Databases
from warehouse.core.progress import Progress
from warehouse.replicate.compare import AsOf, SourceSnapshot, WarehouseState
from warehouse.replicate.ledger.epochs import Epoch
from warehouse.replicate.preflight import preflight
from warehouse.replicate.stream import slot_wait, subscription
from warehouse.replicate.stream.decoding import Undecodable, decoding

_EPOCH_OF_POSTGRES = datetime(2000, 1, 1, tzinfo=UTC)


class Unclear(Exception):
    """At this position it cannot be told what came after it; the next one will do."""


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
def one_position(
    databases: Databases, trs: psycopg.Connection, warehouse: psycopg.Connection, epoch: Epoch, progress: Progress
) -> Iterator[Cut]:
    """Find a position and wait until the replica has reached it. Nothing at the source is blocked, and nothing stays.

    Raises:
        Unclear: something that makes the position useless happened just then; call again.
        SourceNotReady: the source has no slot or sender to spare.
        SlotLost, StreamStuck: the replica does not get there.
        WaitedTooLong: transactions that are open at the source do not end.
    """
    preflight.require_room(trs, warehouse)
    name = epoch.replication_name
    before = _text(warehouse, "select pg_current_snapshot()::text")
    with ExitStack() as stack:
        slot_connection = stack.enter_context(subscription.replication_connection(databases.source_conninfo))
        progress.say("taking a position at the source")
        slot = f"warehouse_reconcile_{secrets.token_hex(4)}"

        def make() -> Any:
            return slot_connection.execute(
                sql.SQL("CREATE_REPLICATION_SLOT {} TEMPORARY LOGICAL pgoutput (SNAPSHOT 'export')").format(
                    sql.Identifier(slot)
                )
            ).fetchone()

        made = slot_wait.made(trs, slot_connection, make, progress, databases.settings.warehouse_wait_minutes)
        # The slot's own export ends with its connection's next command; this one stays.
        _, snapshot, snapshot_at = _hold(stack, databases.source(), str(made[2]))
        marked = subscription.mark(trs)
        subscription.wait_for(trs, warehouse, name, marked.lsn, progress)
        here, warehouse_snapshot, _ = _hold(stack, databases.warehouse(), None)
        progress.say("finding what came after")
        after = _committed_after(slot_connection, slot, name)
        slot_connection.close()
        _check_undisturbed(here, before)
        as_of = _as_of(here, _applied_since(here, before, subscription.origin_name(warehouse, name)), after)
        yield Cut(
            str(made[1]),
            snapshot_at,
            _text(here, "select pg_current_snapshot()::text"),
            SourceSnapshot(databases.source, snapshot),
            WarehouseState(databases.warehouse, warehouse_snapshot, as_of),
        )


def later(applied: Iterable[tuple[int, datetime]], after: Iterable[datetime]) -> dict[int, datetime]:
    """Which of the applied transactions came after the position: number and commit time.

    Args:
        applied: what was applied since shortly before the position.
        after: the commit times of the transactions after it.

    Raises:
        Unclear: of several with the same commit time some came before the position and some after it.
    """
    told = Counter(after)
    found = {xid: at for xid, at in applied if at in told}
    for at, count in Counter(found.values()).items():
        # Fewer than told is no matter: some have not been applied yet, or changed nothing here.
        if count > told[at]:
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
    return slot_connection.execute(
        sql.SQL(
            "select encode(data, 'hex') from pg_logical_slot_peek_binary_changes({}, null, null,"
            " 'proto_version', '1', 'publication_names', {}) where get_byte(data, 0) = ascii('B')"
        ).format(sql.Literal(slot), sql.Literal(sql.Identifier(publication).as_string(slot_connection)))
    ).fetchall()


def _applied_since(here: psycopg.Connection, before: str, origin: str) -> list[tuple[int, datetime]]:
    rows = here.execute(
        "select x.number, c.timestamp from generate_series("
        "  pg_snapshot_xmin(%(before)s::pg_snapshot)::text::bigint,"
        "  pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1) as x (number)"
        " cross join lateral pg_xact_commit_timestamp_origin(x.number::text::xid8::xid) as c"
        " where c.roident = (select roident from pg_replication_origin where roname = %(origin)s)"
        " and pg_visible_in_snapshot(x.number::text::xid8, pg_current_snapshot())"
        " and not pg_visible_in_snapshot(x.number::text::xid8, %(before)s::pg_snapshot)",
        {"before": before, "origin": origin},
    ).fetchall()
    return [(int(xid), at) for xid, at in rows]


def _as_of(here: psycopg.Connection, applied: list[tuple[int, datetime]], after: list[datetime]) -> AsOf | None:
    found = later(applied, after)
    if not found:
        return None
    row = here.execute(
        "select exists (select from ledger.transactions where xid = any(%s::text[]::xid8[]))",
        ([str(xid) for xid in found],),
    ).fetchone()
    return AsOf(tuple(sorted(found)), min(found.values()), settled=bool(row and row[0]))


def _check_undisturbed(here: psycopg.Connection, before: str) -> None:
    """Rows that a repair or a back-fill just brought are of another position than this one."""
    row = here.execute(
        "select exists (select from ledger.transactions where kind <> 'stream'"
        " and xid >= pg_snapshot_xmin(%(before)s::pg_snapshot)"
        " and not pg_visible_in_snapshot(xid, %(before)s::pg_snapshot))",
        {"before": before},
    ).fetchone()
    if row and row[0]:
        raise Unclear


def _hold(
    stack: ExitStack, connection: psycopg.Connection, snapshot: str | None
) -> tuple[psycopg.Connection, str, datetime]:
    """Keep a snapshot open for others to read on; it holds no lock on any table."""
    stack.enter_context(connection)
    connection.execute("set idle_in_transaction_session_timeout = 0")
    connection.execute("begin isolation level repeatable read read only")
    if snapshot is not None:
        connection.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(snapshot)))
    row = connection.execute("select pg_export_snapshot(), clock_timestamp()").fetchone()
    assert row is not None
    return connection, str(row[0]), row[1]


def _text(connection: psycopg.Connection, query: str) -> str:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return str(row[0])
