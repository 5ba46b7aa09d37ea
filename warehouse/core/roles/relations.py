"""What in the warehouse's database is ours to give rights on: every table and view, with the classes of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

import psycopg
from psycopg.rows import class_row

from warehouse.core.change_columns import Leaving, leaving
from warehouse.core.history_names import LOG

Kind = Literal["published", "replica", "candidate", "vintage", "narrow", "ledger", "history", "versions"]

MARTS: Final = "marts"
LEGACY: Final = "legacy"
SHOWN_BY_CLASS: Final = (MARTS, LEGACY)
"""The schemas in which a reader sees the columns of some classes."""

NARROW: Final[dict[str, str]] = {"marts_open": "open", "marts_personal": "personal"}
"""The schemas of narrow views, each with the class up to which they show columns."""

ANALYSTS: Final = "analysts"
"""The schema in which analysts make what they like. No build writes or drops anything in it."""

_RELATIONS = """
with spaces as (
    select n.oid, n.nspname, case
        when m.kind in ('candidate', 'vintage') then m.kind
        when n.nspname = any(%(narrow)s) then 'narrow'
        when n.nspname in ('ledger', 'history', 'versions') then n.nspname::text
    end as kind
    from pg_namespace as n
    join ledger.made_here as m on m.kind in ('schema', 'candidate', 'vintage') and m.object_oid = n.oid
)

select
    n.nspname as schema,
    c.relname as name,
    c.oid,
    coalesce(
        case when r.relation_oid is not null then 'published' when t.object_oid is not null then 'replica' end, s.kind
    ) as kind,
    coalesce(r.classes, '{}') as classes,
    array(
        select a.attname::text from pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum
    ) as columns
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
left join spaces as s on s.oid = n.oid
left join ledger.published_relations as r
    on r.relation_oid = c.oid and r.schema_name = n.nspname and r.relation_name = c.relname
left join ledger.made_here as t on t.kind = 'table' and t.object_oid = c.oid
where c.relkind in ('r', 'p', 'v', 'm', 'f')
    and (r.relation_oid is not null or t.object_oid is not null or s.kind is not null)
order by 1, 2
"""
_SCHEMAS = """
select n.nspname from pg_namespace as n
where n.nspname = 'public' or exists (
    select from ledger.made_here as m where m.kind in ('schema', 'candidate', 'vintage') and m.object_oid = n.oid
)
order by 1
"""


@dataclass(frozen=True)
class Relation:
    """A table or a view of ours.

    Attributes:
        classes: of a published one, the class of each column by its name; a column that is not in it is sensitive.
        leaving: the columns of a replica's table, or of its history, that change files are made of.
    """

    schema: str
    name: str
    oid: int
    kind: Kind
    classes: Mapping[str, str]
    columns: list[str]
    leaving: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        return f"{self.schema}.{self.name}"


def relations(connection: psycopg.Connection) -> list[Relation]:
    """Everything of ours, by schema and name. What others have made in our schemas of models is theirs."""
    with connection.cursor(row_factory=class_row(Relation)) as cursor:
        found = cursor.execute(_RELATIONS, {"narrow": list(NARROW)}).fetchall()
    replicated = {one.name for one in found if one.kind == "replica"}
    rules = leaving()
    return [replace(one, leaving=_leaving(rules, one)) if _may_leave(one, replicated) else one for one in found]


def _may_leave(relation: Relation, replicated: set[str]) -> bool:
    return relation.kind == "replica" or (relation.kind == "history" and relation.name.removesuffix(LOG) in replicated)


def _leaving(rules: Leaving, relation: Relation) -> tuple[str, ...]:
    if relation.kind == "replica":
        return rules.of_row(relation.name, relation.columns)
    if relation.name.endswith(LOG):
        return rules.of_log(relation.name.removesuffix(LOG))
    return rules.of_history(relation.name, relation.columns)


def schemas(connection: psycopg.Connection) -> list[str]:
    """Our schemas and the replica's, candidates included."""
    return [row[0] for row in connection.execute(_SCHEMAS).fetchall()]
