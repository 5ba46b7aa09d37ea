"""The slot on the operational database and the subscription in the warehouse that reads it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from warehouse.core import wal
from warehouse.core.database import connect
from warehouse.core.errors import AlreadyRunning, SlotLost, SlotTaken, StreamStuck, WarehouseError
from warehouse.core.progress import Progress
from warehouse.core.waiting import Waiting
from warehouse.replicate.catalog import reach

STALLED_SECONDS = 60
"""No progress for so long, while there is something to apply, is told as an error. A transaction of 100,000 rows takes
about 3 seconds (docs/adr/0002)."""

LETTING_GO_SECONDS = 15
"""How long the source may take to notice that our stream has ended. Until then nobody can look into the slot; after it,
somebody else is taken to hold it."""


@dataclass(frozen=True)
class Slot:
    """A slot that was just made.

    Attributes:
        snapshot: the name of its exported snapshot, good for as long as its connection is open.
        lsn: the position from which it streams; the snapshot shows exactly what was committed before.
    """

    snapshot: str
    lsn: str


@contextmanager
def replication_connection(conninfo: str) -> Iterator[psycopg.Connection]:
    """A connection that speaks the replication protocol."""
    connection = connect(
        make_conninfo(conninfo, replication="database"),
        what="the operational database (for replication)",
        variable="TRS_DATABASE_URL",
    )
    with connection:
        yield connection


@dataclass(frozen=True)
class Identity:
    """Which database cluster, and which history of it, an address leads to."""

    system_id: str
    timeline: int


def identity(connection: psycopg.Connection) -> Identity:
    """What tells one database cluster from another, whatever its address; over a replication connection."""
    row = connection.execute("IDENTIFY_SYSTEM").fetchone()
    assert row is not None
    return Identity(str(row[0]), int(row[1]))


def create_slot(connection: psycopg.Connection, name: str) -> Slot:
    """Make the slot and export its snapshot, over a replication connection; it lasts until that one's next command.

    From version 17 on a standby can take it over (`FAILOVER`).
    """
    failover = sql.SQL(", FAILOVER true" if has_failover_slots(connection) else "")
    row = connection.execute(
        sql.SQL("CREATE_REPLICATION_SLOT {} LOGICAL pgoutput (SNAPSHOT 'export'{})").format(
            sql.Identifier(name), failover
        )
    ).fetchone()
    assert row is not None
    return Slot(snapshot=str(row[2]), lsn=str(row[1]))


def has_failover_slots(connection: psycopg.Connection) -> bool:
    """Whether that server knows slots that a standby takes over."""
    return connection.info.server_version >= 170_000


def drop_slot(source: psycopg.Connection, name: str) -> None:
    """Drop our slot if it is there; it would keep the source's WAL for ever.

    Raises:
        SlotTaken: somebody reads it and does not let go.
    """
    deadline = time.monotonic() + 30
    while True:
        row = source.execute("select active_pid from pg_replication_slots where slot_name = %s", (name,)).fetchone()
        if row is None:
            return
        try:
            source.execute("select pg_drop_replication_slot(%s)", (name,))
            return
        except psycopg.errors.ObjectInUse:
            # Its sender notices the end of its connection in a moment.
            if time.monotonic() > deadline:
                raise SlotTaken(
                    f"The slot {name} cannot be dropped: process {row[0]} at the operational database reads it.",
                    meaning="It keeps WAL there for as long as it exists. Nothing else was changed.",
                    next_command="Stop that consumer (select * from pg_stat_replication), then run the same again.",
                ) from None
            time.sleep(0.2)


def exists(warehouse: psycopg.Connection, name: str) -> bool:
    """Whether the warehouse has the subscription."""
    found = warehouse.execute(
        "select 1 from pg_subscription where subname = %s"
        " and subdbid = (select oid from pg_database where datname = current_database())",
        (name,),
    ).fetchone()
    return found is not None


def create(
    warehouse: psycopg.Connection,
    name: str,
    slot_name: str,
    source_conninfo: str,
    *,
    failover: bool = False,
) -> None:
    """Make the subscription on the slot that is there already; it starts when it is enabled.

    Its first position is the slot's own. After an error it stays off until somebody has looked (`disable_on_error`):
    PostgreSQL would stream from any slot of that name, wherever it starts.

    Args:
        failover: whether the slot is one that a standby takes over; PostgreSQL would change it to agree.

    Raises:
        MissingPrivilege: the warehouse's user may not make subscriptions.
        SourceOutOfReach: the warehouse's server cannot connect to the source.
        ReplicationError: it refuses the subscription.
    """
    try:
        warehouse.execute(
            # A transaction that is larger than the source's decoding memory is spooled to a file here and applied when
            # it is committed. Applied while it is still open (streaming = parallel) it would be visible a little
            # sooner, but that path of PostgreSQL (18.6) crashed the server once in a drill, and gives such
            # transactions numbers out of order. Values travel as text: in binary, one whose type changed at the source
            # unseen would be misread in silence (docs/adr/0021).
            sql.SQL(
                "create subscription {} connection {} publication {} with"
                " (slot_name = {}, create_slot = false, copy_data = false, enabled = false, disable_on_error = true,"
                " streaming = on, binary = false{})"
            ).format(
                sql.Identifier(name),
                sql.Literal(_for_server(source_conninfo)),
                sql.Identifier(name),
                sql.Literal(slot_name),
                sql.SQL(", failover = true" if failover and warehouse.info.server_version >= 170_000 else ""),
            )
        )
    except psycopg.Error as error:
        # The next run goes on from the rows that were copied.
        raise reach.explain(error, source_conninfo) from None


APPLICATION = "teaching_record_warehouse"
"""The name under which the warehouse's server shows up in the source's pg_stat_replication."""


def _for_server(conninfo: str) -> str:
    """The connection as the warehouse's server uses it."""
    return make_conninfo(conninfo, application_name=APPLICATION)


