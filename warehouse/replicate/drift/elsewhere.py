"""Room for changes of tables that are not ours to keep: of other schemas, or that were moved there while published.

The publication knows a table by its number and goes on sending it under its new name, and what was committed before it
is taken out comes all the same. The first change of a table that is not here stops the stream of all; so an empty
table is made for it, which the subscription does not know: what comes of it is passed over, and nothing is stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warehouse.core import ours
from warehouse.replicate.catalog.relations import SourceColumn
from warehouse.replicate.drift.both_sides import Catalogs
from warehouse.replicate.replica import tables as replica_tables

if TYPE_CHECKING:
    from warehouse.replicate.drift.apply import Work

_STOPPED_BY = """
select table_name from ledger.conflicts
where epoch_id = %s and state = 'open' and kind = 'missing table' and table_name is not null
"""

_OTHERS = """
select n.nspname, c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where c.relname = any(%s) and c.relkind in ('r', 'p') and n.nspname <> %s and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
"""

_COLUMNS = """
select attname from pg_attribute where attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text))
    and attnum > 0 and not attisdropped order by attnum
"""


def wanted(work: Work, now: Catalogs) -> list[tuple[str, str]]:
    """The tables of other schemas, as (schema, table), that are published or that the stream waits at."""
    sent = now.publication.foreign if now.publication else ()
    names = [row[0] for row in work.warehouse.execute(_STOPPED_BY, (work.epoch.epoch_id,))]
    stopped_by = work.source.execute(_OTHERS, (names, work.schema)).fetchall() if names else []
    return sorted({*sent, *((place, table) for place, table in stopped_by)})


def make_room(work: Work, schema: str, table: str) -> None:
    """Make an empty table for what still comes of a table of another schema; one that is here stays as it is.

    Raises:
        NotOurs: somebody else has a schema of that name in the warehouse's database.
    """
    here = work.warehouse.execute(
        "select to_regclass(format('%%I.%%I', %s::text, %s::text)) is not null", (schema, table)
    ).fetchone()
    names = [row[0] for row in work.source.execute(_COLUMNS, (schema, table))]
    if (here and here[0]) or not names:
        return
    ours.make_schema(work.warehouse, schema)
    replica_tables.create_tables(work.warehouse, schema, {table: [SourceColumn(name, "text", None) for name in names]})
    work.done.append(f"{schema}.{table}: an empty table was made for it, so that its changes are passed over")
