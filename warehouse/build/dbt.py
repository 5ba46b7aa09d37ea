"""dbt, run inside this process: starting it takes several seconds, so a run starts it once."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from warehouse.core.databases import Databases, dbt_environment
from warehouse.core.errors import BuildFailed
from warehouse.core.progress import Progress
from warehouse.core.settings import PROJECT

_FAILED = ("error", "fail", "runtime error")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|=\([^)]*\)")


@dataclass
class DbtResult:
    """What a dbt command did.

    Attributes:
        nodes: how many models, seeds and tests ran.
        failed: the names of those that failed, each with its reason.
        warned: the names of tests that only warn, with the number of rows they found.
        rows: rows of each model that is a table.
        schemas: every schema that models and seeds are in.
    """

    nodes: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    warned: dict[str, int] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    schemas: set[str] = field(default_factory=set)


def profiles_folder(databases: Databases) -> Path:
    """A folder with the project's example profiles as they are: dbt insists on the name profiles.yml."""
    folder = databases.settings.warehouse_home / "dbt"
    # dbt's own record of a run repeats what the database said of a failure, which may quote a value.
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copyfile(PROJECT / "profiles.example.yml", folder / "profiles.yml")
    return folder


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def run_dbt(databases: Databases, arguments: list[str], progress: Progress) -> DbtResult:
    """Run a dbt command against the warehouse.

    Raises:
        BuildFailed: dbt could not run at all: a model does not parse, or a setting of the project is wrong.
        KeyboardInterrupt: Ctrl-C, which dbt would otherwise turn into a result.
    """
    folder = profiles_folder(databases)
    target = "dev" if databases.warehouse_is_embedded else "prod"
    url = databases.settings.warehouse_database_url
    variables = {
        # It may stand in the checkout's .env, which dbt does not read when called from another folder.
        **({"WAREHOUSE_DATABASE_URL": url.get_secret_value()} if url else {}),
        **dbt_environment(databases.warehouse_conninfo),
        "DO_NOT_TRACK": "1",
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    with _environment(variables):
        from dbt.cli.main import dbtRunner  # noqa: PLC0415 - takes about 4 seconds, so only where it is used

        done, total = 0, 0

        def listen(event: Any) -> None:
            nonlocal done, total
            if event.info.name == "ConcurrencyLine":
                total = int(event.data.node_count)
                progress.count("models and tests", 0, total or None)
            elif event.info.name == "NodeFinished":
                done += 1
                progress.count("models and tests", done, total or None)

        outcome = dbtRunner(callbacks=[listen]).invoke(
            [
                *arguments,
                *("--project-dir", str(PROJECT), "--profiles-dir", str(folder), "--target", target),
                # What the database says of a failure may quote a value, so it goes to no log: see _without_values.
                *("--quiet", "--log-level", "none", "--log-level-file", "none"),
                *("--no-version-check", "--no-use-colors"),
            ]
        )
    if isinstance(outcome.exception, KeyboardInterrupt):
        raise KeyboardInterrupt
    if outcome.exception is not None or outcome.result is None:
        reason = _without_values(str(outcome.exception or "dbt gave no result"))
        raise BuildFailed(
            f"dbt could not run: {reason}",
            meaning="No model was built. Readers and receivers see the last good build.",
            next_command="Run `.venv/bin/dbt parse` to see the whole message, mend the project, then run again.",
        )
    return _read(outcome.result)


def _read(result: Any) -> DbtResult:
    read = DbtResult()
    for item in result.results:
        node, status = item.node, str(item.status)
        read.nodes += 1
        if node.resource_type in ("model", "seed"):
            read.schemas.add(node.schema)
        if status in _FAILED:
            read.failed[node.name] = (
                f"{item.failures} rows fail the test" if status == "fail" else _without_values(item.message or "")
            )
        elif status == "warn":
            read.warned[node.name] = int(item.failures or 0)
        rows = (item.adapter_response or {}).get("rows_affected")
        if node.resource_type == "model" and rows is not None and int(rows) >= 0:
            read.rows[f"{node.schema}.{node.alias}"] = int(rows)
    if any(str(item.status) == "error" and "interrupted" in str(item.message).lower() for item in result.results):
        raise KeyboardInterrupt
    return read


def _without_values(message: str) -> str:
    """A database's message without what stands in quotes: that may be a value of a row.

    The first two lines say which model and what; the rest is compiled SQL and places.
    """
    lines = [line.strip() for line in message.strip().splitlines() if line.strip()]
    return _QUOTED.sub("…", ": ".join(lines[:2]))
