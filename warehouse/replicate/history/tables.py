"""A table's log, its triggers, its settled history and the view of all versions."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql

from warehouse.core.database import qualified
from warehouse.replicate import history_functions as functions
from warehouse.replicate.catalog.names import HISTORY, KNOWN_FROM, OPERATION, OWN_COLUMNS, TRIGGERS, VERSIONS
from warehouse.replicate.catalog.relations import SourceColumn, columns_of, declared
from warehouse.replicate.history import views

_OF_A_VERSION = (
    ("known_from", "timestamptz"),
    ("known_to", "timestamptz not null"),
    ("operation", '"char" not null'),
    ("ended_by", '"char" not null'),
    ("from_xid", "xid8 not null"),
    ("to_xid", "xid8 not null"),
    ("began_after", "timestamptz"),
    ("ended_after", "timestamptz"),
    ("epoch_id", "int"),
)
"""What the settled history says of a version besides its columns."""

_LOGGED = """
select t.name from unnest(%(tables)s::text[]) as t (name)
where to_regclass(format('%%I.%%I', %(schema)s::text, t.name)) is not null
    and to_regclass(format('%%I.%%I', %(history)s::text, t.name)) is not null
    and to_regclass(format('%%I.%%I', %(history)s::text, t.name || '_log')) is not null
"""

_NOT_LOGGED = """
select n.nspname, c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where c.relpersistence = 'u' and (
    c.oid = to_regclass(format('%%I.%%I', %(schema)s::text, %(table)s::text))
    or c.oid = to_regclass(format('%%I.%%I', %(history)s::text, %(table)s::text || '_log'))
    or c.oid in (
        select i.inhrelid from pg_inherits as i
        where i.inhparent = to_regclass(format('%%I.%%I', %(history)s::text, %(table)s::text))
    )
)
"""

_KEY = """
select a.attname from pg_index as i cross join lateral unnest(i.indkey::int2[]) with ordinality as k (attnum, number)
join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
where i.indisprimary and i.indrelid = to_regclass(%s)
order by k.number
"""


def keep(
    connection: psycopg.Connection, schema: str, table: str, columns: Sequence[SourceColumn], key: Sequence[str]
) -> None:
    """Keep a table's history from now on: make what is missing of it. What was kept before stays.

    Args:
        columns: the replica's published columns.
        key: the primary key's columns, in its order.
    """
    connection.execute(
        sql.SQL("create table if not exists {} ({}, {}) partition by range (known_to)").format(
            sql.Identifier(HISTORY, table),
            sql.SQL(", ").join(
                sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in _OF_A_VERSION
            ),
            declared(columns),
        )
    )
    connection.execute(
        sql.SQL("create index if not exists {} on {} ({}, known_to)").format(
            sql.Identifier(f"{table}_key"),
            sql.Identifier(HISTORY, table),
            sql.SQL(", ").join(map(sql.Identifier, key)),
        )
    )
    create_log(connection, schema, table)
    create_triggers(connection, schema, table)
    create_view(connection, schema, table, [column.name for column in columns])


def log_of(table: str) -> sql.Identifier:
    """Where the triggers store a table's superseded versions."""
    return sql.Identifier(HISTORY, f"{table}_log")


def logged(connection: psycopg.Connection, schema: str, tables: Sequence[str]) -> list[str]:
    """Those of some tables that have a replica, a log and a history: the others are classified, and not copied yet."""
    rows = connection.execute(_LOGGED, {"schema": schema, "history": HISTORY, "tables": list(tables)})
    return [row[0] for row in rows]


def key_of(connection: psycopg.Connection, schema: str, table: str) -> list[str]:
    """The columns of a replica's primary key, in its order."""
    rows = connection.execute(_KEY, (qualified(schema, table),)).fetchall()
    return [row[0] for row in rows]


def create_log(connection: psycopg.Connection, schema: str, table: str) -> None:
    """Make the log of a table if it is not there."""
    connection.execute(
        sql.SQL(
            "create table if not exists {} (version {}, known_to_xid xid8 not null default pg_current_xact_id(),"
            ' ended_by "char" not null)'
        ).format(log_of(table), sql.Identifier(schema, table))
    )


_KEEP = """
begin
    if tg_op = 'UPDATE' then
        insert into {log} (version, ended_by) values (old, 'U');
        new.{known_from} := pg_current_xact_id();
        new.{operation} := 'U';
        return new;
    elsif tg_op = 'DELETE' then
        insert into {log} (version, ended_by) values (old, 'D');
        return old;
    end if;
    insert into {log} (version, ended_by) select current_row, 'T' from {current} as current_row;
    return null;
end """
"""The function that keeps a table's history. Names are qualified, because the apply worker's search path is empty. It
lists no columns, so it never has to change with the table."""


