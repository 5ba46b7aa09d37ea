"""A page of a table that PostgreSQL cannot read, in words: the table, the side, and the way out."""

from __future__ import annotations

import psycopg

from warehouse.core.errors import PageDamaged

UNREADABLE = (psycopg.errors.DataCorrupted, psycopg.errors.IndexCorrupted)


def as_error(error: psycopg.Error, schema: str, table: str, *, at_source: bool) -> PageDamaged:
    """The error for a table. PostgreSQL's own message names a block and a file, never a value."""
    where = "operational database" if at_source else "warehouse"
    what = f"The {where} cannot read all of table {table}: {error.diag.message_primary or 'a page is damaged'}."
    if at_source:
        return PageDamaged(
            what,
            meaning="Its disk or memory has damaged the table there, so it cannot be compared. Nothing was changed, "
            "and the stream goes on.",
            next_command="Tell the operational database's administrator at once: rows may be lost there. When the "
            "table can be read again: warehouse replicate repair --compare",
        )
    return PageDamaged(
        what,
        meaning="The warehouse's disk or memory has damaged the table. Nothing was changed, and the stream goes on. "
        "Rows of that page are lost here, and not at the source; versions that were superseded are in the history.",
        next_command="Have the disk looked at. Then, as the warehouse's superuser: SET zero_damaged_pages = on; VACUUM "
        f"(FULL) {schema}.{table}; and: warehouse replicate repair --compare, which brings the rows back",
    )
