"""What the operational database is like, and whether it can be replicated from. It is only ever read here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from warehouse.core.errors import MissingPrivilege, SourceNotReady, WalLevelNotLogical
from warehouse.core.ours import some
from warehouse.core.postgres.binaries import OLDEST

_FILTERED = """
select c.relname
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = %s and c.relname = any(%s) and c.relrowsecurity and row_security_active(c.oid)
order by 1
"""


@dataclass(frozen=True)
class SourceColumn:
    """A column as the operational database declares it; `type` is complete, such as `character varying(100)`."""

    name: str
    type: str
    key_position: int | None


Tables = dict[str, dict[str, SourceColumn]]

_COLUMNS = """
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), array_position(i.indkey::int2[], a.attnum)
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_index as i on i.indrelid = c.oid and i.indisprimary
where n.nspname = %s and c.relkind in ('r', 'p') and not c.relispartition
order by c.relname, a.attnum
"""


def read_tables(connection: psycopg.Connection, schema: str) -> Tables:
    """Every table of a schema with its columns, in their order."""
    tables: Tables = {}
    for table, column, type_, position in connection.execute(_COLUMNS, (schema,)):
        key_position = None if position is None else int(position)
        tables.setdefault(table, {})[column] = SourceColumn(column, type_, key_position)
    return tables


def key_of(columns: dict[str, SourceColumn]) -> list[str]:
    """The primary key's columns, in its order."""
    keyed = [(column.key_position, name) for name, column in columns.items() if column.key_position is not None]
    return [name for _, name in sorted(keyed)]


def declared(columns: Sequence[SourceColumn]) -> sql.Composed:
    """Columns as CREATE TABLE takes them."""
    return sql.SQL(", ").join(
        # format_type() gives the type as SQL, quoted where it has to be.
        sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.type))
        for column in columns
    )


def check_server(connection: psycopg.Connection) -> None:
    """Whether this server can be replicated from at all.

    Raises:
        SourceNotReady: it is older than 15, or has no slot or sender left.
        WalLevelNotLogical: its WAL does not carry what logical replication needs.
        MissingPrivilege: this user may not replicate.
    """
    if connection.info.server_version < OLDEST * 10_000:
        raise SourceNotReady(
            f"The operational database runs PostgreSQL {connection.info.server_version // 10_000}; "
            f"column lists came with {OLDEST}.",
            meaning="An older server would send every column, credentials too, so nothing was set up.",
            next_command=f"Upgrade it to PostgreSQL {OLDEST} or later, then run again.",
        )
    level = _one(connection, "show wal_level")
    if level != "logical":
        raise WalLevelNotLogical(
            f"The operational database has wal_level = {level}; logical replication needs logical.",
            meaning="Nothing was set up there or here.",
            next_command="As its administrator: ALTER SYSTEM SET wal_level = logical; restart it (on Azure: server "
            "parameter wal_level = LOGICAL), then run again.",
        )
    role = _one(connection, "select current_user")
    # On Azure and Amazon the right comes with a role of the provider's, not with the attribute.
    may_replicate = _one(
        connection,
        "select exists (select from pg_roles where rolname = current_user and (rolreplication or rolsuper))"
        " or exists (select from pg_roles"
        " where rolname = 'rds_replication' and pg_has_role(current_user, oid, 'member'))",
    )
    if not may_replicate:
        raise MissingPrivilege(
            f"The user {role} may not replicate from the operational database.",
            meaning="Nothing was set up there or here.",
            next_command=f'As its administrator: ALTER ROLE "{role}" REPLICATION; then run again.',
        )


def check_headroom(connection: psycopg.Connection) -> None:
    """Whether a slot and a sender are free.

    Raises:
        SourceNotReady: none is.
    """
    for setting, used in (
        ("max_replication_slots", "select count(*) from pg_replication_slots"),
        ("max_wal_senders", "select count(*) from pg_stat_replication"),
    ):
        most, taken = int(str(_one(connection, f"show {setting}"))), int(str(_one(connection, used)))
        if taken >= most:
            raise SourceNotReady(
                f"The operational database has none of its {most} {setting} left.",
                meaning="Replication could not be set up; nothing was changed there or here.",
                next_command=f"As its administrator: raise {setting} and restart it, or drop a slot nobody uses "
                "(pg_replication_slots lists them), then run again.",
            )


def check_readable(connection: psycopg.Connection, schema: str, published: dict[str, list[str]]) -> None:
    """Whether this user may read every column that is to be replicated, and every row.

    Raises:
        MissingPrivilege: names the first tables that it may not.
    """
    check_not_filtered(connection, schema, published)
    rows = connection.execute(
        "select distinct t from unnest(%s::text[], %s::text[]) as x (t, c)"
        " where not has_column_privilege(format('%%I.%%I', %s::text, t), c, 'select') order by 1",
        (*_unzip(published), schema),
    ).fetchall()
    if rows:
        role = _one(connection, "select current_user")
        raise MissingPrivilege(
            f"The user {role} may not read {', '.join(row[0] for row in rows[:5])}"
            + (f" and {len(rows) - 5} more tables." if len(rows) > 5 else "."),
            meaning="Nothing was copied.",
            next_command=f'As its owner: GRANT SELECT ON ALL TABLES IN SCHEMA "{schema}" TO "{role}"; then run again.',
        )


def check_not_filtered(connection: psycopg.Connection, schema: str, tables: Iterable[str]) -> None:
    """Whether row security shows this user only some of the rows: the WAL carries them all.

    Raises:
        MissingPrivilege: names the first tables with a policy that holds for this user.
    """
    filtered = [row[0] for row in connection.execute(_FILTERED, (schema, list(tables)))]
    if filtered:
        role = _one(connection, "select current_user")
        raise MissingPrivilege(
            f"Row security hides rows of {some(filtered)} from the user {role}.",
            meaning="Rows that are hidden would count as deleted. Nothing was read, compared or changed.",
            next_command=f'As its administrator: ALTER ROLE "{role}" BYPASSRLS; then run again.',
        )


def _unzip(published: dict[str, list[str]]) -> tuple[list[str], list[str]]:
    pairs = [(table, column) for table, columns in published.items() for column in columns]
    return [table for table, _ in pairs], [column for _, column in pairs]


def _one(connection: psycopg.Connection, query: str) -> object:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None
