"""The build stage of a run: write aside, audit, publish."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

import psycopg

from warehouse.core import builds, roles
from warehouse.core.databases import Databases
from warehouse.core.errors import BuildFailed, ObjectInTheWay
from warehouse.core.keyed_hashes import hiding
from warehouse.core.lineage import kept
from warehouse.core.lineage.project import Lineage
from warehouse.core.progress import Progress, StageReport, timed
from warehouse.marts import candidate, comments, dbt, failures, findings, inputs, lineage, readers
from warehouse.marts.findings import FailedTest
from warehouse.marts.nodes import refuse_what_is_in_the_way
from warehouse.marts.publish import publish

_BEGIN = """
insert into ledger.builds (as_at, known_up_to, project_sha256, inputs)
values (%s, %s::text::xid8, %s, %s)
returning build_id
"""
_INPUTS = """
update ledger.builds as b
set inputs = %(inputs)s, known_up_to = %(xid)s::text::xid8,
    known_at = (select t.committed_at from ledger.transactions as t where t.xid = %(xid)s::text::xid8)
where b.build_id = %(build_id)s
"""
_DONE = "update ledger.builds set ended_at = clock_timestamp(), nodes = %s, mart_rows = %s where build_id = %s"
_INTERRUPTED = """
update ledger.builds set state = 'failed', ended_at = clock_timestamp(), failed = array[%s] where state = 'building'
"""
_LAST = "select build_id, state from ledger.builds where vintage is null order by build_id desc limit 1"
_MADE_FROM = "select inputs, lineage is not null from ledger.builds where build_id = %s"
_LOOK = (
    "Look at `warehouse quality` and at what was built, in the schemas {prefix}… (no reader sees "
    "them: `warehouse sql --write`); correct the rows at their source, or the model, then run again."
)


@dataclass(frozen=True)
class BuildReport:
    """What the build did.

    Attributes:
        build_id: of the build that readers see now.
        findings: what its tests warned of.
    """

    build_id: int
    built: bool
    stage: StageReport
    findings: list[FailedTest] = field(default_factory=list)


def build(databases: Databases, today: date, progress: Progress, *, anew: bool = False) -> BuildReport:
    """Build every model for the business date, unless nothing has changed since the last build.

    Args:
        anew: build even then.

    Raises:
        BuildFailed: a model or a test failed. Nothing that a reader or a receiver sees has changed.
        ObjectInTheWay: something that no build made is where one would be made or published. It was left alone.
        ClassTooLow: a column is classified lower than what it is made of. Nothing was published.
        RoleHasOtherRights, LoginHasMore: a role, a login or everybody can do more in the warehouse than is declared.
    """
    with timed("build") as report, databases.warehouse() as connection:
        roles.refuse(roles.breaches(connection, databases.settings))
        now = inputs.read(connection, today)
        published = builds.published(connection)
        reason = _why(connection, published, now)
        if published and not reason and not anew:
            report.rows_out = _mart_rows(connection, published.build_id)
            # The models are the same, their classes need not be.
            comments.write(connection, lineage.check_kept(connection, published.build_id, today), today)
            report.notes.append(f"nothing has changed since build {published.build_id}")
            return BuildReport(published.build_id, False, report, findings.of(connection, published.build_id))
        if reason.startswith("what readers see"):
            report.notes.append(reason)
        with _in_the_ledger(connection, today, now) as build_id:
            progress.say("starting dbt")
            with dbt.session(databases, connection):
                result, made, found = _build_aside(databases, connection, build_id, today, progress)
            progress.say("logging in as each role")
            report.notes += readers.tried_by_login(connection, databases.settings)
            with databases.warehouse() as reader:
                publish(connection, reader, build_id, result.nodes, progress, databases.settings)
            kept.forget_others(connection, build_id)
            comments.write(connection, made, today)
        marts = sum(rows for name, rows in result.rows.items() if name.startswith("marts."))
        connection.execute(_DONE, (result.count, marts, build_id))
        try:
            candidate.drop_all(connection)
        except ObjectInTheWay as error:
            # The build is published; the next one cannot begin before this is out of its way.
            report.notes.append(error.what)
        report.rows_out, report.rejected = marts, 0
        report.where = ["schema marts"]
        report.notes.append(f"build {build_id}: {result.count} models and tests")
        if found:
            report.notes.append(f"{len(found)} warnings on {sum(one.rows for one in found):,} rows")
    return BuildReport(build_id, True, report, found)


def _why(connection: psycopg.Connection, published: builds.PublishedBuild | None, now: dict[str, str]) -> str:
    """Why there is something to build, in a few words; empty when there is not."""
    if published is None:
        return "there is no build yet"
    last = connection.execute(_LAST).fetchone()
    if last and last[1] != "published":
        return f"build {last[0]} did not come to its end"
    row = connection.execute(_MADE_FROM, (published.build_id,)).fetchone()
    before = row[0] if row else {}
    changed = [name for name, digest in now.items() if before.get(name) != digest]
    if not row or not row[1]:
        return f"of build {published.build_id} it is not known what its columns are made of"
    if changed:
        return f"changed since build {published.build_id}: {', '.join(changed)}"
    altered = builds.alterations(connection, published)
    if altered:
        shown = "; ".join(f"{one.place} {one.what}" for one in altered[:3])
        return f"what readers see was not what build {published.build_id} made, and is built again: {shown}"
    return ""


def _mart_rows(connection: psycopg.Connection, build_id: int) -> int | None:
    row = connection.execute("select mart_rows from ledger.builds where build_id = %s", (build_id,)).fetchone()
    return row[0] if row else None


def _build_aside(
    databases: Databases, connection: psycopg.Connection, build_id: int, today: date, progress: Progress
) -> tuple[dbt.DbtResult, Lineage, list[FailedTest]]:
    """Make and test the models in the candidate schemas; returns them, what of, and what tests only warn of."""
    project = dbt.Dbt(databases, today, progress)
    project.parse()
    nodes = project.nodes
    refuse_what_is_in_the_way(connection, nodes)
    candidate.drop_all(connection)
    candidate.make(connection, {node.candidate for node in nodes})
    # As they are when dbt begins to read: what comes later is for the next build.
    now = inputs.read(connection, today)
    known = {"inputs": json.dumps(now), "xid": inputs.known_up_to(connection), "build_id": build_id}
    connection.execute(_INPUTS, known)
    result = project.build()
    found = findings.look(connection, project.manifest, result.tests, hiding(connection, databases.settings))
    findings.record(connection, build_id, found)
    if result.failed:
        raise _failure(result, found)
    findings.fill(connection, project.manifest, result.compiled, result.nodes, result.rows)
    made = lineage.check_built(connection, build_id, project.manifest, result.compiled, today)
    result.nodes = lineage.classified(made, result.nodes, today)
    return result, made, [one for one in found if one.severity == "warning"]


@contextmanager
def _in_the_ledger(connection: psycopg.Connection, today: date, now: dict[str, str]) -> Iterator[int]:
    """A row for the build; a build that does not get to its end is failed."""
    connection.execute(_INTERRUPTED, (failures.STOPPED,))
    row = connection.execute(
        _BEGIN, (today, inputs.known_up_to(connection), now["project"], json.dumps(now))
    ).fetchone()
    assert row is not None
    build_id = int(row[0])
    with failures.noted(connection, build_id):
        yield build_id


def _failure(result: dbt.DbtResult, found: list[FailedTest]) -> BuildFailed:
    names = [name for name, reason in result.failed.items() if not reason.startswith("not built")]
    names = names or list(result.failed)
    details = [one.detail for one in found if one.test == names[0] and one.severity == "failure" and one.detail]
    first = f"{names[0]} ({result.failed[names[0]]}{': ' + '; '.join(details) if details else ''})"
    others = f" and {len(names) - 1} more: {', '.join(names[1:5])}" if len(names) > 1 else ""
    failure = BuildFailed(
        f"The build failed at {first}{others}.",
        meaning="It was built aside: readers and receivers see the last good build, and nothing was delivered.",
        next_command=_LOOK.format(prefix=candidate.PREFIX),
    )
    failure.failed = tuple(names)
    return failure
