"""Views of the marts that show a reader's columns and no others: `select *` works, and the names are the same.

They run with the reader's own rights (security_invoker), which are those on the columns of the mart itself. A view that
showed too much would therefore be refused, and show nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import psycopg
from psycopg import sql

from warehouse.core import ours
from warehouse.core.roles.declared import visible
from warehouse.core.roles.relations import MARTS, NARROW, Relation

_STANDING = """
select n.nspname, c.relname,
    array(
        select format('%%I %%s', a.attname, format_type(a.atttypid, a.atttypmod)) from pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum
    )
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join ledger.made_here as m on m.kind = 'schema' and m.object_oid = n.oid
where n.nspname = any(%s) and c.relkind = 'v' and pg_has_role(c.relowner, 'usage')
"""
_FORMS = """
select a.attname::text, format('%%I %%s', a.attname, format_type(a.atttypid, a.atttypmod))
from pg_attribute as a
where a.attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) and a.attnum > 0 and not a.attisdropped
"""
_COMMENTS = """
select a.attname::text, d.description
from pg_description as d
left join pg_attribute as a on a.attrelid = d.objoid and a.attnum = d.objsubid and d.objsubid > 0
where d.classoid = 'pg_class'::regclass and d.objoid = to_regclass(format('%%I.%%I', %s::text, %s::text))
"""

View = tuple[str, str]


def wanted(marts: Iterable[Relation]) -> dict[View, list[str]]:
    """The columns of each narrow view, by its schema and name; a mart of which nothing may be seen has none."""
    return {
        (schema, mart.name): columns
        for schema, highest in NARROW.items()
        for mart in marts
        if mart.schema == MARTS and (columns := visible(mart, highest))
    }


def take_down(connection: psycopg.Connection, marts: Sequence[Relation], candidate: str) -> None:
    """Drop the views that will not be as they are: before the columns of their marts change.

    Args:
        marts: as they will be, with the columns of their candidates.
        candidate: the schema in which these are.

    Raises:
        psycopg.errors.DependentObjectsStillExist: somebody's view rests on one of them.
    """
    needed = wanted(marts)
    forms: dict[str, dict[str, str]] = {
        mart.name: dict(connection.execute(_FORMS, (candidate, mart.name)).fetchall()) for mart in marts
    }
    going = []
    for schema, name, standing in connection.execute(_STANDING, (list(NARROW),)).fetchall():
        columns = [forms[name].get(column) for column in needed.get((schema, name), [])]
        # What only gets more columns at its end is replaced in place.
        if not columns or standing != columns[: len(standing)]:
            going.append(sql.Identifier(schema, name))
    if going:
        connection.execute(sql.SQL("drop view {}").format(sql.SQL(", ").join(going)))


def put_up(connection: psycopg.Connection, marts: Sequence[Relation]) -> None:
    """Make the views that are missing or have to show more."""
    standing = {
        (schema, name): len(columns) for schema, name, columns in connection.execute(_STANDING, (list(NARROW),))
    }
    for (schema, name), columns in wanted(marts).items():
        if standing.get((schema, name)) == len(columns):
            continue
        ours.make_schema(connection, schema)
        view = sql.Identifier(schema, name)
        connection.execute(
            sql.SQL("create or replace view {} with (security_invoker = true) as select {} from {}").format(
                view, sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(MARTS, name)
            )
        )
        for column, text in connection.execute(_COMMENTS, (MARTS, name)).fetchall():
            if column is None or column in columns:
                on = sql.SQL("column {}").format(sql.Identifier(schema, name, column)) if column else None
                target = on or sql.SQL("view {}").format(view)
                connection.execute(sql.SQL("comment on {} is {}").format(target, sql.Literal(text)))
