"""A pooler between us and a server is found by what it does, and refused before anything is read."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.python.conftest import FreshDatabases
from tests.python.core.pooler import transaction_pooler
from warehouse.core.database import connect
from warehouse.core.errors import PooledConnection
from warehouse.core.postgres.owner import unprivileged_owner

pytestmark = pytest.mark.slow

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")


@contextmanager
def pgbouncer(conninfo: str, folder: Path, mode: str) -> Iterator[int]:
    """The real one, where it is installed."""
    assert PGBOUNCER
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    to = conninfo_to_dict(conninfo)
    file = folder / f"{mode}.ini"
    file.write_text(
        f"[databases]\n{to['dbname']} = host=127.0.0.1 port={to['port']} user={to['user']} password={to['password']}\n"
        f"[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\nauth_type=any\npool_mode={mode}\nunix_socket_dir=\n"
    )
    owner = unprivileged_owner()
    if owner:
        owner.takes(file)
    process = subprocess.Popen([PGBOUNCER, "-q", str(file)], **(owner.as_subprocess() if owner else {}))
    try:
        while process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                continue
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def pooled(kind: str, conninfo: str, folder: Path) -> Iterator[str]:
    """The same database by way of a pooler."""
    with transaction_pooler(conninfo) if kind == "like pgbouncer" else pgbouncer(conninfo, folder, kind) as port:
        # It asks for nothing, as these two do; one that does not prove who it is does not even get so far.
        yield make_conninfo(conninfo, port=port, require_auth="none")


@pytest.mark.parametrize("kind", ["like pgbouncer", *(["transaction", "session"] if PGBOUNCER else [])])
@pytest.mark.parametrize("replication", [{}, {"replication": "database"}])
def test_a_pooler_is_refused(
    databases: FreshDatabases, short_folder: Path, kind: str, replication: dict[str, str]
) -> None:
    with (
        pooled(kind, databases.warehouse_conninfo, short_folder) as conninfo,
        pytest.raises(PooledConnection, match="pooler") as caught,
    ):
        connect(make_conninfo(conninfo, **replication), what="the warehouse", variable="WAREHOUSE_DATABASE_URL")
    assert "WAREHOUSE_DATABASE_URL" in caught.value.next_command


def test_ours_loses_what_a_session_sets_as_pgbouncer_does(databases: FreshDatabases) -> None:
    """What would happen: a setting is gone with the next statement."""
    with (
        transaction_pooler(databases.warehouse_conninfo) as port,
        psycopg.connect(
            make_conninfo(databases.warehouse_conninfo, port=port, require_auth="none"), autocommit=True
        ) as connection,
    ):
        connection.execute("set statement_timeout = '12s'")
        assert connection.execute("show statement_timeout").fetchone() == ("0",)
        with connection.transaction():
            first = connection.execute("select pg_backend_pid()").fetchone()
            assert connection.execute("select pg_backend_pid()").fetchone() == first


def test_a_server_of_its_own_is_none(databases: FreshDatabases) -> None:
    with connect(databases.warehouse_conninfo, what="the warehouse", variable="WAREHOUSE_DATABASE_URL") as connection:
        assert connection.execute("select 1").fetchone() == (1,)
