"""The tables of the warehouse in which a person may be, found in the catalog."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import psycopg

from warehouse.erase.conditions import Kind, Relation
from warehouse.erase.rules import PersonRule, Rules, unclassified
from warehouse.erase.subject import Subject

HISTORY = "history"
VERSIONS = "versions"
LEDGER = "ledger"
BUILT_ASIDE = ("trw_build_", "trw_old_")
"""Schemas that a build leaves behind for a moment; one with the person in it is a build that could not be dropped."""

_COLUMNS = """
select a.attname, format_type(a.atttypid, a.atttypmod), t.typrelid
from pg_attribute as a join pg_type as t on t.oid = a.atttypid
where a.attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) and a.attnum > 0 and not a.attisdropped
order by a.attnum
"""
_ROW_COLUMNS = """
select attname, format_type(atttypid, atttypmod) from pg_attribute
where attrelid = %s and attnum > 0 and not attisdropped order by attnum
"""
_KEY = """
select min(a.attname) from pg_index as i
join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
where i.indrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) and i.indisprimary
having count(*) = 1 and min(format_type(a.atttypid, a.atttypmod)) = 'uuid'
"""
_PARTITIONED = "select relkind = 'p' from pg_class where oid = to_regclass(format('%%I.%%I', %s::text, %s::text))"
_TABLES = """
select n.nspname, c.relname, c.oid, has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select'),
    n.nspname ~ %s or exists (select from ledger.published_relations as r where r.relation_oid = c.oid)
        or exists (select from ledger.made_here as m where (m.kind, m.object_oid) = ('vintage', n.oid))
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'm') and not c.relispartition and c.relpersistence <> 't'
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by 1, 2
"""


_BEYOND = """
select format('The foreign table %%s was not looked into: its rows are on another server.', c.oid::regclass)
from pg_class as c where c.relkind = 'f'
union all
select format(
    '%%s temporary tables of other sessions were not looked into: only those sessions can. They go when these end.',
    count(*)
)
from pg_class as c
where c.relpersistence = 't' and c.relkind = 'r' and c.relnamespace <> pg_my_temp_schema()
having count(*) > 0
union all
select format('%%s large objects were not looked into: their owners have to.', count(*))
from pg_largeobject_metadata having count(*) > 0
union all
select format('The text of %%s names the person: ask its owner to change it.', t.name)
from (
    select 'the view ' || c.oid::regclass, pg_get_viewdef(c.oid) from pg_class as c
    where c.relkind in ('v', 'm') and c.relnamespace <> 'pg_catalog'::regnamespace
    union all
    select 'the function ' || p.oid::regprocedure, p.prosrc from pg_proc as p
    where p.pronamespace <> 'pg_catalog'::regnamespace
    union all
    select 'a comment on ' || pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description
    from pg_description as d
) as t (name, text)
where t.text collate "C" ~* %(words)s::text
    or (t.text collate "C" ~* %(numbers)s::text
        and regexp_replace(t.text collate "C", %(digests)s::text, '', 'gi') ~* %(numbers)s::text)
"""


@dataclass(frozen=True)
class Elsewhere:
    """A table that is neither the replica's nor its history's nor landed: derived by models, or another owner's.

    Attributes:
        readable: whether this user may read it.
        ours: whether a build made it; nobody else's table is changed.
    """

    schema: str
    name: str
    oid: int
    readable: bool = True
    ours: bool = False

    @property
    def place(self) -> str:
        return f"{self.schema}.{self.name}"


def relation(
    connection: psycopg.Connection, schema: str, name: str, kind: Kind, table: str | None = None
) -> Relation | None:
    """A table as it is; None when it is not there."""
    rows = connection.execute(_COLUMNS, (schema, name)).fetchall()
    if not rows:
        return None
    versioned = next((typrelid for column, _, typrelid in rows if column == "version" and typrelid), None)
    if versioned:
        rows = connection.execute(_ROW_COLUMNS, (versioned,)).fetchall()
    key = connection.execute(_KEY, (schema, name)).fetchone()
    partitioned = connection.execute(_PARTITIONED, (schema, name)).fetchone()
    return Relation(
        schema=schema,
        name=name,
        kind=kind,
        types={row[0]: row[1] for row in rows},
        table=table or name,
        in_version=bool(versioned),
        key=key[0] if key else None,
        is_partitioned=bool(partitioned and partitioned[0]),
    )


def of_persons(connection: psycopg.Connection, rules: Rules) -> Iterator[tuple[Relation, PersonRule]]:
    """Every table with rows of persons.

    The replica comes before the log, because its triggers write what is deleted there into the log; the log before
    the history, because settling moves rows from one to the other.
    """
    for table, rule in rules.replicated.items():
        replica = relation(connection, rules.schema, table, "replica")
        log = relation(connection, HISTORY, f"{table}_log", "history", table)
        settled = relation(connection, HISTORY, table, "history")
        for one in (replica, log, settled):
            if one is not None:
                # Only the replica has a primary key; the others have versions of the same rows.
                yield (one if replica is None else replace(one, key=replica.key)), rule
    for name, other in rules.others.items():
        schema, _, table = name.partition(".")
        landed = relation(connection, schema, table, "landing")
        if landed is not None and other is not None:
            yield landed, other


def elsewhere(connection: psycopg.Connection, rules: Rules) -> list[Elsewhere]:
    """Every other table of the warehouse with rows of its own, apart from the ledger.

    Raises:
        ClassificationError: a table of a schema that holds what partners sent has no rule.
    """
    replicated = {*rules.replicated, *rules.without_persons}
    silent, others = [], []
    for schema, name, oid, readable, built in connection.execute(_TABLES, (f"^({'|'.join(BUILT_ASIDE)})",)):
        if schema in rules.other_schemas and f"{schema}.{name}" not in rules.others:
            silent.append(f"{schema}.{name}")
        ours = schema in (HISTORY, VERSIONS, LEDGER) or schema in rules.other_schemas
        if not ours and not (schema == rules.schema and name in replicated):
            others.append(Elsewhere(schema, name, oid, readable, built))
    if silent:
        raise unclassified(silent)
    return others


def beyond(connection: psycopg.Connection, subject: Subject) -> list[str]:
    """What else of the database may hold the person, or does, and is somebody else's to change."""
    return [str(row[0]) for row in connection.execute(_BEYOND, subject.parameters)]