def enable(warehouse: psycopg.Connection, name: str) -> None:
    """Start the stream. Whoever calls this has held the slot against what was applied (continuity.py)."""
    # Not once more when it is on: what others alter of it shows by who has written its row last (replica/marks.py).
    if not is_enabled(warehouse, name):
        warehouse.execute(sql.SQL("alter subscription {} enable").format(sql.Identifier(name)))


def stop(warehouse: psycopg.Connection, name: str) -> None:
    """Stop the stream, and wait until its worker is gone: after that nothing of it changes any more."""
    warehouse.execute(sql.SQL("alter subscription {} disable").format(sql.Identifier(name)))
    deadline = time.monotonic() + STALLED_SECONDS
    while warehouse.execute(
        "select 1 from pg_stat_subscription where subname = %s and pid is not null", (name,)
    ).fetchone():
        if time.monotonic() > deadline:
            raise StreamStuck(
                f"The apply worker of {name} does not stop.",
                meaning="Nothing was changed while it may still write.",
                next_command="End it in the warehouse: select pg_terminate_backend(pid) from pg_stat_subscription; "
                "then run again.",
            )
        time.sleep(0.02)


def is_enabled(warehouse: psycopg.Connection, name: str) -> bool:
    """Whether the stream is meant to run; PostgreSQL switches it off when there is an error."""
    row = warehouse.execute(
        "select subenabled from pg_subscription where subname = %s"
        " and subdbid = (select oid from pg_database where datname = current_database())",
        (name,),
    ).fetchone()
    return bool(row and row[0])


def follow_address(warehouse: psycopg.Connection, name: str, source_conninfo: str) -> None:
    """Tell the subscription when the source's address has changed, as an embedded one's port may."""
    wanted = _for_server(source_conninfo)
    try:
        row = warehouse.execute("select subconninfo from pg_subscription where subname = %s", (name,)).fetchone()
        if row and row[0] == wanted:
            return
    except psycopg.errors.InsufficientPrivilege:
        # Only a superuser may read it; setting it again costs a restart of the worker.
        pass
    try:
        warehouse.execute(
            sql.SQL("alter subscription {} connection {}").format(sql.Identifier(name), sql.Literal(wanted))
        )
    except psycopg.OperationalError as error:
        raise reach.explain(error, source_conninfo) from None


def origin_name(warehouse: psycopg.Connection, name: str) -> str:
    """The replication origin that PostgreSQL gives the subscription's transactions."""
    row = warehouse.execute("select 'pg_' || oid from pg_subscription where subname = %s", (name,)).fetchone()
    assert row is not None
    return str(row[0])


def drop(warehouse: psycopg.Connection, name: str) -> None:
    """Drop the subscription without touching the slot, which may be gone or out of reach."""
    if exists(warehouse, name):
        target = sql.Identifier(name)
        warehouse.execute(sql.SQL("alter subscription {} disable").format(target))
        warehouse.execute(sql.SQL("alter subscription {} set (slot_name = none)").format(target))
        warehouse.execute(sql.SQL("drop subscription {}").format(target))


@dataclass(frozen=True)
class Mark:
    """A transaction of our own at the source: where its message ends in the WAL, its number, and on which timeline.

    It is durable there once the stream has confirmed it: only flushed WAL is sent.

    Attributes:
        xmin: every transaction with a smaller number had ended before it.
    """

    lsn: str
    xid: int
    timeline: int
    xmin: int


def mark(source: psycopg.Connection) -> Mark:
    """Write a tiny message into the source's WAL: on a quiet source, too, the position moves past what came before."""
    with source.transaction():
        source.execute("select pg_current_xact_id()")
        before = source.execute("select pg_snapshot_xmin(pg_current_snapshot())::text").fetchone()
        row = source.execute(
            f"select {wal.EMIT}::text, pg_current_xact_id()::text,"
            # The name of a WAL file begins with its timeline.
            " left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)"
        ).fetchone()
    assert row is not None
    assert before is not None
    return Mark(str(row[0]), int(row[1]), int(row[2], 16), int(before[0]))


