"""Published views: changed in place where PostgreSQL can, otherwise dropped and made again with their rights."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from warehouse.core.database import grant
from warehouse.core.errors import ObjectInTheWay
from warehouse.marts import structure
from warehouse.marts.candidate import PREFIX
from warehouse.marts.nodes import Node

# A session of ours has no search path, so every name in it has its schema.
_QUERY = "select pg_get_viewdef(%s::oid)"

# Views that rest on these relations, directly or over others, the nearest first.
_RESTING = """
with recursive resting as (
    select r.ev_class as oid, 1 as depth
    from pg_depend as d join pg_rewrite as r on r.oid = d.objid
    where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass
        and d.refobjid = any(%(roots)s::oid[]) and r.ev_class <> d.refobjid

    union

    select r.ev_class, b.depth + 1
    from resting as b
    join pg_depend as d
        on d.refobjid = b.oid and d.refclassid = 'pg_class'::regclass and d.classid = 'pg_rewrite'::regclass
    join pg_rewrite as r on r.oid = d.objid
    where r.ev_class <> b.oid
)

select n.nspname, c.relname, pg_get_userbyid(c.relowner), c.oid
from (select oid, max(depth) as depth from resting group by oid) as d
join pg_class as c on c.oid = d.oid
join pg_namespace as n on n.oid = c.relnamespace
order by d.depth, 1, 2
"""

_OWNER = """
select pg_get_userbyid(relowner), reloptions, obj_description(oid, 'pg_class'), relkind::text
from pg_class where oid = %s
"""
_GRANTS = """
select case g.grantee when 0 then null else pg_get_userbyid(g.grantee) end, g.privilege_type, g.is_grantable,
    null::text as column_name
from pg_class as c cross join lateral aclexplode(c.relacl) as g
where c.oid = %(oid)s and g.grantee <> c.relowner
union all
select case g.grantee when 0 then null else pg_get_userbyid(g.grantee) end, g.privilege_type, g.is_grantable,
    a.attname::text
