"""The write-ahead log after an erasure: what it wrote of the person before goes from the disk, as far as we may."""

from __future__ import annotations

import psycopg
from psycopg import sql

from warehouse.core.database import one
from warehouse.core.statistics import if_allowed

_STEPS = (
    # Files of dropped and rewritten tables go from the disk at a checkpoint, and so do the segments before it.
    sql.SQL("checkpoint"),
    sql.SQL("select pg_switch_wal()"),
    sql.SQL("checkpoint"),
)
_RECYCLED = "select current_setting('wal_recycle') = 'on'"
_ARCHIVED = "select current_setting('archive_mode') <> 'off'"
_RETAINED = """
select (select count(*) from pg_replication_slots)
    + (select count(*) from pg_stat_replication)
    + (current_setting('wal_keep_size') <> '0')::int
"""


def retire(connection: psycopg.Connection) -> list[str]:
    """Have the server begin a new segment and remove those before it; returns what it keeps nevertheless."""
    # All of them are tried: a user may be allowed the one and not the other.
    allowed = [if_allowed(connection, step) for step in _STEPS]
    kept = []
    if not all(allowed):
        kept.append(
            "The WAL of the warehouse's server holds the person until the server removes it by itself: this user "
            "may not ask for a checkpoint (grant pg_checkpoint) or for a new segment (grant execute on function "
            "pg_switch_wal)."
        )
    if one(connection, _RECYCLED)[0]:
        kept.append(
            "The warehouse's server uses old WAL segments again (wal_recycle is on): their bytes stay until they are "
            "written over."
        )
    if one(connection, _RETAINED)[0]:
        kept.append(
            "The warehouse's server keeps WAL for a slot, a standby or wal_keep_size: it holds the person until then."
        )
    if one(connection, _ARCHIVED)[0]:
        kept.append("The archive of the warehouse's WAL holds the person until its segments expire.")
    return kept
