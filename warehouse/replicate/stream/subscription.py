"""The subscription in the warehouse that reads the slot: made, switched on and off, and dropped."""

from __future__ import annotations

import time

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from warehouse.core import server_proof
from warehouse.core.database import one
from warehouse.core.errors import StreamStuck
from warehouse.core.unlogged import unlogged
from warehouse.replicate.catalog import reach, subscriptions

STALLED_SECONDS = 60
"""No progress for so long, while there is something to apply, is told as an error. A transaction of 100,000 rows takes
about 3 seconds (docs/adr/0002)."""

LETTING_GO_SECONDS = 15
"""How long the source may take to notice that our stream has ended. Until then nobody can look into the slot; after it,
somebody else is taken to hold it."""


def exists(warehouse: psycopg.Connection, name: str) -> bool:
    """Whether the warehouse has the subscription."""
    return subscriptions.read(warehouse, name, "1") is not None


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
    # A transaction that is larger than the source's decoding memory is spooled to a file of the warehouse's server and
    # applied when it is committed. Applied while it is still open (streaming = parallel) it would be visible a little
    # sooner, but that path of PostgreSQL (18.6) crashed the server once in a drill, and gives such transactions numbers
    # out of order. Values travel as text: in binary, one whose type changed at the source unseen would be misread in
    # silence (docs/adr/0021).
    statement = sql.SQL(
        "create subscription {} connection {} publication {} with"
        " (slot_name = {}, create_slot = false, copy_data = false, enabled = false, disable_on_error = true,"
        " streaming = on, binary = false{})"
    ).format(
        sql.Identifier(name),
        sql.Literal(_for_server(warehouse, source_conninfo)),
        sql.Identifier(name),
        sql.Literal(slot_name),
        sql.SQL(", failover = true" if failover and warehouse.info.server_version >= 170_000 else ""),
    )
    try:
        with unlogged(warehouse):
            warehouse.execute(statement)
    except psycopg.Error as error:
        # The next run continues with the rows that were copied.
        raise reach.explain(error, source_conninfo) from None


APPLICATION = "teaching_record_warehouse"
"""The name under which the warehouse's server shows up in the source's pg_stat_replication."""


def _for_server(warehouse: psycopg.Connection, conninfo: str) -> str:
    """The connection as the warehouse's server uses it."""
    known = server_proof.as_known_to(conninfo, warehouse.info.server_version)
    return make_conninfo(known, application_name=APPLICATION)


def enable(warehouse: psycopg.Connection, name: str) -> None:
    """Start the stream. Whoever calls this has held the slot against what was applied (continuity.py)."""
    # Not once more when it is on: what others alter of it shows by who has written its row last (replica/marks.py).
    if not is_enabled(warehouse, name):
        warehouse.execute(sql.SQL("alter subscription {} enable").format(sql.Identifier(name)))


RUNNING = sql.SQL("select count(pid) from pg_stat_subscription where subid = {}").format(subscriptions.NUMBER)
"""How many of its workers run."""


def stop(warehouse: psycopg.Connection, name: str) -> None:
    """Stop the stream, and wait until its worker is gone: after that nothing of it changes any more."""
    warehouse.execute(sql.SQL("alter subscription {} disable").format(sql.Identifier(name)))
    deadline = time.monotonic() + STALLED_SECONDS
    while one(warehouse, RUNNING, {"name": name})[0]:
        if time.monotonic() > deadline:
            raise StreamStuck(
                f"The apply worker of {name} does not stop.",
                meaning="Nothing was changed while it may still write.",
                next_command="End it in the warehouse: select pg_terminate_backend(pid) from pg_stat_subscription; "
                "then run again.",
            )
        time.sleep(0.02)


_WORKERS = """
select
    count(*),
    current_setting('max_logical_replication_workers')::int,
    -- One of them is the process that starts the others.
    current_setting('max_worker_processes')::int - 1
from pg_stat_subscription
where pid is not null
"""


def no_worker_left(warehouse: psycopg.Connection) -> str:
    """That the warehouse's server has no worker left to give us, as the end of a message; otherwise nothing."""
    used, workers, processes = one(warehouse, _WORKERS)
    if used < min(workers, processes):
        return ""
    setting = "max_logical_replication_workers" if workers <= processes else "max_worker_processes"
    return f"; its server has none of its {setting} left: {used} streams and copies of all its databases run"


def is_enabled(warehouse: psycopg.Connection, name: str) -> bool:
    """Whether the stream is meant to run; PostgreSQL switches it off when there is an error."""
    row = subscriptions.read(warehouse, name, "subenabled")
    return bool(row and row[0])


def follow_address(warehouse: psycopg.Connection, name: str, source_conninfo: str) -> None:
    """Tell the subscription when the source's address has changed, as an embedded one's port may."""
    wanted = _for_server(warehouse, source_conninfo)
    try:
        row = subscriptions.read(warehouse, name, "subconninfo")
        if row and row[0] == wanted:
            return
    except psycopg.errors.InsufficientPrivilege:
        # Only a superuser may read it; setting it again costs a restart of the worker.
        pass
    try:
        with unlogged(warehouse):
            warehouse.execute(
                sql.SQL("alter subscription {} connection {}").format(sql.Identifier(name), sql.Literal(wanted))
            )
    except psycopg.OperationalError as error:
        raise reach.explain(error, source_conninfo) from None


def origin_name(warehouse: psycopg.Connection, name: str) -> str:
    """The replication origin that PostgreSQL gives the subscription's transactions."""
    row = subscriptions.read(warehouse, name, "'pg_' || oid")
    assert row is not None
    return str(row[0])


def drop(warehouse: psycopg.Connection, name: str) -> None:
    """Drop the subscription without touching the slot, which may be gone or out of reach."""
    if exists(warehouse, name):
        target = sql.Identifier(name)
        warehouse.execute(sql.SQL("alter subscription {} disable").format(target))
        warehouse.execute(sql.SQL("alter subscription {} set (slot_name = none)").format(target))
        warehouse.execute(sql.SQL("drop subscription {}").format(target))