def wait_until_applied(source: psycopg.Connection, warehouse: psycopg.Connection, name: str, progress: Progress) -> str:
    """Wait until everything that is committed at the source now has been applied here; returns that position.

    Raises:
        SlotLost, StreamStuck: as wait_for().
    """
    marked = mark(source)
    wait_for(source, warehouse, name, marked.lsn, progress)
    return marked.lsn


def wait_for(
    source: psycopg.Connection, warehouse: psycopg.Connection, name: str, target: str, progress: Progress
) -> None:
    """Wait until the source's WAL up to a position has been applied here.

    Raises:
        SlotLost: the slot is not there.
        StreamStuck: PostgreSQL switched the stream off, or nothing moved for STALLED_SECONDS.
        AlreadyRunning: another command of ours switched it off for as long as it works.
    """
    row = warehouse.execute("select subslotname from pg_subscription where subname = %s", (name,)).fetchone()
    slot_name = row[0] if row else name
    waiting = Waiting(progress, "the stream to apply what is committed at the source", limit=STALLED_SECONDS)
    last = None

    def judge(state: wal.SlotState | None) -> None:
        nonlocal last
        if state is None:
            raise _slot_is_gone(slot_name)
        if state.confirmed != last:
            last = state.confirmed
            waiting.moved()
        if not is_enabled(warehouse, name):
            raise _switched_off(warehouse, name)
        if waiting.is_over:
            raise _stalled(warehouse, name, state.behind)

    wal.wait_until_applied(source, slot_name, target, waiting, judge)


_LOCKED_BY_ANOTHER = """
select exists (
    select from pg_locks as l
    join pg_database as d on d.oid = l.database
    cross join (select hashtextextended(%s, 0) as key) as k
    where l.locktype = 'advisory' and l.granted and l.objsubid = 1
        and d.datname = current_database() and l.pid <> pg_backend_pid()
        and l.classid::bigint = (k.key >> 32) & 4294967295
        and l.objid::bigint = k.key & 4294967295
)
"""


def lock_name(name: str) -> str:
    """The session lock of whoever sets up, repairs or switches on the stream of that name."""
    return f"replicate {name}"


def other_command(warehouse: psycopg.Connection, name: str) -> bool:
    """Whether another session holds that lock: a run, a repair, an apply."""
    row = warehouse.execute(_LOCKED_BY_ANOTHER, (lock_name(name),)).fetchone()
    return bool(row and row[0])


def _slot_is_gone(slot_name: str) -> SlotLost:
    return SlotLost(
        f"The replication slot {slot_name} is gone from the operational database.",
        meaning="Changes since it went are not in the warehouse. The replica is unchanged; nothing new was built or "
        "sent, and no new slot was made, because it would hide the gap.",
        next_command="Find out why (maintenance, failover, a restore), then `warehouse replicate repair`.",
    )


def _switched_off(warehouse: psycopg.Connection, name: str) -> WarehouseError:
    if other_command(warehouse, name):
        return AlreadyRunning(
            "Another command is working on this replica, and has switched the stream off meanwhile.",
            meaning="This one did nothing; the other one continues, and switches the stream on again.",
            next_command="Wait for it, then run again.",
        )
    return StreamStuck(
        f"PostgreSQL switched the stream of {name} off while this command was waiting for it: the connection broke, "
        "or a change could not be applied.",
        meaning="The warehouse does not show the source's latest changes, so nothing was built or delivered. "
        "It stays off until the slot has been compared with what was applied.",
        next_command="Run again: that checks the slot and resumes. If it happens again, read the log of the "
        "warehouse's server (embedded: .warehouse/clusters/warehouse/postgres.log).",
    )


def _stalled(warehouse: psycopg.Connection, name: str, behind: int) -> StreamStuck:
    worker = warehouse.execute(
        "select pid from pg_stat_subscription where subname = %s and worker_type = 'apply' and pid is not null"
        if warehouse.info.server_version >= 170_000
        else "select pid from pg_stat_subscription where subname = %s and relid is null and pid is not null",
        (name,),
    ).fetchone()
    errors = warehouse.execute(
        "select apply_error_count from pg_stat_subscription_stats where subname = %s", (name,)
    ).fetchone()
    failed = f"; PostgreSQL counts {errors[0]} errors" if errors and errors[0] else ""
    return StreamStuck(
        f"The stream has not moved for {STALLED_SECONDS} seconds and is {behind / 1e6:,.1f} MB behind; "
        "the apply worker " + ("runs" if worker else "does not run") + failed + ".",
        meaning="The warehouse does not show the source's latest changes, so nothing was built or delivered.",
        next_command="Read the log of the warehouse's server (embedded: .warehouse/clusters/warehouse/postgres.log), "
        "then run again: the stream continues where it stopped.",
    )
