"""Changes that were missed while the publication did not send them: a gap for `warehouse replicate repair`."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from warehouse.replicate.epochs import Epoch


def open_gap(connection: psycopg.Connection, epoch: Epoch, tables: Sequence[str], reason: str) -> None:
    """Write down that changes of some tables may have been missed since the last pass that found all in order."""
    with connection.transaction():
        row = connection.execute(
            "insert into ledger.gaps (ended_epoch, new_epoch, from_time, reason, tables)"
            " select e.epoch_id, e.epoch_id, coalesce(p.noted_at, e.started_at), %s, %s from ledger.epochs as e"
            " left join ledger.replication_position as p using (epoch_id) where e.epoch_id = %s returning gap_id",
            (reason, sorted(tables), epoch.epoch_id),
        ).fetchone()
        assert row is not None
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into ledger.gap_tables (gap_id, table_name) values (%s, %s)",
                [(row[0], name) for name in tables],
            )
