"""The rights on a view and on its columns, kept while it is dropped and made again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import sql

from warehouse.core.database import grant, qualified

RIGHTS = """array(
        select array[
            case g.grantee when 0 then '' else pg_get_userbyid(g.grantee) end, g.privilege_type, g.column_name,
            g.is_grantable::text
        ]
        from (
            select e.*, '' as column_name from aclexplode(c.relacl) as e
            union all
            select e.*, a.attname::text from pg_attribute as a cross join lateral aclexplode(a.attacl) as e
            where a.attrelid = c.oid and not a.attisdropped
        ) as g
        where g.grantee <> c.relowner
    )"""
"""Of a view c: role, privilege, column ("" for all) and whether it may be passed on."""

_GRANTS = "select {rights} from pg_class as c where c.oid = to_regclass(%s)".replace("{rights}", RIGHTS)


@contextmanager
def kept(connection: psycopg.Connection, schema: str, name: str) -> Iterator[None]:
    """Give a view the rights on it and on its columns again, after the block has dropped and made it."""
    row = connection.execute(_GRANTS, (qualified(schema, name),)).fetchone()
    yield
    if row:
        give(connection, sql.Identifier(schema, name), row[0])


def give(connection: psycopg.Connection, view: sql.Identifier, grants: Sequence[Sequence[str]]) -> None:
    """Rights on a view; a column that it does not have any more takes its rights with it."""
    nothing = connection.execute(sql.SQL("select * from {} limit 0").format(view))
    there = {column.name for column in nothing.description or []}
    for role, privilege, column, may_grant in grants:
        if not column or column in there:
            grant(connection, view, role or None, privilege, column=column or None, may_grant=may_grant == "true")
