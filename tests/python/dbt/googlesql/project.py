"""A dbt project, built on BigQuery's adapter against the analyzer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import dbt.adapters.bigquery.connections
import pytest
from dbt.cli.main import dbtRunner

from tests.python.dbt import reading
from tests.python.dbt.googlesql.client import Client
from tests.python.dbt.googlesql.engine import Engine
from tests.python.dbt.googlesql.sources import source_tables
from warehouse.core.settings import PROJECT
from warehouse.marts.lighter_dbt import lighter

PROFILE: Final = Path(__file__).parents[1] / "profile"


@dataclass
class Built:
    """A project after its build.

    Attributes:
        messages: what dbt says of each node that is neither built nor passed.
        statuses: of each node, by its name.
    """

    client: Client
    engine: Engine
    manifest: dict[str, Any]
    messages: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)


def build(project: Path, target: Path) -> Built:
    """Build every node of a project, as `dbt build --target bigquery` does."""
    engine = Engine()
    client = Client(engine)
    where = (
        *("--target", "bigquery", "--project-dir", str(project), "--profiles-dir", str(PROFILE)),
        *("--target-path", str(target), "--log-path", str(target / "logs")),
    )
    if project == PROJECT:
        reading.bring(target, "bigquery")
    parsed = dbtRunner().invoke(["--no-version-check", "--quiet", "--partial-parse", "parse", *where])
    assert parsed.success, parsed.exception
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    for path, columns in source_tables(manifest).items():
        engine.add_table(path, columns)
    with pytest.MonkeyPatch.context() as patch, lighter():
        patch.setattr(dbt.adapters.bigquery.connections, "create_bigquery_client", lambda _: client)
        ran = dbtRunner(manifest=parsed.result).invoke(
            ["--no-version-check", "--quiet", "build", "--threads", "1", *where]
        )
    assert ran.result is not None, ran.exception
    made = Built(client, engine, manifest)
    for result in ran.result.results:
        made.statuses[result.node.name] = str(result.status)
        if str(result.status) not in ("success", "pass", "no-op"):
            made.messages[result.node.name] = str(result.message)
    return made