from pg_attribute as a join pg_class as c on c.oid = a.attrelid cross join lateral aclexplode(a.attacl) as g
where a.attrelid = %(oid)s and not a.attisdropped and g.grantee <> c.relowner
"""
_HANGING = """
select format('the trigger %%s', tgname) from pg_trigger where tgrelid = %(oid)s and not tgisinternal
union all
select format('the rule %%s', rulename) from pg_rewrite where ev_class = %(oid)s and rulename <> '_RETURN'
union all
select format('a security label of %%s', provider) from pg_seclabel
where objoid = %(oid)s and classoid = 'pg_class'::regclass
limit 1
"""


@dataclass(frozen=True)
class Kept:
    """What others gave a view that has to be dropped."""

    owner: str
    options: list[str]
    comment: str | None
    grants: list[tuple[str | None, str, bool, str | None]] = field(default_factory=list)


def take_down(connection: psycopg.Connection, nodes: Sequence[Node]) -> dict[str, Kept]:
    """Drop what cannot be changed in place; returns what is to be given to it again, by place.

    Raises:
        ObjectInTheWay: a view of somebody else rests on one of them.
    """
    to_drop = [node for node in nodes if _has_another_kind(connection, node) or _has_other_columns(connection, node)]
    altered = [node for node in nodes if node.kind == "table" and structure.change(connection, node).drop]
    by_place = {node.place: node for node in nodes}
    roots = [_oid(connection, node) for node in [*to_drop, *altered]]
    resting = connection.execute(_RESTING, {"roots": roots}).fetchall()
    rests_on_dropped = {
        oid for *_, oid in connection.execute(_RESTING, {"roots": [_oid(connection, n) for n in to_drop]}).fetchall()
    }
    for schema, name, owner, oid in resting:
        node = by_place.get(f"{schema}.{name}")
        if node is not None and node not in to_drop:
            to_drop.append(node)
        elif node is None and oid in rests_on_dropped:
            raise _in_the_way(f"the view {schema}.{name} of {owner} rests on it")
    dropped = {node.place: _kept(connection, node) for node in to_drop}
    for kind in ("view", "table"):
        listed = [
            sql.Identifier(node.schema, node.name) for node in to_drop if _standing_kind(connection, node) == kind
        ]
        if listed:
            connection.execute(sql.SQL("drop " + kind + " {}").format(sql.SQL(", ").join(listed)))
    return dropped


def put_up(connection: psycopg.Connection, nodes: Sequence[Node], dropped: dict[str, Kept]) -> None:
    """Give every published view the query of its candidate, on the published tables."""
    schemas = "|".join(re.escape(schema) for schema in sorted({node.schema for node in nodes}))
    prefix = re.compile(rf"\b{re.escape(PREFIX)}(?=(?:{schemas})\.)")
    for node in nodes:
        if node.kind == "table":
            if node.place in dropped:
                _give_again(connection, node, dropped[node.place])
            continue
        aside = structure.is_there(connection, node, aside=True)
        query = prefix.sub("", _query(connection, aside))
        standing = structure.is_there(connection, node)
        if standing is None or _query(connection, standing) != query:
            # pg_get_viewdef() gives SQL, with every name quoted where it has to be.
            body = sql.SQL(query.rstrip().rstrip(";"))
            name = sql.Identifier(node.schema, node.name)
            connection.execute(sql.SQL("create or replace view {} as {}").format(name, body))
        if node.place in dropped:
            _give_again(connection, node, dropped[node.place])


def _query(connection: psycopg.Connection, oid: int | None) -> str:
    row = connection.execute(_QUERY, (oid,)).fetchone()
    return str(row[0]) if row else ""


def _oid(connection: psycopg.Connection, node: Node) -> int | None:
    row = connection.execute(structure.RELATION, (node.schema, node.name)).fetchone()
    return int(row[0]) if row else None


def _standing_kind(connection: psycopg.Connection, node: Node) -> str | None:
    row = connection.execute(structure.RELATION, (node.schema, node.name)).fetchone()
    return None if row is None else "view" if row[1] == "v" else "table"


def _has_another_kind(connection: psycopg.Connection, node: Node) -> bool:
    return _standing_kind(connection, node) not in (None, node.kind)


def _has_other_columns(connection: psycopg.Connection, node: Node) -> bool:
    """Whether it is a view whose columns `create or replace` cannot make of the old ones: it can only append."""
    published, aside = structure.is_there(connection, node), structure.is_there(connection, node, aside=True)
    if node.kind != "view" or published is None or aside is None:
        return False
    old = [one.form for one in structure.columns(connection, published)]
    return [one.form for one in structure.columns(connection, aside)][: len(old)] != old


def _kept(connection: psycopg.Connection, node: Node) -> Kept:
    oid = _oid(connection, node)
    hanging = connection.execute(_HANGING, {"oid": oid}).fetchone()
    if hanging:
        raise _in_the_way(f"{hanging[0]} is on {node.place}")
    row = connection.execute(_OWNER, (oid,)).fetchone()
    assert row is not None
    owner, options, comment, _ = row
    return Kept(owner, options or [], comment, connection.execute(_GRANTS, {"oid": oid}).fetchall())


def _give_again(connection: psycopg.Connection, node: Node, kept: Kept) -> None:
    name = sql.Identifier(node.schema, node.name)
    there = {one.name for one in structure.columns(connection, _oid(connection, node) or 0)}
    for role, privilege, may_grant, column in kept.grants:
        if column is not None and column not in there:
            continue
        grant(connection, name, role, privilege, column=column, may_grant=may_grant)
    kind = sql.SQL(node.kind)
    if node.kind == "view":
        for option in kept.options:
            key, _, value = option.partition("=")
            connection.execute(
                sql.SQL("alter view {} set ({} = {})").format(name, sql.Identifier(key), sql.Literal(value))
            )
        if kept.comment is not None:
            connection.execute(sql.SQL("comment on view {} is {}").format(name, sql.Literal(kept.comment)))
    connection.execute(sql.SQL("alter {} {} owner to {}").format(kind, name, sql.Identifier(kept.owner)))


def _in_the_way(what: str) -> ObjectInTheWay:
    return ObjectInTheWay(
        f"The columns of a model have changed, so that its view has to be made again, and {what}.",
        meaning="Nothing was published: readers and receivers see the last good build.",
        next_command="Drop that object, run again, and make it again on the new form of the view.",
    )
