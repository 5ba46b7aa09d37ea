"""dbt's sessions: the same ones as ours, whatever the role, the database, the shell and the form of the URL."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from tests.python.conftest import FAST, FreshDatabases, make_databases
from tests.python.core.test_sessions import EXPECTED, ODD, SHELL
from tests.python.marts.small import make_project, write
from warehouse.core.databases import Databases
from warehouse.core.errors import BuildFailed
from warehouse.core.ledger import migrate
from warehouse.core.lineage.project import Lineage
from warehouse.core.postgres import Cluster, find_binaries
from warehouse.core.progress import Silent
from warehouse.core.session import SETTINGS, SINCE
from warehouse.marts import build

pytestmark = pytest.mark.slow

TODAY = date(2026, 10, 1)
SYSTEM = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
THREADS = 4
"""Of the profile's target, see profiles.example.yml."""
PASSWORD = "p@ss/w:rd% '{{x}}\\é"

SETTINGS_SEEN = " union all ".join(
    f"select '{name}' as name, current_setting('{name}', true) as value" for name in [*SETTINGS, *SINCE]
)
DBT = {
    "DBT_EMPTY": "1",
    "DBT_EXCLUDE_RESOURCE_TYPES": "test",
    "DBT_TARGET": "nowhere",
    "DBT_WARN_ERROR": "1",
    "DBT_PROFILES_DIR": "/nowhere",
    "WAREHOUSE_PGHOST": "nowhere.invalid",
}


