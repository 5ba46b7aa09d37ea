"""A login that may only connect can stop no command: the locks are on tables that it may not touch."""

from __future__ import annotations

import stat
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.python.conftest import FreshDatabases
from tests.python.waiting import until
from warehouse.core import locks
from warehouse.core.locks import Lock, check, held_by_another, session_lock
from warehouse.core.postgres import find_binaries
from warehouse.core.postgres.cluster import Cluster

KEEPS = "select backend_xid, backend_xmin from pg_stat_activity where pid <> pg_backend_pid() and datname = %s"

OLD_NAMES = ("warehouse run", "deliver", "replicate {name}", "replicate watch {name}", "ledger.migrations")


@pytest.fixture
def stranger(prepared: FreshDatabases) -> Iterator[psycopg.Connection]:
    """A login that may connect, and nothing else."""
    name = f"{prepared.settings.warehouse_role_prefix}stranger"
    with prepared.at_warehouse() as connection:
        connection.execute(sql.SQL("create role {} login password 'p'").format(sql.Identifier(name)))
    url = make_conninfo(prepared.warehouse_conninfo, user=name, password="p")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def test_what_a_stranger_holds_stops_nobody(prepared: FreshDatabases, stranger: psycopg.Connection) -> None:
    name = prepared.settings.warehouse_replication_name
    for taken in OLD_NAMES:
        stranger.execute("select pg_advisory_lock(hashtextextended(%s, 0))", (taken.format(name=name),))
    with prepared.warehouse() as warehouse:
        # Would wait for as long as the stranger's session lasts.
        warehouse.execute("set lock_timeout = '5s'")
        prepared.migrate(warehouse)
        for lock in Lock:
            with session_lock(warehouse, lock) as free:
                assert free, lock


@pytest.mark.parametrize("mode", ["access share", "row exclusive", "share row exclusive", "access exclusive"])
def test_a_stranger_cannot_take_them(prepared: FreshDatabases, stranger: psycopg.Connection, mode: str) -> None:
    for lock in [*Lock, "migrations"]:
        statement = sql.SQL("lock table ledger.{} in {} mode nowait").format(sql.Identifier(lock), sql.SQL(mode))
        with pytest.raises(psycopg.errors.InsufficientPrivilege), stranger.transaction():
            stranger.execute(statement)


def test_a_second_command_is_refused_at_once_and_the_lock_goes_with_its_session(prepared: FreshDatabases) -> None:
    with prepared.warehouse() as one, prepared.warehouse() as two:
        with session_lock(one, Lock.run) as free, session_lock(one, Lock.deliver):
            assert free
            with session_lock(two, Lock.run) as second:
                assert not second
            assert held_by_another(two, Lock.run)
            assert not held_by_another(one, Lock.run)
            # Nothing of it keeps old rows or waits for a snapshot.
            assert set(one.execute(KEEPS, (one.info.dbname,)).fetchall()) == {(None, None)}
            two.execute("select pg_terminate_backend(%s)", (locks._HELD[one][Lock.run].info.backend_pid,))
            with pytest.raises(psycopg.OperationalError):
                check(one)
            until("the lock is free", lambda: not held_by_another(two, Lock.run))
            with session_lock(two, Lock.run) as now:
                assert now
        # PostgreSQL lets a lock go when it has seen that its session has ended.
        until("the lock is free", lambda: not held_by_another(two, Lock.deliver))
        with session_lock(two, Lock.deliver) as later:
            assert later


def test_a_vacuum_that_passes_by_is_not_taken_for_a_command(
    prepared: FreshDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    with prepared.warehouse() as one, prepared.at_warehouse() as administrator:
        administrator.execute("begin; lock table ledger.only_run in share update exclusive mode")
        monkeypatch.setattr("warehouse.core.locks.time.sleep", lambda _: administrator.execute("rollback"))
        with session_lock(one, Lock.run) as free:
            assert free


def test_nobody_else_can_open_the_lock_of_an_embedded_server(prepared: FreshDatabases) -> None:
    settings = prepared.settings
    cluster = Cluster("warehouse", settings.warehouse_home, find_binaries(settings.warehouse_postgres_bin), {})
    lock = cluster.folder / "lock"
    lock.chmod(0o644)
    with cluster._lock():
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600
