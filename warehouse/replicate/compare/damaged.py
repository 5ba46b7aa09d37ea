"""The error for a page of a table that PostgreSQL cannot read: the table, the side, and what to do."""

from __future__ import annotations

import psycopg

from warehouse.core import safe_message
from warehouse.core.errors import PageDamaged

UNREADABLE = (psycopg.errors.DataCorrupted, psycopg.errors.IndexCorrupted)


def as_error(error: psycopg.Error, schema: str, table: str, *, at_source: bool) -> PageDamaged:
    """The error for a table. PostgreSQL's own message names a block and a file, never a value."""
    where = "operational database" if at_source else "warehouse"
    what = f"The {where} cannot read all of table {table}: {safe_message.of(error)}."
    if at_source:
        return PageDamaged(
            what,
            meaning="Its disk or memory has damaged the table, so it cannot be compared. Nothing was changed, and the "
            "stream continues.",
            next_command="Inform the operational database's administrator at once: rows may be lost. When the "
            "table can be read again: warehouse replicate repair --compare",
        )
    return PageDamaged(
        what,
        meaning="The warehouse's disk or memory has damaged the table. Nothing was changed, and the stream continues. "
        "The replica lost the rows of that page, the source did not; superseded versions are in the history.",
        next_command="Have the disk checked. Then, as the warehouse's superuser: SET zero_damaged_pages = on; VACUUM "
        f"(FULL) {schema}.{table}; and: warehouse replicate repair --compare, which brings the rows back",
    )
