"""Empty tables for changes that are not to be kept, but still come in the stream.

The publication knows a table by its number and still sends it when it is moved or renamed, and what was committed
before it is taken out comes all the same. The first change of a table that the warehouse does not have stops the stream
of all. So an empty table is made for it, which the subscription does not know: PostgreSQL passes over what comes of it.
"""

from __future__ import annotations

from collections.abc import Iterable

import psycopg

from warehouse.core import ours
from warehouse.core.database import one, qualified
from warehouse.replicate.catalog.relations import SourceColumn, columns_of
from warehouse.replicate.drift.both_sides import Catalogs
from warehouse.replicate.drift.work import Work
from warehouse.replicate.ledger import column_states
from warehouse.replicate.replica import tables as replica_tables

_STOPPED_BY = """
select table_name from ledger.conflicts
where epoch_id = %s and state = 'open' and kind = 'missing table' and table_name is not null
"""

_OTHERS = """
select n.nspname, c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where c.relname = any(%s) and c.relkind in ('r', 'p') and n.nspname <> %s and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
"""


def make(work: Work, now: Catalogs, table: str, reason: str) -> None:
    """Make one for a table of the replicated schema, which is held."""
    with work.warehouse.transaction():
        _create(work.warehouse, work.schema, table, now.source.get(table, {}))
        column_states.put(work.warehouse, table, "", "held", reason)


def drop(warehouse: psycopg.Connection, schema: str, table: str) -> None:
    """Drop one: its table is classified now."""
    ours.drop_tables(warehouse, [(schema, table)])


def wanted_elsewhere(work: Work, now: Catalogs) -> list[tuple[str, str]]:
    """The tables of other schemas, as (schema, table), that are published or that the stream waits at."""
    sent = now.publication.foreign if now.publication else ()
    names = [row[0] for row in work.warehouse.execute(_STOPPED_BY, (work.epoch.epoch_id,))]
    stopped_by = work.source.execute(_OTHERS, (names, work.schema)).fetchall() if names else []
    return sorted({*sent, *((place, table) for place, table in stopped_by)})


def make_elsewhere(work: Work, schema: str, table: str) -> None:
    """Make one for a table of another schema; a table that the warehouse has stays as it is.

    Raises:
        NotOurs: somebody else has a schema of that name in the warehouse's database.
    """
    (exists,) = one(work.warehouse, "select to_regclass(%s) is not null", (qualified(schema, table),))
    names = columns_of(work.source, schema, table)
    if exists or not names:
        return
    ours.make_schema(work.warehouse, schema)
    _create(work.warehouse, schema, table, names)
    work.done.append(f"{schema}.{table}: an empty table was made for it, so that its changes are passed over")


def _create(warehouse: psycopg.Connection, schema: str, table: str, names: Iterable[str]) -> None:
    replica_tables.create_tables(warehouse, schema, {table: [SourceColumn(name, "text", None) for name in names]})
