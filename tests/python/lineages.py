"""The lineage of builds that tests make without dbt."""

from __future__ import annotations

import psycopg

from warehouse.core.lineage import kept
from warehouse.core.lineage.project import Column, Lineage, Related

_EXTRACTS = """
select c.relname, array_agg(a.attname::text)
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as a on a.attrelid = c.oid
where n.nspname = 'extracts' and c.relkind in ('r', 'v') and a.attnum > 0
group by c.relname
"""

_CONSTANT = Column(("doc.tests.none",))
"""A column that is made of nothing and has no term, so that it may have any class."""


def keep_constants(connection: psycopg.Connection, build_id: int) -> None:
    """Note of a build that the columns of its extracts are made of constants."""
    found = connection.execute(_EXTRACTS).fetchall()
    extracts = [
        Related(f"extracts.{name}", name, "model", dict.fromkeys(columns, _CONSTANT)) for name, columns in found
    ]
    kept.keep(connection, build_id, Lineage(extracts, {}))
