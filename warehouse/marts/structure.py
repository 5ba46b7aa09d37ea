"""The columns of a published table follow those of its candidate, without the table being made again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from warehouse.core import builds
from warehouse.core.database import grant
from warehouse.core.errors import ObjectInTheWay
from warehouse.core.progress import Progress
from warehouse.marts.nodes import Node

READER_SECONDS = 60

RELATION = """
select c.oid, c.relkind::text
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = %s and c.relname = %s
"""

_COLUMNS = """
select
    a.attname::text,
    format_type(a.atttypid, a.atttypmod),
    case when a.attcollation <> t.typcollation then l.collname::text end,
    a.attnotnull
from pg_attribute as a
join pg_type as t on t.oid = a.atttypid
left join pg_collation as l on l.oid = a.attcollation
where a.attrelid = %s and a.attnum > 0 and not a.attisdropped
order by a.attnum
"""

CLASS = "Class: "
"""Begins the last sentence of the comment on a column."""

_RECORDED = "select structure_sha256 from ledger.published_relations where schema_name = %s and relation_name = %s"

_INDEXES = """
select pg_get_indexdef(indexrelid) from pg_index where indrelid = %s and indisvalid order by 1
"""

_COMMENTS = """
select a.attname::text, d.description, o.description
from pg_description as d
left join pg_attribute as a on a.attrelid = d.objoid and a.attnum = d.objsubid and d.objsubid > 0
left join pg_description as o
    on o.classoid = d.classoid and o.objoid = %(published)s and o.objsubid = coalesce((
        select b.attnum from pg_attribute as b
        where b.attrelid = %(published)s and b.attname = a.attname and not b.attisdropped
    ), 0)
where d.classoid = 'pg_class'::regclass and d.objoid = %(candidate)s
"""

# Of other users' sessions an ordinary user sees the transaction, and not whether it has taken a snapshot.
_READERS = """
select a.pid, a.usename, l.virtualtransaction
from pg_stat_activity as a
join pg_locks as l on l.pid = a.pid and l.locktype = 'virtualxid' and l.granted
where a.datname = current_database() and a.pid <> pg_backend_pid()
    and coalesce(a.backend_type, 'client backend') = 'client backend'
    and (a.backend_xmin is not null or a.state is null)
"""

_COLUMN_GRANTS = """
select case g.grantee when 0 then null else pg_get_userbyid(g.grantee) end, g.privilege_type, g.is_grantable
from pg_attribute as a cross join lateral aclexplode(a.attacl) as g
where a.attrelid = %s and a.attname = %s and not a.attisdropped
"""


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    collation: str | None
    not_null: bool

    @property
    def form(self) -> tuple[str, str, str | None]:
        return (self.name, self.type, self.collation)


@dataclass(frozen=True)
class Change:
    """What the published table lacks and has too many of."""

    drop: list[Column]
    add: list[Column]

    def __bool__(self) -> bool:
        return bool(self.drop or self.add)


def is_there(connection: psycopg.Connection, node: Node, *, aside: bool = False) -> int | None:
    """The number of the published relation, or of the candidate, if it is of the node's kind."""
    row = connection.execute(RELATION, (node.candidate if aside else node.schema, node.name)).fetchone()
    return int(row[0]) if row and (row[1] == "v") == (node.kind == "view") else None


def columns(connection: psycopg.Connection, oid: int) -> list[Column]:
    return [Column(*row) for row in connection.execute(_COLUMNS, (oid,)).fetchall()]


def change(connection: psycopg.Connection, node: Node) -> Change:
    """What has to change of the columns; nothing when the table is new."""
    published, aside = is_there(connection, node), is_there(connection, node, aside=True)
    if published is None or aside is None:
        return Change([], [])
    old, new = columns(connection, published), columns(connection, aside)
    forms, wanted = {one.form for one in old}, {one.form for one in new}
    return Change([one for one in old if one.form not in wanted], [one for one in new if one.form not in forms])


def lock(connection: psycopg.Connection, node: Node) -> None:
    """Keep other writers away; readers only when the columns change."""
    if node.kind == "table" and is_there(connection, node):
        mode = "access exclusive" if change(connection, node) else "share row exclusive"
        connection.execute(
            sql.SQL("lock table only {} in {} mode").format(sql.Identifier(node.schema, node.name), sql.SQL(mode))
        )


