"""A server whose workers are all taken: the stream waits in silence, so the message says it."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg import connect

from tests.python.conftest import FAST, make_databases
from tests.python.waiting import until
from warehouse.core.databases import Databases
from warehouse.core.errors import StreamStuck
from warehouse.core.progress import Silent
from warehouse.replicate.stream import subscription
from warehouse.replicate.stream.mark import emit_mark, wait_for

pytestmark = pytest.mark.slow


def subscribe(warehouse_conninfo: str, source: Databases, name: str) -> None:
    with connect(source.source_conninfo, autocommit=True) as trs:
        trs.execute(f"select pg_create_logical_replication_slot('{name}', 'pgoutput')")
    with connect(warehouse_conninfo, autocommit=True) as warehouse:
        warehouse.execute("create table if not exists a (i int primary key)")
        warehouse.execute(
            f"create subscription {name} connection '{source.source_conninfo}' publication everything"
            f" with (slot_name = {name}, create_slot = false, copy_data = false)"
        )


@pytest.mark.parametrize(
    ("setting", "least"), [("max_logical_replication_workers", "1"), ("max_worker_processes", "2")]
)
def test_the_message_says_that_other_databases_have_every_worker(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch, setting: str, least: str
) -> None:
    databases = make_databases(short_folder / setting)
    databases.cluster_settings = {**FAST, setting: least}
    databases.start()
    try:
        with databases.at_source() as trs, databases.at_warehouse() as warehouse:
            trs.execute("create table a (i int primary key)")
            trs.execute("create publication everything for table a")
            assert subscription.no_worker_left(warehouse) == ""
            subscribe(databases.cluster("warehouse").conninfo("postgres"), databases, "others")
            until("a worker of the other", lambda: subscription.no_worker_left(warehouse))
            subscribe(databases.warehouse_conninfo, databases, "ours")
            monkeypatch.setattr(subscription, "STALLED_SECONDS", 1)
            with pytest.raises(StreamStuck, match=f"none of its {setting} left: 1 streams"):
                wait_for(trs, warehouse, "ours", emit_mark(trs).lsn, Silent())
    finally:
        databases.stop()
