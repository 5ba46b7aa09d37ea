"""Views that prevent a change of a column: dropped and created again in the same transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from warehouse.core import view_rights
from warehouse.core.database import qualified


@dataclass(frozen=True)
class View:
    """A view as it can be made again: with its options, owner, grants, comments and, if it is stored, indexes."""

    schema: str
    name: str
    is_stored: bool
    definition: str
    options: list[str]
    owner: str
    grants: list[list[str]]
    comment: str | None
    column_comments: list[list[str]]
    indexes: list[str]


_DEPENDENTS = """
with recursive roots as (
    select to_regclass(t.name)::oid as oid from unnest(%(roots)s::text[]) as t (name)
    where to_regclass(t.name) is not null
),

dependents as (
    select r.ev_class as oid, 1 as depth
    from pg_depend as d join pg_rewrite as r on r.oid = d.objid
    where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass
        and d.refobjid in (select oid from roots) and r.ev_class not in (select oid from roots)
    union
    select r.ev_class, b.depth + 1
    from dependents as b
    join pg_depend as d on d.refobjid = b.oid and d.refclassid = 'pg_class'::regclass
        and d.classid = 'pg_rewrite'::regclass
    join pg_rewrite as r on r.oid = d.objid
    where r.ev_class <> b.oid
)

select
    n.nspname as schema,
    c.relname as name,
    c.relkind = 'm' as is_stored,
    pg_get_viewdef(c.oid) as definition,
    coalesce(c.reloptions, '{}') as options,
    pg_get_userbyid(c.relowner) as owner,
    {rights} as grants,
    obj_description(c.oid, 'pg_class') as comment,
    array(
        select array[a.attname::text, col_description(c.oid, a.attnum)] from pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and col_description(c.oid, a.attnum) is not null
    ) as column_comments,
    array(select pg_get_indexdef(i.indexrelid) from pg_index as i where i.indrelid = c.oid) as indexes
from (select oid, max(depth) as depth from dependents group by oid) as d
join pg_class as c on c.oid = d.oid
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('v', 'm')
order by d.depth, 1, 2
""".replace("{rights}", view_rights.RIGHTS)


def dependents(connection: psycopg.Connection, relations: Sequence[tuple[str, str]]) -> list[View]:
    """The views that rest on these relations, directly or over others, each before those that rest on it."""
    roots = [qualified(place, name) for place, name in relations]
    with connection.cursor(row_factory=class_row(View)) as cursor:
        return cursor.execute(_DEPENDENTS, {"roots": roots}).fetchall()


@contextmanager
def aside(connection: psycopg.Connection, relations: Sequence[tuple[str, str]]) -> Iterator[list[View]]:
    """Drop the views on these relations while the block alters them, inside the caller's transaction."""
    views = dependents(connection, relations)
    for view in reversed(views):
        connection.execute(sql.SQL("drop {} {}").format(_kind(view), sql.Identifier(view.schema, view.name)))
    yield views
    for view in views:
        _make(connection, view)


def _kind(view: View) -> sql.SQL:
    return sql.SQL("materialized view") if view.is_stored else sql.SQL("view")


def _make(connection: psycopg.Connection, view: View) -> None:
    target = sql.Identifier(view.schema, view.name)
    options = sql.SQL("")
    if view.options:
        pairs = [option.partition("=") for option in view.options]
        options = sql.SQL(" with ({})").format(
            sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value)) for name, _, value in pairs
            )
        )  # type: ignore[assignment]
    # pg_get_viewdef() gives the statement as SQL, with every name quoted where it has to be.
    body = sql.SQL(view.definition.rstrip().rstrip(";"))
    connection.execute(sql.SQL("create {} {}{} as {}").format(_kind(view), target, options, body))
    connection.execute(sql.SQL("alter {} {} owner to {}").format(_kind(view), target, sql.Identifier(view.owner)))
    view_rights.give(connection, target, view.grants)
    if view.comment is not None:
        connection.execute(sql.SQL("comment on {} {} is {}").format(_kind(view), target, sql.Literal(view.comment)))
    for column, comment in view.column_comments:
        connection.execute(
            sql.SQL("comment on column {} is {}").format(
                sql.Identifier(view.schema, view.name, column), sql.Literal(comment)
            )
        )
    for index in view.indexes:
        connection.execute(index.encode())
