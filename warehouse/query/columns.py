"""The columns of the warehouse's own tables and views, as its catalog has them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import psycopg

_COLUMNS: Final = """
select n.nspname, c.relname, a.attname, format_type(a.atttypid, null)
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relkind in ('r', 'p', 'v', 'm') and lower(n.nspname) || '.' || lower(c.relname) = any(%s)
order by 1, 2, a.attnum
"""


def columns_of(connection: psycopg.Connection, tables: Collection[tuple[str, str]]) -> list[tuple[str, str, str, str]]:
    """Schema, table, column and type of each column of some tables, in their order.

    Args:
        tables: schema and name of each, in small letters; one that is not there has no columns.
    """
    return connection.execute(_COLUMNS, ([".".join(one) for one in tables],)).fetchall()
