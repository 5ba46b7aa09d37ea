"""Another account listens at the port of a server that is down: it gets no password, no query and no row."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dotenv import dotenv_values

from tests.python.conftest import WorldDatabases, make_databases
from tests.python.security.squatter import TRICKS, Trick, squatting
from tests.python.waiting import until
from warehouse.core.database import connect
from warehouse.core.databases import SOURCE, WAREHOUSE
from warehouse.core.errors import DatabaseUnreachable
from warehouse.core.settings import PROJECT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def own(short_folder: Path) -> Iterator[WorldDatabases]:
    """Two clusters with a subscription between them, and the test's marks in it."""
    made = make_databases(short_folder / "squatted")
    # Its worker tries again at once, and does not stay off after an error: it has every chance to give something away.
    made.cluster_settings = {**made.cluster_settings, "wal_retrieve_retry_interval": "'100ms'"}
    made.start()
    with made.at_source() as trs, made.at_warehouse() as warehouse:
        for side in (trs, warehouse):
            side.execute("create table t (id int primary key)")
        trs.execute("create publication p for table t")
        trs.execute("select pg_create_logical_replication_slot('s', 'pgoutput')")
        warehouse.execute(
            f"create subscription p connection '{made.source_conninfo}' publication p"
            " with (create_slot = false, slot_name = 's', copy_data = false)".encode()
        )
    yield made
    made.stop()


def arrives(databases: WorldDatabases, number: int) -> None:
    """Whether the subscription applies what is written at the source now."""
    with databases.at_source() as trs, databases.at_warehouse() as warehouse:
        trs.execute("insert into t values (%s)", (number,))
        until("the stream", lambda: warehouse.execute("select 1 from t where id = %s", (number,)).fetchone())


@pytest.mark.parametrize("trick", TRICKS)
def test_starting_gives_nothing_away(own: WorldDatabases, trick: Trick) -> None:
    """Both ports are taken while both servers are down: both move, and nobody even calls at the old ones."""
    own.stop()
    ports = [int(own.cluster(name).port or 0) for name in (SOURCE, WAREHOUSE)]
    with squatting(ports[0], trick) as source, squatting(ports[1], trick) as warehouse:
        own.start()
        arrives(own, TRICKS.index(trick))
    assert (source.callers, warehouse.callers) == (0, 0)
    assert source.given == warehouse.given == []


@pytest.mark.parametrize("trick", TRICKS)
def test_the_worker_of_the_subscription_gives_nothing_away(own: WorldDatabases, trick: Trick) -> None:
    """The source is down while the warehouse runs: the worker calls, is asked, and leaves; then it finds the source."""
    number = 10 + TRICKS.index(trick)
    own.cluster(SOURCE).stop()
    with squatting(int(own.cluster(SOURCE).port or 0), trick) as seen:
        until("the worker calls, or says something", lambda: seen.callers >= 2 or seen.given)
        own.start()
        arrives(own, number)
    assert seen.given == []


def test_plain_dbt_gives_nothing_away(own: WorldDatabases, tmp_path: Path) -> None:
    """`dbt build` by itself, with what `warehouse up` has written into .env."""
    conninfo = own.warehouse_conninfo
    environment = {name: value or "" for name, value in dotenv_values(own.settings.warehouse_home / ".env").items()}
    shutil.copyfile(PROJECT / "profiles.example.yml", tmp_path / "profiles.yml")
    own.cluster(WAREHOUSE).stop()
    with squatting(int(own.cluster(WAREHOUSE).port or 0), "clear text") as seen:
        with pytest.raises(DatabaseUnreachable, match="does not prove to be the warehouse") as caught:
            connect(conninfo, what="the warehouse", variable="WAREHOUSE_DATABASE_URL")
        assert "got no password" in caught.value.meaning
        dbt = subprocess.run(
            [Path(sys.executable).with_name("dbt"), "debug", "--connection", "--profiles-dir", str(tmp_path)],
            cwd=PROJECT,
            env={**os.environ, **environment, "DBT_TARGET_PATH": str(tmp_path), "DBT_LOG_PATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert dbt.returncode != 0
    assert "authentication method requirement" in dbt.stdout, dbt.stdout + dbt.stderr
    assert seen.callers >= 2
    assert seen.given == []


@pytest.mark.parametrize("trick", TRICKS)
def test_an_address_of_this_machine_is_not_believed_either(tmp_path: Path, trick: Trick) -> None:
    """TRS_DATABASE_URL and WAREHOUSE_DATABASE_URL on loopback, as with a proxy or a tunnel."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = f"postgresql://owner:hunter2@localhost:{port}/db"
    databases = make_databases(tmp_path, trs_database_url=url, warehouse_database_url=url)
    with squatting(port, trick) as seen:
        for side in (databases.source, databases.warehouse):
            with pytest.raises(DatabaseUnreachable, match="does not prove to be"):
                side()
    assert seen.callers == 2
    assert seen.given == []