def test_neither_role_nor_database_nor_shell_matters(
    ready: FreshDatabases, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ready.at_warehouse() as connection:
        known = {row[0] for row in connection.execute("select lower(name) from pg_settings")}
        for name, value in ODD.items():
            if name in known:
                connection.execute(
                    sql.SQL("alter database {} set {} = {}").format(
                        sql.Identifier(connection.info.dbname), sql.SQL(name), sql.Literal(value)
                    )
                )
    for name, value in {**SHELL, **DBT}.items():
        monkeypatch.setenv(name, value)
    # dbt reads the .env of the folder that it is called from.
    (project / ".env").write_text("PGDATESTYLE=SQL, DMY\nDBT_EMPTY=1\nPGAPPNAME=stray\n")
    monkeypatch.chdir(project)
    # Longer than the time-outs of the role.
    monkeypatch.setattr("warehouse.marts.lineage.check_built", lambda *_: Lineage([], {}))
    write(project, "marts/fct_slow", "select count(*) as n from pg_sleep(1.5)")
    write(project, "marts/fct_settings", SETTINGS_SEEN)
    before = dict(os.environ)
    assert build(ready, TODAY, Silent()).built
    # Our own connections have forgotten the shell's PG… variables by now, and dbt's are not left behind.
    assert dict(os.environ) == {name: value for name, value in before.items() if name not in SHELL}
    with ready.warehouse() as connection:
        seen = dict(connection.execute("select name, value from marts.fct_settings").fetchall())
        assert connection.execute("select n from marts.fct_slow").fetchone() == (1,)
    expected = {name: EXPECTED[name] for name in SETTINGS} | {"search_path": ""}
    assert {name: value.replace(",", ", ").replace(",  ", ", ") for name, value in seen.items() if value} == {
        name: value for name, value in expected.items() if value
    } | ({"transaction_timeout": "0"} if seen["transaction_timeout"] else {})


def test_dbt_does_not_go_through_a_table_for_each_row_of_another(
    ready: FreshDatabases, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the database says: with a million people two models would not end (docs/adr/0074)."""
    monkeypatch.setattr("warehouse.marts.lineage.check_built", lambda *_: Lineage([], {}))
    write(project, "marts/fct_planning", "select current_setting('enable_nestloop') as value")
    with ready.at_warehouse() as connection:
        set_on = sql.SQL("alter database {} set enable_nestloop = on")
        connection.execute(set_on.format(sql.Identifier(connection.info.dbname)))
    build(ready, TODAY, Silent())
    with ready.warehouse() as connection:
        assert connection.execute("select value from marts.fct_planning").fetchone() == ("off",)


def test_a_thread_keeps_its_session_from_one_node_to_the_next(
    ready: FreshDatabases, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warehouse.marts.lineage.check_built", lambda *_: Lineage([], {}))
    for number in range(30):
        write(project, f"marts/fct_{number}", f"select {number} as n, pg_backend_pid() as pid")
    write(project, "marts/fct_wrong", "select 1 / 0 as n")
    # One that fails leaves nothing behind in the session that the next one has.
    with pytest.raises(BuildFailed, match="fct_wrong"):
        build(ready, TODAY, Silent())
    write(project, "marts/fct_wrong", "select 1 as n")
    assert build(ready, TODAY, Silent()).built
    with ready.warehouse() as connection:
        pids = {
            row[0] for number in range(30) for row in connection.execute(f"select pid from marts.fct_{number}".encode())
        }
    assert len(pids) <= THREADS


@pytest.fixture(scope="module")
def secure(short_folder: Path) -> Iterator[tuple[Cluster, Path]]:
    """A server of the system's PostgreSQL that takes TLS connections only, and its authority's certificate."""
    folder = short_folder / "tls"
    certificates = folder / "certificates"
    certificates.mkdir(parents=True)
    cluster = Cluster("secure", folder, find_binaries(SYSTEM[-1]), FAST)
    cluster.start()
    _make_certificates(certificates)
    data = cluster.data.stat()
    for name in ("server.key", "server.crt"):
        os.chown(certificates / name, data.st_uid, data.st_gid)
    cluster.stop()
    with (cluster.data / "postgresql.conf").open("a") as conf:
        conf.write(
            f"\nssl = on\nssl_cert_file = '{certificates}/server.crt'\nssl_key_file = '{certificates}/server.key'\n"
        )
    hba = cluster.data / "pg_hba.conf"
    hba.write_text(hba.read_text().replace("host ", "hostssl "))
    cluster.start()
    yield cluster, certificates
    cluster.stop()


def _make_certificates(folder: Path) -> None:
    """An authority, and a server's certificate for `localhost` from it."""
    (folder / "names").write_text("subjectAltName=DNS:localhost\n")
    for command in (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.crt",
        "req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr",
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.crt",
    ):
        subprocess.run(["/usr/bin/env", "openssl", *command.split()], cwd=folder, check=True, capture_output=True)
    (folder / "server.key").chmod(0o600)


@pytest.mark.skipif(not SYSTEM, reason="no system PostgreSQL on this machine")
def test_every_part_of_the_url_reaches_dbt(
    secure: tuple[Cluster, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, certificates = secure
    project = make_project(tmp_path, monkeypatch)
    seen = "select current_user::text as who, current_setting('work_mem') as memory, s.ssl as is_encrypted"
    # What a column of PostgreSQL's own views holds has no class, and such a model is refused: not what is tried here.
    monkeypatch.setattr("warehouse.marts.lineage.check_built", lambda *_: Lineage([], {}))
    write(project, "marts/fct_session", f"{seen} from pg_stat_ssl as s where s.pid = pg_backend_pid()")
    cluster.create_database("w")
    own = psycopg.conninfo.conninfo_to_dict(cluster.conninfo("w"))
    with psycopg.connect(**own | {"sslmode": "require"}, autocommit=True) as connection:  # type: ignore[arg-type]
        migrate(connection)
        connection.execute(
            sql.SQL("create role {} login superuser password {}").format(
                sql.Identifier("wärter"), sql.Literal(PASSWORD)
            )
        )
    # The first of two servers is down; the certificate is for the name of the second.
    hosts = f"127.0.0.1:1,localhost:{own['port']}"
    parameters = {
        "sslmode": "verify-full",
        "sslrootcert": str(certificates / "ca.crt"),
        "target_session_attrs": "read-write",
        "options": "-c work_mem=12345kB",
    }
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
    url = f"postgresql://{quote('wärter', safe='')}:{quote(PASSWORD, safe='')}@{hosts}/w?{query}"
    databases = make_databases(tmp_path / "home", warehouse_database_url=url)
    assert build(databases, TODAY, Silent()).built
    with databases.warehouse() as connection:
        found = connection.execute("select who, memory, is_encrypted from marts.fct_session").fetchall()
    assert found == [("wärter", "12345kB", True)]


@pytest.mark.skipif(not SYSTEM, reason="no system PostgreSQL on this machine")
def test_a_socket_folder_is_a_host(short_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path, monkeypatch)
    sockets = short_folder / "sockets"
    sockets.mkdir(mode=0o777)
    sockets.chmod(0o777)
    cluster = Cluster(
        "sockets", short_folder, find_binaries(SYSTEM[-1]), FAST | {"unix_socket_directories": f"'{sockets}'"}
    )
    cluster.start()
    try:
        cluster.create_database("w")
        own = psycopg.conninfo.conninfo_to_dict(cluster.conninfo("w"))
        hba = cluster.data / "pg_hba.conf"
        hba.write_text(hba.read_text() + "\nlocal all all scram-sha-256\n")
        with psycopg.connect(cluster.conninfo("w"), autocommit=True) as connection:
            connection.execute("select pg_reload_conf()")
            migrate(connection)
        url = f"postgresql://{own['user']}:{own['password']}@{quote(str(sockets), safe='')}:{own['port']}/w"
        databases: Databases = make_databases(tmp_path / "home", warehouse_database_url=url)
        assert build(databases, TODAY, Silent()).built
    finally:
        cluster.stop()
