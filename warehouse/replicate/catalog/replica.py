"""The replica's tables as they are in the warehouse: the only reader of their columns, keys, triggers and rights."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

import psycopg

from warehouse.replicate.catalog.names import HISTORY, KNOWN_FROM, OWN_COLUMNS, VERSIONS


@dataclass(frozen=True)
class ReplicaTable:
    """A table of the replica.

    Attributes:
        columns: those of the source, each with its type as format_type() writes it.
        key: the primary key's columns, in its order.
        own: which of OWN_COLUMNS it has.
        triggers: each with how it fires: A is always, D is not at all.
        rules: constraints, unique indexes and NOT NULL that a row of the source may not meet.
        writers: roles other than its owner that may write it.
    """

    columns: Mapping[str, str]
    key: tuple[str, ...]
    own: Set[str]
    triggers: Mapping[str, str]
    rules: tuple[str, ...]
    has_log: bool
    has_history: bool
    has_view: bool
    writers: tuple[str, ...]

    @property
    def is_streamed(self) -> bool:
        """Whether it has what every table of the replica has; others of that schema are not ours."""
        return KNOWN_FROM in self.own


_TABLES = """
select
    c.relname,
    array(
        select array[a.attname, format_type(a.atttypid, a.atttypmod)] from pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum
    ),
    array(
        select a.attname::text from pg_index as i
        cross join lateral unnest(i.indkey::int2[]) with ordinality as k (attnum, number)
        join pg_attribute as a on a.attrelid = c.oid and a.attnum = k.attnum
        where i.indrelid = c.oid and i.indisprimary order by k.number
    ),
    array(
        select array[t.tgname::text, t.tgenabled::text] from pg_trigger as t
        where t.tgrelid = c.oid and not t.tgisinternal order by t.tgname
    ),
    array(
        select k.conname::text from pg_constraint as k where k.conrelid = c.oid and k.contype in ('c', 'f', 'u', 'x')
        union
        select x.relname::text from pg_index as i join pg_class as x on x.oid = i.indexrelid
        where i.indrelid = c.oid and i.indisunique and not i.indisprimary
        union
        select a.attname || ' not null' from pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and a.attnotnull and not a.attisdropped
            and a.attname <> all(%(own)s)
            and not exists (
                select from pg_index as i
                where i.indrelid = c.oid and i.indisprimary and a.attnum = any(i.indkey::int2[])
            )
        order by 1
    ),
    to_regclass(format('%%I.%%I', %(history)s::text, c.relname || '_log')) is not null,
    to_regclass(format('%%I.%%I', %(history)s::text, c.relname)) is not null,
    to_regclass(format('%%I.%%I', %(versions)s::text, c.relname)) is not null,
    array(
        select distinct coalesce(r.rolname::text, 'everybody') from aclexplode(c.relacl) as g
        left join pg_roles as r on r.oid = g.grantee
        where g.grantee <> c.relowner and g.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE') order by 1
    )
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = %(schema)s and c.relkind = 'r'
order by c.relname
"""


def read(warehouse: psycopg.Connection, schema: str) -> dict[str, ReplicaTable]:
    """Every ordinary table of the replica's schema as it is now."""
    values = {"own": list(OWN_COLUMNS), "history": HISTORY, "versions": VERSIONS, "schema": schema}
    return {
        table: ReplicaTable(
            {name: kind for name, kind in columns if name not in OWN_COLUMNS},
            tuple(key),
            frozenset(name for name, _ in columns if name in OWN_COLUMNS),
            dict(triggers),
            tuple(rules),
            has_log,
            has_history,
            has_view,
            tuple(writers),
        )
        for table, columns, key, triggers, rules, has_log, has_history, has_view, writers in warehouse.execute(
            _TABLES, values
        )
    }
