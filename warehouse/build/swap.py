"""Publish a build: the schemas that were built aside take the names that readers use, all in one transaction."""

from __future__ import annotations

import psycopg
from psycopg import sql

PREFIX = "trw_build_"
_OLD = "trw_old_"


def drop_leftovers(connection: psycopg.Connection) -> None:
    """Drop what an interrupted build or a busy reader left behind."""
    rows = connection.execute(
        "select nspname from pg_namespace where starts_with(nspname, %s) or starts_with(nspname, %s)", (PREFIX, _OLD)
    ).fetchall()
    for (name,) in rows:
        _drop(connection, name)


def publish(connection: psycopg.Connection, schemas: set[str]) -> None:
    """Give the built schemas their public names.

    Readers see the old build or the new one, never a mixture. A schema is renamed, not its tables: that waits for no
    query that is running. Who could read a schema and its tables before can read the new ones.

    Args:
        schemas: with the prefix, such as trw_build_marts.
    """
    with connection.transaction():
        for built in sorted(schemas):
            public = built.removeprefix(PREFIX)
            if _exists(connection, public):
                _repeat_grants(connection, public, built)
                _rename(connection, public, _OLD + public)
            _rename(connection, built, public)
    for built in sorted(schemas):
        _drop(connection, _OLD + built.removeprefix(PREFIX))


def _exists(connection: psycopg.Connection, schema: str) -> bool:
    return connection.execute("select 1 from pg_namespace where nspname = %s", (schema,)).fetchone() is not None


def _rename(connection: psycopg.Connection, old: str, new: str) -> None:
    connection.execute(sql.SQL("alter schema {} rename to {}").format(sql.Identifier(old), sql.Identifier(new)))


def _drop(connection: psycopg.Connection, schema: str) -> None:
    """Drop an old schema; if somebody still reads from it, the next build will."""
    try:
        with connection.transaction():
            connection.execute("set local lock_timeout = '5s'")
            connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema)))
    except psycopg.errors.LockNotAvailable:
        return


def _repeat_grants(connection: psycopg.Connection, old: str, new: str) -> None:
    """Give the new schema and its tables the reading rights that the old ones had."""
    schemas = connection.execute(
        "select distinct coalesce(r.rolname, 'public') from pg_namespace as n"
        " cross join lateral aclexplode(n.nspacl) as a left join pg_roles as r on r.oid = a.grantee"
        " where n.nspname = %s and a.privilege_type = 'USAGE' and a.grantee <> n.nspowner",
        (old,),
    ).fetchall()
    tables = connection.execute(
        "select c.relname, coalesce(r.rolname, 'public') from pg_class as c"
        " join pg_namespace as n on n.oid = c.relnamespace"
        " cross join lateral aclexplode(c.relacl) as a left join pg_roles as r on r.oid = a.grantee"
        " where n.nspname = %s and a.privilege_type = 'SELECT' and a.grantee <> c.relowner"
        " and to_regclass(format('%%I.%%I', %s::text, c.relname)) is not null",
        (old, new),
    ).fetchall()
    for (role,) in schemas:
        connection.execute(sql.SQL("grant usage on schema {} to {}").format(sql.Identifier(new), _role(role)))
    for table, role in tables:
        connection.execute(sql.SQL("grant select on {} to {}").format(sql.Identifier(new, table), _role(role)))


def _role(name: str) -> sql.Composable:
    return sql.SQL("public") if name == "public" else sql.Identifier(name)
