"""Changes that were missed while the publication did not send them: a gap for `warehouse replicate repair`.

When a table went out of the publication is written nowhere. What is known is when it was last seen to be sent whole:
each pass writes that down, and a gap begins there, never at a later pass that found it out already.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import psycopg

from warehouse.replicate.catalog.publication import VERBS, Published
from warehouse.replicate.ledger.epochs import Epoch

_SEEN = """
insert into ledger.sent_tables as s (table_name, epoch_id, whole_at)
select t.name, %s, %s from unnest(%s::text[]) as t (name)
on conflict (table_name) do update set epoch_id = excluded.epoch_id, whole_at = excluded.whole_at
"""

_OPEN = """
insert into ledger.gaps (ended_epoch, new_epoch, from_time, reason, tables)
select
    e.epoch_id,
    e.epoch_id,
    -- A table that was never seen to be sent in this epoch was whole when its slot was made.
    least((
        select min(coalesce(s.whole_at, e.snapshot_at)) from unnest(%(tables)s::text[]) as t (name)
        left join ledger.sent_tables as s on s.table_name = t.name and s.epoch_id = e.epoch_id
    ), clock_timestamp()),
    %(reason)s,
    %(tables)s::text[]
from ledger.epochs as e where e.epoch_id = %(epoch)s
returning gap_id
"""


def seen(connection: psycopg.Connection, epoch: Epoch, publication: Published | None, at: datetime) -> None:
    """Write down which tables the publication sends whole.

    Args:
        at: the source's time, read before the publication was.
    """
    if publication is None or publication.verbs != frozenset(VERBS):
        return
    connection.execute(_SEEN, (epoch.epoch_id, at, sorted(set(publication.sends) - publication.filtered)))


def open_gap(connection: psycopg.Connection, epoch: Epoch, tables: Sequence[str], reason: str) -> None:
    """Write down that changes of some tables may have been missed since they were last seen to be sent whole."""
    with connection.transaction():
        row = connection.execute(
            _OPEN, {"tables": sorted(tables), "reason": reason, "epoch": epoch.epoch_id}
        ).fetchone()
        assert row is not None
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into ledger.gap_tables (gap_id, table_name) values (%s, %s)",
                [(row[0], name) for name in tables],
            )
