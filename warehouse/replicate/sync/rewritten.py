"""Tables that the source rewrote between our snapshot and the moment we read them: they read as empty, with no error.

A snapshot does not protect from it: `ALTER TABLE … ADD COLUMN … DEFAULT gen_random_uuid()` writes every row again as
its own, and an older snapshot sees none of them. A truncated table reads as empty, too, but the stream brings the
truncation.
"""

from __future__ import annotations

from collections.abc import Iterable

import psycopg

from warehouse.core.database import qualified
from warehouse.core.errors import ReplicationError
from warehouse.core.ours import some
from warehouse.replicate.catalog import meaning
from warehouse.replicate.link import Ends

_IS_REWRITTEN = """
select
    -- The first is as the snapshot shows it, the second as it is now.
    nullif(c.relfilenode, 0) is distinct from pg_relation_filenode(c.oid)
from pg_class as c
where c.oid = to_regclass(%s)
"""


def is_rewritten(reading: psycopg.Connection, schema: str, table: str) -> bool:
    """Whether a table has other files than the snapshot shows; in a transaction that has read it, and so its lock."""
    row = reading.execute(_IS_REWRITTEN, (qualified(schema, table),)).fetchone()
    return row is None or bool(row[0])


def refuse(ends: Ends, tables: Iterable[str], before: meaning.Meanings) -> None:
    """Stop when tables that read as empty were altered, and not only truncated.

    Args:
        tables: those with other files than the snapshot shows.
        before: what the source's names meant before the snapshot.

    Raises:
        ReplicationError: names them; the next attempt takes a snapshot of its own.
    """
    suspected = set(tables)
    if not suspected:
        return
    now = meaning.read(ends.trs, ends.name, ends.schema)
    altered = sorted(table for table in suspected if now.get(table) != before.get(table))
    if altered:
        raise ReplicationError(
            f"The source rewrote {some(altered)} (ALTER TABLE) while it was read, so it read as empty.",
            meaning="Nothing streams yet, and nothing was deleted. The other tables keep what was copied.",
            next_command="When the migration at the source is over, run again: these tables are then compared.",
        )