def body_of_keep(schema: str, table: str) -> str:
    """The text of the function that keeps a table's history, as PostgreSQL stores it."""
    return (
        sql.SQL(_KEEP)
        .format(
            log=log_of(table),
            current=sql.Identifier(schema, table),
            known_from=sql.Identifier(KNOWN_FROM),
            operation=sql.Identifier(OPERATION),
        )
        .as_string(None)
    )


def create_triggers(connection: psycopg.Connection, schema: str, table: str) -> None:
    """Make the triggers that keep a table's history, and their function, whatever is there under their names."""
    target, function = sql.Identifier(schema, table), sql.Identifier(HISTORY, f"{table}_keep")
    connection.execute(
        sql.SQL("create or replace function {}() returns trigger language plpgsql as {}").format(
            function, sql.Literal(body_of_keep(schema, table))
        )
    )
    made = (
        # An update that changes nothing published is no version. PostgreSQL's own function compares stored bytes, so
        # a change that a collation calls equal is not overlooked.
        (TRIGGERS[0], "before update", "row", sql.SQL("pg_catalog.suppress_redundant_updates_trigger")),
        (TRIGGERS[1], "before update", "row", function),
        (TRIGGERS[2], "before delete", "row", function),
        (TRIGGERS[3], "before truncate", "statement", function),
    )
    for name, moment, each, called in made:
        connection.execute(
            sql.SQL("create or replace trigger {} {} on {} for each {} execute function {}()").format(
                sql.Identifier(name), sql.SQL(moment), target, sql.SQL(each), called
            )
        )
        # Ordinary triggers do not fire for replicated changes.
        connection.execute(sql.SQL("alter table {} enable always trigger {}").format(target, sql.Identifier(name)))


def set_logged(connection: psycopg.Connection, schema: str, table: str) -> None:
    """Have the replica, the log and the months of a table survive a crash of the server, if they do not."""
    rows = connection.execute(_NOT_LOGGED, {"schema": schema, "table": table, "history": HISTORY}).fetchall()
    for place, name in rows:
        connection.execute(sql.SQL("alter table {} set logged").format(sql.Identifier(place, name)))


_VIEW = sql.SQL("""
create or replace view {view} as
select
    coalesce(began.committed_at, pg_xact_commit_timestamp(r.{known_from}::xid)) as known_from,
    null::timestamptz as known_to,
    case began.kind when 'copy' then 'C'::"char" else r.{operation} end as operation,
    null::"char" as ended_by,
    r.{known_from} as from_xid,
    null::xid8 as to_xid,
    began.not_before as began_after,
    null::timestamptz as ended_after,
    began.epoch_id,
    {of_row}
from {current} as r
left join ledger.transactions as began on began.xid = r.{known_from}
union all
select
    coalesce(began.committed_at, pg_xact_commit_timestamp((l.version).{known_from}::xid)),
    coalesce(ended.committed_at, pg_xact_commit_timestamp(l.known_to_xid::xid)),
    case began.kind when 'copy' then 'C'::"char" else (l.version).{operation} end,
    l.ended_by,
    (l.version).{known_from},
    l.known_to_xid,
    began.not_before,
    ended.not_before,
    began.epoch_id,
    {of_log}
from {log} as l
left join ledger.transactions as began on began.xid = (l.version).{known_from}
left join ledger.transactions as ended on ended.xid = l.known_to_xid
union all
select known_from, known_to, operation, ended_by, from_xid, to_xid, began_after, ended_after, epoch_id, {plain}
from {history}
""")


def create_view(connection: psycopg.Connection, schema: str, table: str, columns: Sequence[str]) -> None:
    """Make or renew `versions.<table>`. A published column that is new comes last, so views upon it stay as they are.

    The time of a transaction that is not in the ledger yet comes from PostgreSQL, which keeps the source's commit
    time of what was applied until old rows are frozen.
    """
    plain = sql.SQL(", ").join(map(sql.Identifier, columns))
    of_log = sql.SQL(", ").join(sql.SQL("(l.version).{}").format(sql.Identifier(name)) for name in columns)
    of_row = sql.SQL(", ").join(sql.Identifier("r", name) for name in columns)
    connection.execute(
        _VIEW.format(
            view=sql.Identifier(VERSIONS, table),
            known_from=sql.Identifier(KNOWN_FROM),
            operation=sql.Identifier(OPERATION),
            of_row=of_row,
            of_log=of_log,
            plain=plain,
            current=sql.Identifier(schema, table),
            log=log_of(table),
            history=sql.Identifier(HISTORY, table),
        )
    )
    views.note(connection, table)
    functions.create(connection, table)


def published_columns(connection: psycopg.Connection, schema: str, table: str) -> list[str]:
    """The columns that a replica's table has from the source, in their order."""
    return [name for name in columns_of(connection, schema, table) if name not in OWN_COLUMNS]
