"""What a role, a login or everybody can really do, as PostgreSQL itself answers it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import psycopg

from warehouse.core.roles.declared import Right
from warehouse.core.roles.relations import Relation

EVERYBODY: Final = 0
"""PUBLIC, in the place of a role's number."""

_CAN = """
with ours as (
    select c.oid, n.nspname || '.' || c.relname as place
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where c.oid = any(%(relations)s::oid[])
)

select 'select', o.place, a.attname::text
from ours as o join pg_attribute as a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped
where has_any_column_privilege(%(who)s::oid, o.oid, 'select')
    and has_column_privilege(%(who)s::oid, o.oid, a.attnum, 'select')
union all
select lower(p.what), o.place, ''
from ours as o cross join unnest(%(writes)s::text[]) as p (what)
where has_table_privilege(%(who)s::oid, o.oid, p.what)
    or (p.what in ('insert', 'update', 'references') and has_any_column_privilege(%(who)s::oid, o.oid, p.what))
union all
select p.what, 'schema ' || n.nspname, ''
from pg_namespace as n cross join unnest(array['usage', 'create']) as p (what)
where n.nspname = any(%(schemas)s) and has_schema_privilege(%(who)s::oid, n.oid, p.what)
union all
select p.what, 'database', ''
from pg_database as d cross join unnest(array['connect', 'create', 'temporary']) as p (what)
where d.datname = current_database() and has_database_privilege(%(who)s::oid, d.oid, p.what)
union all
select 'execute', 'function ' || f.oid::regprocedure::text, ''
from pg_proc as f join pg_namespace as n on n.oid = f.pronamespace
where n.nspname in ('ledger', 'history', 'versions') and has_function_privilege(%(who)s::oid, f.oid, 'execute')
"""
_ATTRIBUTES = """
select array_remove(array[
    case when rolsuper then 'superuser' end, case when rolcreaterole then 'createrole' end,
    case when rolcreatedb then 'createdb' end, case when rolreplication then 'replication' end,
    case when rolbypassrls then 'bypassrls' end
], null)
from pg_roles where oid = %s
"""
_WRITES = ("insert", "update", "delete", "truncate", "references", "trigger")


def can(connection: psycopg.Connection, who: int, relations: Sequence[Relation], schemas: Sequence[str]) -> set[Right]:
    """What a role can do, by itself, as a member of others, or as everybody can.

    Args:
        who: the number of the role, or EVERYBODY.
        relations, schemas: what is asked about.
    """
    writes = [*_WRITES, *(["maintain"] if connection.info.server_version >= 170_000 else [])]
    asked = {
        "who": who,
        "relations": [one.oid for one in relations],
        "schemas": list(schemas),
        "writes": writes,
    }
    return {Right(*row) for row in connection.execute(_CAN, asked).fetchall()}


def attributes(connection: psycopg.Connection, role: int) -> list[str]:
    """What a role is beyond an ordinary one, such as a superuser."""
    row = connection.execute(_ATTRIBUTES, (role,)).fetchone()
    return list(row[0]) if row else []
