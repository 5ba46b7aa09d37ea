"""Commits at the source with a time that somebody else chose, as one has them that is itself fed by another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import psycopg

from warehouse.core.databases import Databases


@contextmanager
def committed_at(databases: Databases, moment: datetime) -> Iterator[psycopg.Connection]:
    """A session of the source whose one transaction has this commit time."""
    name = f"elsewhere_{databases.settings.warehouse_replication_name}"
    with databases.at_source() as trs:
        trs.execute("select pg_replication_origin_create(%s)", (name,))
        try:
            trs.execute("select pg_replication_origin_session_setup(%s)", (name,))
            with trs.transaction():
                trs.execute("select pg_replication_origin_xact_setup('0/1', %s)", (moment,))
                yield trs
            trs.execute("select pg_replication_origin_session_reset()")
        finally:
            trs.execute("select pg_replication_origin_drop(%s)", (name,))
