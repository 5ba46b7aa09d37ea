"""Whether what readers see is the last build, as it was made, and of the data as they are now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import psycopg

from warehouse.core import builds, ours
from warehouse.core.errors import BuildFailed
from warehouse.core.finding import Finding, failed, from_error, ok, warning
from warehouse.marts import failures, findings, inputs, vintages
from warehouse.marts.failures import FailedBuild
from warehouse.marts.vintages import Vintage

CODE, VINTAGE = "build", "vintage"

_MEANS = {
    "project": "the project's files (models, seeds, macros, tests)",
    "dbt": "dbt's version",
    "as_at": "the business date",
    "server": "the server's version",
    "rows": "rows of the replica or its history",
}
_LEDGER = "select to_regclass('ledger.build_errors') is not null"
_LAST = """
select build_id, state, started_at at time zone 'Europe/London'
from ledger.builds
where vintage is null
order by build_id desc
limit 1
"""
_INPUTS = "select inputs from ledger.builds where build_id = %s"


def examine(connection: psycopg.Connection, today: Callable[[], date]) -> list[Finding]:
    """What there is to say of the builds, the gravest first. The business date is only asked for when there is one."""
    row = connection.execute(_LEDGER).fetchone()
    last = connection.execute(_LAST).fetchone() if row and row[0] else None
    if last is None:
        return [warning(CODE, "there is no build yet, or the ledger is of an earlier version", "warehouse run")]
    build = builds.published(connection)
    number, state, started_at = last
    called = f"build {number} of {started_at:%d %B %H:%M}"
    told = []
    if (failure := failures.last(connection)) is not None:
        told.append(_of_failed(called, failure, build))
    if state == "building":
        told.append(warning(CODE, f"{called} is in progress, or was killed", "warehouse run"))
    told += [_of_vintage(one) for one in vintages.listed(connection) if one.state == "failed"]
    return [*told, *(_of_published(connection, build, today()) if build else [])]


def _of_failed(called: str, failure: FailedBuild, build: builds.PublishedBuild | None) -> Finding:
    names = f" ({ours.some(failure.failed)})" if failure.failed else ""
    seen = f"readers see build {build.build_id}" if build else "readers see nothing"
    return failed(CODE, f"{called} failed{names}; {seen}.", failure.next_command, BuildFailed, meaning=failure.meaning)


def _of_vintage(one: Vintage) -> Finding:
    """What it made is kept, too, and its name is taken until it is dropped."""
    names = f" ({ours.some(one.failed)})" if one.failed else ""
    return warning(
        VINTAGE, f"the vintage {one.name} failed{names}; what it made is kept", f"warehouse build drop {one.name}"
    )


def _of_published(connection: psycopg.Connection, build: builds.PublishedBuild, today: date) -> list[Finding]:
    told = []
    altered = builds.alterations(connection, build) if build.relations else []
    if altered:
        told.append(from_error(CODE, builds.altered(build, altered)))
    before = (connection.execute(_INPUTS, (build.build_id,)).fetchone() or ({},))[0]
    changed = [_MEANS[name] for name, digest in inputs.read(connection, today).items() if before.get(name) != digest]
    if changed:
        told.append(
            warning(
                CODE,
                f"build {build.build_id}, as at {build.as_at:%d %B %Y}, is older than what it is made from: changed "
                f"since are {', '.join(changed)}",
                "warehouse run",
            )
        )
    found = findings.of(connection, build.build_id)
    told += [
        # All of them are in the answer to one command.
        warning(CODE, f"build {build.build_id} found {one}", "warehouse quality" if one is found[-1] else None)
        for one in found
    ]
    if not altered and not changed:
        told.append(ok(CODE, f"build {build.build_id}, as at {build.as_at:%d %B %Y}, is what readers see"))
    return told
