"""How values travel in the stream: in the engine's binary form where that is safe, as text everywhere else.

Reading text is a fifth of what applying a row costs (docs/adr/0015). But a binary value that meets a column of another
type stops the stream, or is misread in silence when it has that type's length; text is converted, or refused. So values
travel as text as long as any published column has another type here than at the source, or a type that is not the
engine's own. The source cannot retype a published column by itself: PostgreSQL refuses.
"""

from __future__ import annotations

import time

import psycopg
from psycopg import sql

from warehouse.core.errors import StreamStuck
from warehouse.replicate import subscription

_FIRST_TYPE_OF_USERS = 16_384
"""Below it a type's number means the same type on every server, with the same binary form since version 15."""

_RESTART_SECONDS = 10
"""The engine starts a worker at once, but waits five seconds after one that failed."""

_PUBLISHED = """
select p.tablename, a.attname, a.atttypid::bigint
from pg_publication_tables as p
join pg_attribute as a
    on a.attrelid = to_regclass(format('%%I.%%I', p.schemaname, p.tablename)) and a.attname = any(p.attnames)
where p.pubname = %s
"""

_HERE = """
select c.relname, a.attname, a.atttypid::bigint
from pg_class as c
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = to_regnamespace(quote_ident(%s)) and c.relname = any(%s)
"""


def only_as_text(trs: psycopg.Connection, warehouse: psycopg.Connection, name: str, schema: str) -> list[str]:
    """The published columns whose values must not travel in binary, as `table.column`.

    Args:
        name: of publication and subscription.
    """
    there: dict[tuple[str, str], int] = {(t, c): kind for t, c, kind in trs.execute(_PUBLISHED, (name,))}
    tables = sorted({table for table, _ in there})
    here: dict[tuple[str, str], int] = {(t, c): kind for t, c, kind in warehouse.execute(_HERE, (schema, tables))}
    # A column that is not here cannot be applied in any form; drift tells that.
    return sorted(
        f"{table}.{column}"
        for (table, column), kind in there.items()
        if kind >= _FIRST_TYPE_OF_USERS or here.get((table, column), kind) != kind
    )


def is_binary(warehouse: psycopg.Connection, name: str) -> bool:
    """Whether values travel in binary."""
    row = warehouse.execute(
        "select subbinary from pg_subscription where subname = %s"
        " and subdbid = (select oid from pg_database where datname = current_database())",
        (name,),
    ).fetchone()
    return bool(row and row[0])


def in_binary(trs: psycopg.Connection, warehouse: psycopg.Connection, name: str) -> None:
    """Let values travel in binary from now on, and return when they do.

    Only for a replica that has applied everything from before its types were held against the source's.
    """
    if is_binary(warehouse, name):
        return
    before = _reader(trs, warehouse, name)
    warehouse.execute(sql.SQL("alter subscription {} set (binary = true)").format(sql.Identifier(name)))
    # Until the new worker streams, the loss of the slot would not switch the stream off. One that does not come is told
    # by the next look.
    deadline = time.monotonic() + _RESTART_SECONDS
    while before is not None and subscription.is_enabled(warehouse, name) and time.monotonic() < deadline:
        if _reader(trs, warehouse, name) not in (None, before):
            return
        time.sleep(0.02)


def as_text(warehouse: psycopg.Connection, name: str) -> None:
    """Let values travel as text, and return when none is on its way in binary any more.

    Raises:
        StreamStuck: the worker is in a transaction that does not end.
    """
    if not is_binary(warehouse, name):
        return
    before = _worker(warehouse, name)
    warehouse.execute(sql.SQL("alter subscription {} set (binary = false)").format(sql.Identifier(name)))
    deadline = time.monotonic() + subscription.STALLED_SECONDS
    # The worker ends its transaction, and another one goes on where it stopped. What was sent in binary is sent anew.
    while before is not None and _worker(warehouse, name) == before:
        if time.monotonic() > deadline:
            raise StreamStuck(
                f"The apply worker of {name} has been in one transaction for {subscription.STALLED_SECONDS} seconds.",
                meaning="No type was changed here while values are on their way in the former one.",
                next_command="Wait until `warehouse replicate status` shows no lag, then: warehouse replicate apply",
            )
        time.sleep(0.02)


def _worker(warehouse: psycopg.Connection, name: str) -> int | None:
    row = warehouse.execute(
        "select min(pid) from pg_stat_subscription where subname = %s and relid is null and pid is not null", (name,)
    ).fetchone()
    return row[0] if row else None


def _reader(trs: psycopg.Connection, warehouse: psycopg.Connection, name: str) -> int | None:
    """The process of the source that reads our slot for us."""
    row = warehouse.execute("select subslotname from pg_subscription where subname = %s", (name,)).fetchone()
    slot = trs.execute(
        "select active_pid from pg_replication_slots where slot_name = %s", (row[0] if row else name,)
    ).fetchone()
    return slot[0] if slot else None
