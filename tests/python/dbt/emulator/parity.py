"""A build on the emulator of BigQuery, from the rows of a build on PostgreSQL, and the comparison of every relation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg
from dbt.cli.main import dbtRunner
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from psycopg import sql

from tests.python.dbt.emulator import loading
from tests.python.dbt.emulator.comparing import Difference, compare
from tests.python.dbt.emulator.server import NAME
from tests.python.dbt.googlesql.sources import source_tables
from warehouse.core.settings import PROJECT
from warehouse.marts.lighter_dbt import lighter

SCHEMAS: Final = {
    "teaching_record_trs": "public",
    "teaching_record_trs_versions": "versions",
    "teaching_record_ledger": "ledger",
}
"""PostgreSQL's schema of each dataset of sources."""


@dataclass
class There:
    """A build on the emulator.

    Attributes:
        client: asks it.
        manifest: dbt's, of the project on BigQuery.
        failed: what dbt says of each node that was not built.
        nulled: how many values of a source's column BigQuery cannot hold, by table and column.
    """

    client: bigquery.Client
    manifest: dict[str, Any]
    failed: dict[str, str] = field(default_factory=dict)
    nulled: dict[tuple[str, str], int] = field(default_factory=dict)


def environment(address: str) -> dict[str, str]:
    """What leads the profile to the emulator."""
    return {
        "WAREHOUSE_BIGQUERY_ENDPOINT": address,
        "WAREHOUSE_BIGQUERY_METHOD": "oauth-secrets",
        "WAREHOUSE_BIGQUERY_TOKEN": "none",
        "WAREHOUSE_BIGQUERY_PROJECT": NAME,
    }


def build_there(address: str, conninfo: str, profiles: Path, target: Path, variables: str) -> There:
    """Load the sources, and build every seed and model; views as tables, as views of views take it long.

    Args:
        variables: dbt's, as the build on PostgreSQL had them.
    """
    where = (
        *("--target", "bigquery", "--project-dir", str(PROJECT), "--profiles-dir", str(profiles)),
        *("--target-path", str(target), "--log-path", str(target / "logs"), "--vars", variables),
    )
    parsed = dbtRunner().invoke(["--no-version-check", "--quiet", "parse", *where])
    assert parsed.success, parsed.exception
    made = There(_client(address), json.loads((target / "manifest.json").read_text(encoding="utf-8")))
    with psycopg.connect(conninfo, options="-c timezone=UTC") as connection:
        made.nulled = loading.load(made.client, connection, source_tables(made.manifest), SCHEMAS)
    for node in parsed.result.nodes.values():
        # Descriptions cost a sixth of its time, and no row.
        node.config.persist_docs = {}
        if node.config.materialized == "view":
            node.config.materialized = "table"
    build = ["--no-version-check", "--quiet", "build", "--exclude-resource-type", "test"]
    with lighter():
        ran = dbtRunner(manifest=parsed.result).invoke(
            [*build, "--exclude-resource-type", "unit_test", "--threads", "2", *where]
        )
    assert ran.result is not None, ran.exception
    made.failed = {
        result.node.name: str(result.message)
        for result in ran.result.results
        if str(result.status) not in ("success", "no-op")
    }
    return made


def _client(address: str) -> bigquery.Client:
    return bigquery.Client(NAME, AnonymousCredentials(), client_options={"api_endpoint": address})


def differences(there: There, ours: dict[str, Any], conninfo: str) -> Iterator[Difference]:
    """Each relation of which the two builds do not have the same rows.

    Args:
        ours: dbt's manifest of the build on PostgreSQL.
    """
    with psycopg.connect(conninfo, options="-c timezone=UTC") as connection:
        for key, node in sorted(there.manifest["nodes"].items()):
            if node["resource_type"] not in ("model", "seed") or node["config"]["materialized"] == "ephemeral":
                continue
            found = _compared(there.client, connection, node, ours["nodes"][key])
            if found:
                yield found


def _compared(
    client: bigquery.Client, connection: psycopg.Connection[Any], theirs: dict[str, Any], ours: dict[str, Any]
) -> Difference | None:
    table = ".".join((theirs["database"], theirs["schema"], theirs["alias"]))
    found = client.list_rows(table)
    names = [column.name for column in found.schema]
    lists = [column.name for column in found.schema if column.mode == "REPEATED"]
    cursor = connection.execute(sql.SQL("select * from {}").format(sql.Identifier(ours["schema"], ours["alias"])))
    assert cursor.description is not None
    there_are = [column.name for column in cursor.description]
    assert sorted(names) == sorted(there_are), f"{theirs['name']}: other columns: {set(names) ^ set(there_are)}"
    places = [there_are.index(name) for name in names]
    rows = ([row[place] for place in places] for row in cursor)
    return compare(theirs["name"], names, rows, (row.values() for row in found), lists)
