"""Clusters that belong to the drills alone, because they are killed; each drill has two fresh databases on them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import connect, sql

from tests.python.conftest import WorldDatabases, make_databases
from tests.python.drills.harness import Drill
from tests.python.waiting import drop_slot

# A crash must not cost what was committed, so the disk is synchronised here, unlike in other tests.
DURABLE = {
    "shared_buffers": "'64MB'",
    "wal_retrieve_retry_interval": "'500ms'",
    # The source's own commit times are what the history is held against.
    "track_commit_timestamp": "on",
    # Transactions of some thousand rows are streamed before they end already.
    "logical_decoding_work_mem": "'1MB'",
    "max_prepared_transactions": "5",
}


class DrillDatabases(WorldDatabases):
    """Databases of one drill; a killed server is started again as the product does it."""

    database = "drill"

    @property
    def warehouse_conninfo(self) -> str:
        return self.cluster("warehouse").conninfo(self.database)

    @property
    def source_conninfo(self) -> str:
        return self.cluster("trs").conninfo(self.database)


@pytest.fixture(scope="session")
def drill_home() -> Iterator[Path]:
    """A folder that the servers' unprivileged user can reach, for the clusters of the drills."""
    home = Path(tempfile.mkdtemp(prefix="trw-drills-"))
    home.chmod(0o755)
    yield home
    pair = drill_databases(home, "none")
    pair.stop()
    shutil.rmtree(home, ignore_errors=True)


def drill_databases(home: Path, name: str) -> DrillDatabases:
    """Databases of that name on the clusters in a folder."""
    settings = make_databases(home).settings.model_copy(update={"warehouse_replication_name": f"trw_{name}"})
    databases = DrillDatabases(settings, DURABLE)
    databases.database = name
    return databases


@pytest.fixture
def drill(drill_home: Path, request: pytest.FixtureRequest) -> Iterator[Drill]:
    """A drill that is ready to begin: both databases there, the source noted, nothing replicated yet."""
    name = f"d{request.node.name.removeprefix('test_')[:24]}".lower().translate(dict.fromkeys(map(ord, "[]-"), "_"))
    databases = drill_databases(drill_home, name)
    databases.start()
    for cluster in databases.embedded():
        databases.cluster(cluster).create_database(name)
    made = Drill(databases).prepare()
    try:
        yield made
    finally:
        try:
            made.rest()
        finally:
            databases.start()
            _forget(databases, name)


def _forget(databases: DrillDatabases, name: str) -> None:
    """Drop both databases and what they leave behind on their clusters."""
    with databases.at_warehouse() as warehouse:
        for (subscription,) in warehouse.execute(
            "select subname from pg_subscription"
            " where subdbid = (select oid from pg_database where datname = current_database())"
        ).fetchall():
            target = sql.Identifier(subscription)
            warehouse.execute(sql.SQL("alter subscription {} disable").format(target))
            warehouse.execute(sql.SQL("alter subscription {} set (slot_name = none)").format(target))
            warehouse.execute(sql.SQL("drop subscription {}").format(target))
    with connect(databases.cluster("warehouse").conninfo("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
    with connect(databases.cluster("trs").conninfo("postgres"), autocommit=True) as connection:
        for (gid,) in connection.execute("select gid from pg_prepared_xacts where database = %s", (name,)).fetchall():
            with databases.at_source() as source:
                source.execute(sql.SQL("rollback prepared {}").format(sql.Literal(gid)))
        connection.execute(
            "select pg_terminate_backend(active_pid) from pg_replication_slots"
            " where database = %s and active_pid is not null",
            (name,),
        )
        slots = connection.execute("select slot_name from pg_replication_slots where database = %s", (name,))
        for (slot,) in slots.fetchall():
            drop_slot(connection, slot)
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
