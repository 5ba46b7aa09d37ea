"""What a build consists of, and whether its place is free: nothing of somebody else is ever written over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import psycopg

from warehouse.core.errors import ObjectInTheWay
from warehouse.marts.candidate import PREFIX


@dataclass(frozen=True)
class Node:
    """A model or a seed.

    Attributes:
        candidate: the schema in which it is made and tested.
        schema: the schema in which readers see it.
        classes: of its columns, by their names; one that is not in it is sensitive.
        grain: the columns that tell its rows apart; nothing where its YAML does not say.
    """

    candidate: str
    name: str
    kind: Literal["table", "view"]
    classes: Mapping[str, str] = field(default_factory=dict, compare=False)
    grain: Sequence[str] = field(default=(), compare=False)

    @property
    def schema(self) -> str:
        return self.candidate.removeprefix(PREFIX)

    @property
    def place(self) -> str:
        return f"{self.schema}.{self.name}"


_SCHEMA = """
select
    n.oid,
    exists (select from ledger.made_here as m where (m.kind, m.object_oid) = ('schema', n.oid)) as is_ours,
    has_schema_privilege(n.oid, 'create') as may_create,
    (
        select string_agg(o.name, ', ' order by o.name)
        from (
            (
                select relname as name from pg_class
                where relnamespace = n.oid and relkind in ('r', 'v', 'm', 'f', 'p', 'S') limit 3
            )
            union all (select proname || '()' from pg_proc where pronamespace = n.oid limit 1)
            union all (select typname from pg_type where typnamespace = n.oid and typrelid = 0 and typelem = 0 limit 1)
        ) as o
    ) as content,
    pg_get_userbyid(n.nspowner)
from pg_namespace as n
where n.nspname = %s
"""

_STANDING = """
select c.oid, c.relkind::text, pg_get_userbyid(c.relowner), pg_has_role(c.relowner, 'usage'), r.relation_oid
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
left join ledger.published_relations as r on r.schema_name = n.nspname and r.relation_name = c.relname
where n.nspname = %s and c.relname = %s
"""

_PUBLISHED = """
select r.schema_name, r.relation_name, r.kind
from ledger.published_relations as r
join pg_class as c on c.oid = r.relation_oid and c.relname = r.relation_name
join pg_namespace as n on n.oid = c.relnamespace and n.nspname = r.schema_name
where r.build_id is not null
order by r.kind desc, 1, 2
"""

_KEYS = """
select k.conname, k.conrelid::regclass::text, pg_get_userbyid(c.relowner), k.confrelid::regclass::text
from pg_constraint as k
join pg_class as c on c.oid = k.conrelid
join ledger.published_relations as r on r.relation_oid = k.confrelid
where k.contype = 'f' and (k.confdeltype in ('c', 'n', 'd') or k.confupdtype in ('c', 'n', 'd'))
order by 1
limit 1
"""

# What would run with our rights, keep rows out or change them while they are published, or show others among them.
_MEDDLING = """
select format('The trigger %I is on %s', t.tgname, t.tgrelid::regclass),
    format('drop trigger %I on %s', t.tgname, t.tgrelid::regclass)
from pg_trigger as t join ledger.published_relations as r on r.relation_oid = t.tgrelid
where not t.tgisinternal and r.kind = 'table'
union all
select format('The rule %I is on %s', w.rulename, w.ev_class::regclass),
    format('drop rule %I on %s', w.rulename, w.ev_class::regclass)
from pg_rewrite as w join ledger.published_relations as r on r.relation_oid = w.ev_class
where w.rulename <> '_RETURN'
union all
select format('The table %s inherits from %s', i.inhrelid::regclass, i.inhparent::regclass),
    format('alter table %s no inherit %s', i.inhrelid::regclass, i.inhparent::regclass)
from pg_inherits as i join ledger.published_relations as r on r.relation_oid = i.inhparent
order by 1
limit 1
"""

_LEFT = "Nothing of it was touched, and nothing was built. Readers and receivers see the last good build."


def refuse_what_is_in_the_way(connection: psycopg.Connection, nodes: Sequence[Node]) -> None:
    """Make sure that every place in which the build would be published is free or ours.

    Raises:
        ObjectInTheWay: names the first object that is not.
    """
    for schema in sorted({node.schema for node in nodes}):
        _refuse_schema(connection, schema)
    for node in nodes:
        _refuse_relation(connection, node)
    meddling = connection.execute(_MEDDLING).fetchone()
    if meddling:
        raise ObjectInTheWay(
            f"{meddling[0]}, which a build publishes: what readers see would not be what was built and tested.",
            meaning=_LEFT,
            next_command=f"Have its owner take it away ({meddling[1]}), then run again.",
        )
    key = connection.execute(_KEYS).fetchone()
    if key:
        raise ObjectInTheWay(
            f"The foreign key {key[0]} of {key[1]} ({key[2]}) points to {key[3]} and changes rows of {key[1]} when "
            f"rows of {key[3]} change.",
            meaning=f"A build would delete or change rows that are not its own. {_LEFT}",
            next_command=f"Make the foreign key without `on delete` and `on update` (no action), or drop it: "
            f"alter table {key[1]} drop constraint {key[0]}. Then run again.",
        )


def _refuse_schema(connection: psycopg.Connection, schema: str) -> None:
    row = connection.execute(_SCHEMA, (schema,)).fetchone()
    if row is None:
        return
    _, is_ours, may_create, content, owner = row
    if not is_ours and content:
        raise ObjectInTheWay(
            f"There is a schema {schema} of {owner} that no build of this warehouse made; in it: {content}.",
            meaning=_LEFT,
            next_command=f"Give the warehouse a database of its own, or rename the schema "
            f"(alter schema {schema} rename to …), then run again.",
        )
    if not may_create:
        raise ObjectInTheWay(
            f"The user of the warehouse may not create tables in schema {schema}, which belongs to {owner}.",
            meaning=_LEFT,
            next_command=f"As {owner}: grant create, usage on schema {schema} to the user of the warehouse. "
            "Then run again.",
        )


def _refuse_relation(connection: psycopg.Connection, node: Node) -> None:
    row = connection.execute(_STANDING, (node.schema, node.name)).fetchone()
    if row is None:
        return
    oid, relkind, owner, is_our_role, recorded = row
    if recorded == oid and is_our_role:
        return
    # dbt by hand makes tables of a build again, as the same user. Anything else of that name is somebody else's.
    if recorded is not None and is_our_role and relkind in ("r", "v"):
        return
    raise ObjectInTheWay(
        f"{node.place} of {owner} was not made by a build of this warehouse, and a model has that name.",
        meaning=_LEFT,
        next_command=f"Rename it or move it to a schema of its own (alter table {node.place} set schema …), then "
        "run again.",
    )


def no_longer_built(connection: psycopg.Connection, nodes: Iterable[Node]) -> list[tuple[str, str, str]]:
    """What earlier builds published and no model makes any more, if it still is what they made."""
    made = {(node.schema, node.name) for node in nodes}
    rows = connection.execute(_PUBLISHED).fetchall()
    return [(schema, name, kind) for schema, name, kind in rows if (schema, name) not in made]
