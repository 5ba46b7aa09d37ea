"""The replica's tables in the warehouse, and the typed history that triggers keep of them.

For each replicated table there are

- `public.<table>`: the current rows, and `_known_from_xid`, the transaction that brought each of them;
- `history.<table>`: every earlier version, with the transactions that brought it and ended it, and what ended it
  (U update, D delete, T truncate). The current version is not repeated here, so an insert costs nothing;
- `versions.<table>`: a view of both with times: `known_from` and `known_to` are commit times of the source.
"""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql

from warehouse.replicate.source import SourceColumn

HISTORY = "history"
VERSIONS = "versions"
KNOWN_FROM = "_known_from_xid"


def create_schemas(connection: psycopg.Connection, schema: str) -> None:
    """Make the schemas of the replica, its history and the views of both."""
    for name in (schema, HISTORY, VERSIONS):
        connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(name)))


def create_tables(connection: psycopg.Connection, schema: str, tables: dict[str, list[SourceColumn]]) -> None:
    """Make the replica's tables, without keys: rows are copied into them first. Existing ones are replaced."""
    for table, columns in tables.items():
        # Types come from the source, never from a file of ours; widths and precision with them. Nothing but the key
        # is constrained: a row that the source accepted is never refused here.
        connection.execute(sql.SQL("drop table if exists {} cascade").format(sql.Identifier(schema, table)))
        connection.execute(
            sql.SQL("create table {} ({}, {} xid8 not null default pg_current_xact_id())").format(
                sql.Identifier(schema, table), _declared(columns), sql.Identifier(KNOWN_FROM)
            )
        )


def add_key(connection: psycopg.Connection, schema: str, table: str, key: Sequence[str]) -> None:
    """Add the primary key; after the copy, because keeping it up during the copy costs more than anything else."""
    connection.execute(
        sql.SQL("alter table {} add primary key ({})").format(
            sql.Identifier(schema, table), sql.SQL(", ").join(map(sql.Identifier, key))
        )
    )


def keep_history(connection: psycopg.Connection, schema: str, table: str, columns: list[SourceColumn]) -> None:
    """Make a table's history and the triggers that fill it while the stream is applied."""
    names = [column.name for column in columns]
    connection.execute(sql.SQL("drop table if exists {} cascade").format(sql.Identifier(HISTORY, table)))
    connection.execute(
        sql.SQL(
            "create table {} ({}, {} xid8 not null, _known_to_xid xid8 not null, _ended_by char(1) not null)"
        ).format(sql.Identifier(HISTORY, table), _declared(columns), sql.Identifier(KNOWN_FROM))
    )
    connection.execute(_function(schema, table, names))
    target, function = sql.Identifier(schema, table), _function_name(table)
    statements = [
        # `*<>` compares the stored bytes: a plain comparison would overlook a change that a collation calls equal.
        sql.SQL(
            "create trigger b_keep_history before update on {} for each row"
            " when (old.* operator(pg_catalog.*<>) new.*) execute function {}()"
        ).format(target, function),
        sql.SQL(
            "create trigger b_keep_history_of_deleted before delete on {} for each row execute function {}()"
        ).format(target, function),
        sql.SQL(
            "create trigger b_keep_history_of_truncated before truncate on {} for each statement execute function {}()"
        ).format(target, function),
    ]
    for statement in statements:
        connection.execute(statement)
    for trigger in ("b_keep_history", "b_keep_history_of_deleted", "b_keep_history_of_truncated"):
        # Ordinary triggers do not fire for replicated changes.
        connection.execute(sql.SQL("alter table {} enable always trigger {}").format(target, sql.Identifier(trigger)))
    connection.execute(_view(schema, table, names))


def remove_credentials(
    connection: psycopg.Connection, schema: str, table: str, without: dict[str, tuple[str, ...]]
) -> None:
    """Make the trigger that takes credentials out of JSON columns before a replicated row is stored."""
    if not without:
        return
    function = sql.Identifier(HISTORY, f"{table}_without_credentials")
    assignments = sql.SQL(" ").join(
        sql.SQL("new.{0} := {1};").format(sql.Identifier(column), without_credentials(column, paths, prefix="new"))
        for column, paths in without.items()
    )
    has_any = sql.SQL(" or ").join(has_credentials(column, paths, prefix="new") for column, paths in without.items())
    target = sql.Identifier(schema, table)
    connection.execute(
        sql.SQL(
            "create or replace function {}() returns trigger language plpgsql as $$ begin {} return new; end $$"
        ).format(function, assignments)
    )
    connection.execute(
        sql.SQL(
            # Fires before b_keep_history: triggers of one kind go by name.
            "create or replace trigger a_without_credentials before insert or update on {} for each row when ({})"
            " execute function {}()"
        ).format(target, has_any, function)
    )
    connection.execute(sql.SQL("alter table {} enable always trigger a_without_credentials").format(target))


