"""An operational database without a row, made once, on which dbt builds every model and compiles every unit test."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from dbt.cli.main import dbtRunner
from psycopg import sql

import sandbox.schema
from warehouse.core.ledger import migrate
from warehouse.core.postgres.binaries import find_binaries
from warehouse.core.postgres.cluster import Cluster
from warehouse.core.settings import PROJECT

_VERSIONS: Final = sql.SQL(
    """
    create view versions.{table} as
    select
        now() as known_from, null::timestamptz as known_to, 'I'::"char" as operation, null::"char" as ended_by,
        null::xid8 as from_xid, null::xid8 as to_xid, null::timestamptz as began_after,
        null::timestamptz as ended_after, 1 as epoch_id, {table}.*
    from public.{table}
    """
)
_TABLES: Final = "select tablename from pg_tables where schemaname = 'public'"

_ENVIRONMENT: Final = {
    "host": "WAREHOUSE_PGHOST",
    "port": "WAREHOUSE_PGPORT",
    "user": "WAREHOUSE_PGUSER",
    "password": "WAREHOUSE_PGPASSWORD",
    "dbname": "WAREHOUSE_PGDATABASE",
}
_BAD: Final = ("error", "fail", "skipped")


class BuildFailed(Exception):
    """dbt could not build the unchanged models, or a unit test fails on them."""


@contextmanager
def empty_database() -> Iterator[str]:
    """A cluster of its own with the tables of the source and the ledger; gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="trw-"))
    home.chmod(0o755)
    settings = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
    cluster = Cluster("mutants", home / "cluster", find_binaries(), settings)
    try:
        cluster.start()
        cluster.create_database("mutants")
        conninfo = cluster.conninfo("mutants")
        with psycopg.connect(conninfo, autocommit=True) as connection:
            migrate(connection)
        with psycopg.connect(conninfo) as connection:
            sandbox.schema.create(connection)
            connection.execute("create schema versions")
            for (table,) in connection.execute(_TABLES).fetchall():
                connection.execute(_VERSIONS.format(table=sql.Identifier(table)))
        yield conninfo
    finally:
        cluster.stop()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _connection_settings(conninfo: str) -> Iterator[None]:
    """The environment variables that the profile of dbt reads, for as long as dbt runs."""
    settings = psycopg.conninfo.conninfo_to_dict(conninfo)
    before = {name: os.environ.get(name) for name in _ENVIRONMENT.values()}
    os.environ.update({name: str(settings.get(key, "")) for key, name in _ENVIRONMENT.items()})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def build(project: Path, conninfo: str, selected: list[str]) -> list[Any]:
    """Build models and run their unit tests with dbt, in this process; the results have their compiled SQL.

    Args:
        selected: names of models; with none, all of them.
    """
    shutil.copy(PROJECT / "profiles.example.yml", project / "profiles.yml")
    chosen = ["--select", *(f"+{name}" for name in selected)] if selected else []
    with _connection_settings(conninfo):
        result = dbtRunner().invoke(
            [
                *("--no-version-check", "--quiet", "--no-partial-parse", "build", "--exclude-resource-type", "test"),
                *chosen,
                *("--target", "dev", "--project-dir", str(project), "--profiles-dir", str(project)),
                *("--target-path", str(project / "target"), "--log-path", str(project / "logs")),
            ]
        )
    results = getattr(result.result, "results", [])
    if result.exception is not None or not result.success:
        failed = [f"{one.node.name}: {one.message}" for one in results if one.status in _BAD]
        raise BuildFailed("\n".join(failed) or str(result.exception))
    return list(results)
