"""The build stage of a run: write aside, audit, publish."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg

from warehouse.build.dbt import DbtResult, run_dbt
from warehouse.build.swap import PREFIX, drop_leftovers, publish
from warehouse.core.databases import Databases
from warehouse.core.errors import BuildFailed
from warehouse.core.progress import Progress, StageReport, timed
from warehouse.core.settings import PROJECT

_PROJECT_PARTS = ("dbt_project.yml", "models", "seeds", "macros", "tests")


@dataclass(frozen=True)
class BuildReport:
    """What the build did; `build_id` is the build that readers see now."""

    build_id: int
    built: bool
    stage: StageReport


def build(databases: Databases, today: date, progress: Progress, *, anew: bool = False) -> BuildReport:
    """Build every model for the business date, unless nothing has changed since the last build.

    Args:
        anew: build even then, because rows went that no transaction of the source took away.

    Raises:
        BuildFailed: a model or a test failed. Nothing that a reader or a receiver sees has changed.
    """
    with timed("build") as report, databases.warehouse() as connection:
        digest, known_up_to = project_sha256(), _known_up_to(connection)
        last = connection.execute(
            "select build_id, as_at, known_up_to::text, project_sha256, mart_rows from ledger.builds"
            " where state = 'published' order by build_id desc limit 1"
        ).fetchone()
        if last and not anew and (last[1], last[2], last[3]) == (today, known_up_to, digest):
            report.rows_out = last[4]
            report.notes.append(f"nothing has changed since build {last[0]}")
            return BuildReport(last[0], False, report)
        row = connection.execute(
            "insert into ledger.builds (as_at, known_up_to, project_sha256) values (%s, %s::text::xid8, %s)"
            " returning build_id",
            (today, known_up_to, digest),
        ).fetchone()
        assert row is not None
        build_id = int(row[0])
        progress.say("starting dbt")
        try:
            drop_leftovers(connection)
            variables = json.dumps({"schema_prefix": PREFIX, "as_at": today.isoformat()})
            result = run_dbt(databases, ["build", "--vars", variables], progress)
            if result.failed:
                raise _failure(result)
            publish(connection, {schema for schema in result.schemas if schema.startswith(PREFIX)})
        except BaseException as error:
            failed = list(result.failed) if isinstance(error, BuildFailed) and "result" in locals() else []
            connection.execute(
                "update ledger.builds set state = 'failed', ended_at = clock_timestamp(), failed = %s"
                " where build_id = %s",
                (failed, build_id),
            )
            raise
        marts = sum(rows for name, rows in result.rows.items() if name.startswith(f"{PREFIX}marts."))
        connection.execute(
            "update ledger.builds set state = 'published', ended_at = clock_timestamp(), nodes = %s, mart_rows = %s"
            " where build_id = %s",
            (result.nodes, marts, build_id),
        )
        report.rows_out, report.rejected = marts, 0
        report.where = ["schema marts"]
        report.notes.append(f"build {build_id}: {result.nodes} models and tests")
        if result.warned:
            found = sum(result.warned.values())
            report.notes.append(f"{len(result.warned)} data-quality warnings on {found:,} rows")
    return BuildReport(build_id, True, report)


def project_sha256(project: Path = PROJECT) -> str:
    """A digest of everything that decides what dbt builds."""
    digest = hashlib.sha256()
    for part in _PROJECT_PARTS:
        top = project / part
        files = [top] if top.is_file() else sorted(top.rglob("*"))
        for file in files:
            if file.suffix in (".sql", ".yml", ".csv", ".md"):
                digest.update(str(file.relative_to(project)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _known_up_to(connection: psycopg.Connection) -> str | None:
    """The last transaction; xid8 orders as a number, and its text would not ("913" after "1269")."""
    row = connection.execute("select t.xid::text from ledger.transactions as t order by t.xid desc limit 1").fetchone()
    return str(row[0]) if row else None


def _failure(result: DbtResult) -> BuildFailed:
    names = list(result.failed)
    first = f"{names[0]} ({result.failed[names[0]]})"
    others = f" and {len(names) - 1} more: {', '.join(names[1:5])}" if len(names) > 1 else ""
    return BuildFailed(
        f"The build failed at {first}{others}.",
        meaning="It was built aside: readers and receivers see the last good build, and nothing was delivered.",
        next_command=f"Look into it with `.venv/bin/dbt build --select +{names[0]}`, then run again.",
    )