def has_credentials(column: str, paths: Sequence[str], prefix: str | None = None) -> sql.Composable:
    """The condition that a JSON column may hold one of the given paths: cheap, and false for most rows."""
    name = sql.Identifier(prefix, column) if prefix else sql.Identifier(column)
    return sql.SQL("{} ?| {}").format(name, sql.Literal(sorted({path.split(".")[0] for path in paths})))


def without_credentials(column: str, paths: Sequence[str], prefix: str | None = None) -> sql.Composable:
    """The expression that is a JSON column without the given paths."""
    name = sql.Identifier(prefix, column) if prefix else sql.Identifier(column)
    removed = [sql.SQL(" #- {}::text[]").format(sql.Literal(path.split("."))) for path in paths]
    return sql.SQL("case when {} then {}{} else {} end").format(
        has_credentials(column, paths, prefix), name, sql.SQL("").join(removed), name
    )


def drop_all(connection: psycopg.Connection, schema: str, tables: Sequence[str]) -> None:
    """Take away replica, history and views of tables; for an initial copy that was broken off."""
    for table in tables:
        connection.execute(sql.SQL("drop view if exists {}").format(sql.Identifier(VERSIONS, table)))
        connection.execute(sql.SQL("drop table if exists {} cascade").format(sql.Identifier(schema, table)))
        connection.execute(sql.SQL("drop table if exists {} cascade").format(sql.Identifier(HISTORY, table)))


def _declared(columns: Sequence[SourceColumn]) -> sql.Composed:
    return sql.SQL(", ").join(
        # format_type() gives the type as SQL, quoted where it has to be.
        sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.type))
        for column in columns
    )


def _function_name(table: str) -> sql.Identifier:
    return sql.Identifier(HISTORY, f"{table}_keep")


def _function(schema: str, table: str, names: Sequence[str]) -> sql.Composed:
    """The function behind the triggers. Names in it are qualified: the apply worker's search path is empty."""
    listed = sql.SQL(", ").join(map(sql.Identifier, names))
    old = sql.SQL(", ").join(sql.Identifier("old", name) for name in names)
    return sql.SQL(
        """create or replace function {function}() returns trigger language plpgsql as $$
begin
    if tg_op = 'TRUNCATE' then
        insert into {history} ({listed}, {known_from}, _known_to_xid, _ended_by)
        select {listed}, {known_from}, pg_current_xact_id(), 'T' from {current};
        return null;
    end if;
    insert into {history} ({listed}, {known_from}, _known_to_xid, _ended_by)
    values ({old}, old.{known_from}, pg_current_xact_id(), left(tg_op, 1));
    if tg_op = 'DELETE' then
        return old;
    end if;
    new.{known_from} := pg_current_xact_id();
    return new;
end $$"""
    ).format(
        function=_function_name(table),
        history=sql.Identifier(HISTORY, table),
        current=sql.Identifier(schema, table),
        listed=listed,
        old=old,
        known_from=sql.Identifier(KNOWN_FROM),
    )


def _view(schema: str, table: str, names: Sequence[str]) -> sql.Composed:
    """Every version of every row with the times between which the warehouse knew it.

    A version whose transaction is not in the ledger yet has no times: it was applied a moment ago.
    """
    listed = sql.SQL(", ").join(sql.Identifier("v", name) for name in names)
    plain = sql.SQL(", ").join(map(sql.Identifier, names))
    return sql.SQL(
        """create or replace view {view} as
select {listed}, began.committed_at as known_from, ended.committed_at as known_to,
    v._ended_by as ended_by, v.{known_from} as from_xid, v._known_to_xid as to_xid, began.epoch_id
from (
    select {plain}, {known_from}, null::xid8 as _known_to_xid, null::char(1) as _ended_by from {current}
    union all
    select {plain}, {known_from}, _known_to_xid, _ended_by from {history}
) as v
left join ledger.transactions as began on began.xid = v.{known_from}
left join ledger.transactions as ended on ended.xid = v._known_to_xid"""
    ).format(
        view=sql.Identifier(VERSIONS, table),
        listed=listed,
        plain=plain,
        known_from=sql.Identifier(KNOWN_FROM),
        current=sql.Identifier(schema, table),
        history=sql.Identifier(HISTORY, table),
    )