def wait_for_old_readers(connection: psycopg.Connection, nodes: Sequence[Node], progress: Progress) -> None:
    """Before columns change: let transactions end that would find the old rows without the new columns' values.

    Raises:
        ObjectInTheWay: one of them is still open after a minute.
    """
    if not any(node.kind == "table" and change(connection, node) for node in nodes):
        return
    deadline = time.monotonic() + READER_SECONDS
    older = connection.execute(_READERS).fetchall()
    while remaining := [one for one in older if one in connection.execute(_READERS).fetchall()]:
        if time.monotonic() > deadline:
            pid, user, _ = remaining[0]
            raise ObjectInTheWay(
                f"The columns of a model have changed, and a transaction has been reading for more than "
                f"{READER_SECONDS} seconds (process {pid} of {user}): it would see the new columns without values.",
                meaning="Nothing was published: readers and receivers see the last good build.",
                next_command="Wait for that transaction or end it (select pg_terminate_backend(process)), then run "
                "again.",
            )
        progress.say("waiting for readers that began before")
        time.sleep(0.2)


def change_columns(connection: psycopg.Connection, node: Node) -> list[str]:
    """Drop and add columns; returns those of the candidate. A new one has no values yet.

    Raises:
        ObjectInTheWay: somebody else has added a column.
    """
    published, aside = is_there(connection, node), is_there(connection, node, aside=True)
    assert published is not None
    assert aside is not None
    wanted = columns(connection, aside)
    needed = change(connection, node)
    foreign = [one.name for one in needed.drop if one.name not in {other.name for other in wanted}]
    recorded = connection.execute(_RECORDED, (node.schema, node.name)).fetchone()
    as_built = not recorded or recorded[0] in (None, builds.structure(connection, published, "table"))
    if foreign and not as_built:
        raise ObjectInTheWay(
            f"{node.place} has a column {foreign[0]} that no build made.",
            meaning="Nothing was published: readers and receivers see the last good build.",
            next_command=f"Keep its values elsewhere if they are needed, drop it (alter table {node.place} drop "
            f"column {foreign[0]}), then run again.",
        )
    table = sql.Identifier(node.schema, node.name)
    grants = {one.name: connection.execute(_COLUMN_GRANTS, (published, one.name)).fetchall() for one in needed.drop}
    for column in needed.drop:
        connection.execute(sql.SQL("alter table {} drop column {}").format(table, sql.Identifier(column.name)))
    for column in needed.add:
        collation = sql.SQL(" collate {}").format(sql.Identifier(column.collation)) if column.collation else sql.SQL("")
        connection.execute(
            sql.SQL("alter table {} add column {} {}{}").format(
                table,
                sql.Identifier(column.name),
                sql.SQL(column.type),
                collation,
            )
        )
        for role, privilege, may_grant in grants.get(column.name, []):
            grant(connection, table, role, privilege, column=column.name, may_grant=may_grant)
    return [one.name for one in wanted]


def finish(connection: psycopg.Connection, node: Node) -> None:
    """What can only be done when the rows are there: not null, indexes of the model, comments.

    A column that is not null stays so: a key that somebody put on the table may need it.
    """
    published, aside = is_there(connection, node), is_there(connection, node, aside=True)
    assert published is not None
    assert aside is not None
    table = sql.Identifier(node.schema, node.name)
    declared = {one.name: one.not_null for one in columns(connection, published)}
    for column in columns(connection, aside):
        if column.not_null and not declared[column.name]:
            connection.execute(
                sql.SQL("alter table {} alter column {} set not null").format(table, sql.Identifier(column.name))
            )
    standing = {_form(row[0]) for row in connection.execute(_INDEXES, (published,))}
    for (definition,) in connection.execute(_INDEXES, (aside,)).fetchall():
        start, form = _form(definition)
        if (start, form) not in standing:
            # Without a name the server finds one that is free.
            connection.execute(sql.SQL("{} index on {} using {}").format(sql.SQL(start), table, sql.SQL(form)))
    copy_comments(connection, node)


def copy_comments(connection: psycopg.Connection, node: Node) -> None:
    """The descriptions of the model; comments of others on what the model does not describe stay."""
    numbers = {"published": is_there(connection, node), "candidate": is_there(connection, node, aside=True)}
    for column, comment, standing in connection.execute(_COMMENTS, numbers).fetchall():
        # warehouse/marts/comments.py adds the class of a column.
        if (standing is not None and standing.rpartition(CLASS)[0].strip() == comment.strip()) or comment == standing:
            continue
        target = (
            sql.SQL("column {}").format(sql.Identifier(node.schema, node.name, column))
            if column
            else sql.SQL("table {}").format(sql.Identifier(node.schema, node.name))
        )
        connection.execute(sql.SQL("comment on {} is {}").format(target, sql.Literal(comment)))


def _form(definition: str) -> tuple[str, str]:
    """`create [unique]` and what an index is on, without its name and its table's."""
    head, _, form = definition.partition(" USING ")
    return head.split(" INDEX ", maxsplit=1)[0].lower(), form
