"""The embedded clusters: they come back after whatever happened, and keep to themselves."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from warehouse.core.errors import SetupError
from warehouse.core.postgres import Binaries, Cluster, find_binaries
from warehouse.core.postgres.owner import Owner

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(short_folder: Path, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    made = Cluster("one", short_folder / request.node.name[:40], find_binaries())
    yield made
    made.stop()


def test_it_survives_kill_9_with_what_was_committed(cluster: Cluster) -> None:
    cluster.start()
    with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("create table kept (x int)")
        connection.execute("insert into kept values (1)")
        pid = cluster.server_pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    assert cluster.start() is True
    with psycopg.connect(cluster.conninfo("postgres")) as connection:
        assert connection.execute("select x from kept").fetchall() == [(1,)]


def test_a_server_that_recovers_by_itself_is_waited_for(cluster: Cluster) -> None:
    """One of its processes was killed: it refuses everybody until it has recovered, and keeps its port meanwhile."""
    cluster.start()
    port = (cluster.folder / "port").read_text()
    with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("create table kept (x int)")
        os.kill(connection.info.backend_pid, signal.SIGKILL)
    assert cluster.start() is False
    assert (cluster.folder / "port").read_text() == port
    with psycopg.connect(cluster.conninfo("postgres")) as connection:
        assert connection.execute("select x from kept").fetchall() == []


def test_a_lock_file_of_a_dead_server_does_not_keep_it_down(cluster: Cluster) -> None:
    cluster.start()
    cluster.stop()
    # As after a power cut and a reboot: the number in the file is that of some other program now.
    (cluster.data / "postmaster.pid").write_text(f"{os.getpid()}\n{cluster.data}\n")
    assert cluster.server_pid() is None
    assert cluster.start() is True


def test_a_making_that_was_broken_off_is_done_anew(cluster: Cluster) -> None:
    cluster.start()
    cluster.stop()
    (cluster.folder / "made").unlink()
    assert cluster.exists() is False
    assert cluster.start() is True


def test_two_processes_start_it_once(cluster: Cluster) -> None:
    results: list[bool] = []
    threads = [threading.Thread(target=lambda: results.append(cluster.start())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False, False, True]


def test_it_wants_a_password_and_listens_on_loopback_only(cluster: Cluster) -> None:
    cluster.start()
    info = psycopg.conninfo.conninfo_to_dict(cluster.conninfo("postgres"))
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(host=info["host"], port=info["port"], user=info["user"], password="wrong", dbname="postgres")
    with psycopg.connect(cluster.conninfo("postgres")) as connection:
        assert connection.execute("show listen_addresses").fetchone() == ("127.0.0.1",)
    assert (cluster.folder / "password").stat().st_mode & 0o777 == 0o600
    assert not (cluster.folder / "password.init").exists()


def test_its_log_holds_no_values(cluster: Cluster) -> None:
    cluster.start()
    with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("create table person (nino text primary key)")
        connection.execute("insert into person values ('QQ123456C')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("insert into person values ('QQ123456C')")
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            connection.execute("select nino::int from person")
    assert "QQ123456C" not in cluster.log.read_text()
    assert "ready to accept connections" in cluster.log.read_text()


def test_its_log_is_one_file_a_day_and_gone_after_its_days(cluster: Cluster) -> None:
    cluster.start()
    cluster.stop()
    old = cluster.log.read_bytes()
    day = old[:10].decode()
    cluster.log.write_bytes(old.replace(day.encode(), b"2026-01-02"))
    expired = cluster.folder / "postgres-2025-12-31.log"
    expired.write_text("old")
    cluster.start()
    kept = cluster.folder / "postgres-2026-01-02.log"
    # It is older than the days that are kept, so it goes as soon as it has a file of its own.
    assert not expired.exists()
    assert not kept.exists()
    assert b"2026-01-02" not in cluster.log.read_bytes()
    assert "ready to accept connections" in cluster.log.read_text(), "the server still writes into the same file"


def test_a_chosen_folder_without_programs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="WAREHOUSE_POSTGRES_BIN"):
        find_binaries(tmp_path)


def test_a_folder_that_the_server_may_not_enter_is_seen(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert Owner("nobody", 65534, 65534).can_reach(closed / "x") is False


@pytest.mark.skipif(not Path("/usr/lib/postgresql").exists(), reason="no system PostgreSQL on this machine")
def test_a_system_postgresql_serves_as_well(short_folder: Path) -> None:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    binaries: Binaries = find_binaries(folders[-1])
    assert binaries.origin == "setting"
    cluster = Cluster("system", short_folder / "system", binaries)
    try:
        cluster.start()
        with psycopg.connect(cluster.conninfo("postgres")) as connection:
            assert connection.info.server_version // 10_000 == binaries.major
    finally:
        cluster.stop()
