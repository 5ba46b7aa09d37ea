"""Vintages: the whole project built as the warehouse knew it at a moment, under schemas of its own.

Nothing that readers see of the published build is touched. A vintage is kept until somebody drops it; an erasure drops
those that hold the person (docs/adr/0045-vintages.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from warehouse.core import ours, roles
from warehouse.core.databases import Databases
from warehouse.core.errors import BeforeHistory, BuildFailed, VintageRefused
from warehouse.core.progress import Progress, StageReport, timed
from warehouse.core.roles import applying
from warehouse.marts import candidate, dbt, failures, inputs
from warehouse.marts.nodes import Node

CURRENT: Final = "current"
"""What the published build is called where a vintage can be named."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_TAKEN = (CURRENT, "pg", "trw", "information_schema", "public")

_BEGINS = """
select min(t.committed_at) from ledger.transactions as t where t.kind = 'copy'
"""
_VERSIONED = """
select c.relname from pg_class as c where c.relnamespace = to_regnamespace('versions') and c.relkind = 'v' order by 1
"""
_OF_THE_ERASED = """
select distinct b.vintage
from ledger.erased_places as p
join ledger.erasures as e on e.erasure_id = p.erasure_id and e.state = 'running'
join pg_class as c on c.oid = p.relation
join pg_namespace as n on n.oid = c.relnamespace
join ledger.made_here as m on m.kind = 'vintage' and m.object_oid = n.oid
join ledger.builds as b
    on b.vintage is not null and b.state <> 'dropped' and b.made ? (n.nspname || '.' || c.relname)
order by 1
"""
_DROPPED_SINCE = """
select table_name from ledger.dropped_history where ended_before > %s group by 1 order by 1
"""
# The first one that was known then ends the search.
_WAS_EMPTY = """
select exists (select from versions.{table}) and not exists (select from versions.{table} where known_from <= %s)
"""
_KNOWN_UP_TO = """
select t.xid::text from ledger.transactions as t where t.committed_at <= %s order by t.xid desc limit 1
"""
_OF_BUILD = """
select known_at, as_at from ledger.builds where build_id = %s and vintage is null and known_at is not null
"""
_BEGIN = """
insert into ledger.builds (as_at, known_up_to, project_sha256, vintage, known_at)
values (%s, %s::text::xid8, %s, %s, %s)
returning build_id
"""
_MADE = "update ledger.builds set made = %s where build_id = %s"
_KEPT = """
update ledger.builds
set state = 'kept', ended_at = clock_timestamp(), nodes = %s, mart_rows = %s
where build_id = %s
"""
_DROPPED = "update ledger.builds set state = 'dropped' where build_id = %s"
_VINTAGES = """
select
    b.build_id, b.vintage as name, b.state, b.as_at, b.known_at, b.known_up_to::text::bigint as known_up_to,
    b.started_at, b.ended_at, b.project_sha256, b.nodes, b.mart_rows, coalesce(b.failed, '{}') as failed, b.made,
    (
        select count(*) from ledger.gaps as g
        where g.found_at <= b.known_at and (g.repaired_at is null or g.repaired_at > b.known_at)
    ) as open_gaps
from ledger.builds as b
where b.vintage is not null and b.state <> 'dropped' and (%(name)s::text is null or b.vintage = %(name)s)
order by b.known_at, b.vintage
"""


@dataclass(frozen=True)
class Vintage:
    """A vintage as the ledger has it.

    Attributes:
        known_at: every row is as the warehouse knew it at this moment.
        known_up_to: the last transaction that was committed at the source by then.
        open_gaps: gaps of the stream that had been found by then and were not repaired.
        made: its tables and views ("schema.name"), each with the columns that tell its rows apart.
    """

    build_id: int
    name: str
    state: str
    as_at: date
    known_at: datetime
    known_up_to: int | None
    started_at: datetime
    ended_at: datetime | None
    project_sha256: str
    nodes: int | None
    mart_rows: int | None
    failed: Sequence[str]
    made: dict[str, list[str]]
    open_gaps: int

    @property
    def prefix(self) -> str:
        return prefix_of(self.name)

    @property
    def schemas(self) -> list[str]:
        return sorted({place.split(".", maxsplit=1)[0] for place in self.made})

    def as_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "name": self.name,
            "state": self.state,
            "as_at": self.as_at.isoformat(),
            "known_at": self.known_at.isoformat(),
            "known_up_to": self.known_up_to,
            "open_gaps": self.open_gaps,
            "built_at": self.started_at.isoformat(),
            "mart_rows": self.mart_rows,
            "failed": list(self.failed),
            "schemas": self.schemas,
        }


@dataclass(frozen=True)
class VintageReport:
    """What was built.

    Attributes:
        later: replicated tables of which the warehouse knew nothing yet at the moment.
    """

    vintage: Vintage
    stage: StageReport
    later: list[str] = field(default_factory=list)


def prefix_of(name: str) -> str:
    """What goes before the name of each schema."""
    return f"{name}_"


def build_vintage(
    databases: Databases, name: str, known_at: datetime, as_at: date, progress: Progress
) -> VintageReport:
    """Build every model as known at a moment, and as at a day, under schemas of its own.

    Raises:
        VintageRefused: there is one of that name, or it cannot be a name.
        BeforeHistory: nothing was known at the moment, or not all of it is kept, or it has not come yet.
        BuildFailed: a model or a test failed. What was made is kept for inspection until the vintage is dropped.
        ObjectInTheWay: somebody else has a schema of such a name.
    """
    _check_name(name)
    with timed("build") as report, databases.warehouse() as connection:
        roles.refuse(roles.breaches(connection, databases.settings))
        _check_free(connection, name)
        later = check_moment(connection, known_at)
        with in_the_ledger(connection, name, known_at, as_at) as build_id:
            progress.say("starting dbt")
            with dbt.session(databases, connection):
                result = _build(databases, connection, build_id, name, known_at, as_at, progress)
            applying.give(connection, applying.made(connection, databases.settings), databases.settings)
        marts = sum(rows for place, rows in result.rows.items() if place.startswith(f"{prefix_of(name)}marts."))
        connection.execute(_KEPT, (result.count, marts, build_id))
        report.rows_out, report.rejected = marts, 0
        report.where = [f"schemas {prefix_of(name)}…"]
        report.notes.append(f"vintage {name}: {result.count} models and tests")
        return VintageReport(find(connection, name), report, later)


def of_build(connection: psycopg.Connection, build_id: int) -> tuple[datetime, date]:
    """The moment up to which an earlier build knew, and its business date.

    Raises:
        VintageRefused: there is no build of that number, or it is not known what it knew.
    """
    found = connection.execute(_OF_BUILD, (build_id,)).fetchone()
    if not found:
        raise VintageRefused(
            f"The warehouse does not know what a build {build_id} knew.",
            meaning="There was none, it was a vintage itself, or it failed before it began. Nothing was built.",
            next_command='warehouse sql "select build_id, as_at, known_at from ledger.builds where vintage is null"',
        )
    return found


def listed(connection: psycopg.Connection) -> list[Vintage]:
    """Every vintage that is there, by its moment."""
    return _read(connection, None)


def find(connection: psycopg.Connection, name: str) -> Vintage:
    """One vintage.

    Raises:
        VintageRefused: there is none of that name.
    """
    found = _read(connection, name)
    if not found:
        there = ours.some(one.name for one in listed(connection))
        raise VintageRefused(
            f"There is no vintage {name!r}.",
            meaning=f"There are: {there}." if there else "There is none yet.",
            next_command="`warehouse build list` lists them.",
        )
    return found[0]


def drop(connection: psycopg.Connection, name: str) -> Vintage:
    """Drop a vintage with everything in it; returns what it was.

    Raises:
        VintageRefused: there is none of that name.
        ObjectInTheWay: something of somebody else is in it, or hangs on it.
    """
    vintage = find(connection, name)
    with connection.transaction():
        candidate.drop_vintage(connection, name, vintage.schemas)
        connection.execute(_DROPPED, (vintage.build_id,))
    return vintage


def drop_erased(connection: psycopg.Connection) -> list[str]:
    """Drop the vintages that hold somebody whose erasure is under way; returns their names."""
    names = [row[0] for row in connection.execute(_OF_THE_ERASED).fetchall()]
    for name in names:
        drop(connection, name)
    return names


def drop_every(connection: psycopg.Connection) -> list[str]:
    """Drop all vintages: they hold values that may not be kept any more."""
    return [drop(connection, one.name).name for one in listed(connection)]


def _read(connection: psycopg.Connection, name: str | None) -> list[Vintage]:
    with connection.cursor(row_factory=class_row(Vintage)) as cursor:
        return cursor.execute(_VINTAGES, {"name": name}).fetchall()


def _check_name(name: str) -> None:
    if not _NAME.match(name) or name in _TAKEN or name.startswith(("pg_", "trw_")) or name in ours.SCHEMAS:
        raise VintageRefused(
            f"{name!r} cannot be the name of a vintage.",
            meaning="Nothing was built.",
            next_command="Give a name of lower-case letters, digits and underscores, 40 at most, that begins with a "
            "letter and not with pg_ or trw_, such as vintage_2026_09.",
        )


def _check_free(connection: psycopg.Connection, name: str) -> None:
    found = _read(connection, name)
    if found:
        state = "" if found[0].state == "kept" else f", which {_STATES[found[0].state]}"
        raise VintageRefused(
            f"There is a vintage {name} already{state}: as known at {found[0].known_at.isoformat()}.",
            meaning="It was left as it is, and nothing was built.",
            next_command=f"Give another name; or drop that one first: warehouse build drop {name}",
        )


_STATES: Final = {"failed": "did not come to its end", "building": "is being built"}


def check_moment(connection: psycopg.Connection, known_at: datetime) -> list[str]:
    """The replicated tables of which nothing was known yet at a moment.

    Raises:
        BeforeHistory: nothing was known at all, or not all of it is kept, or the moment has not come yet.
    """
    (now,) = connection.execute("select clock_timestamp()").fetchone() or (None,)
    if now is not None and known_at > now:
        raise BeforeHistory(
            f"{known_at.isoformat()} has not come yet.",
            meaning="What will be known then cannot be built. Nothing was built.",
            next_command="Give a moment that is over; `warehouse build` without one builds what is known now.",
        )
    (begins,) = connection.execute(_BEGINS).fetchone() or (None,)
    if begins is None or known_at < begins:
        since = f"history begins with the first copy, at {begins.isoformat()}" if begins else "there is no history yet"
        raise BeforeHistory(
            f"At {known_at.isoformat()} the warehouse knew nothing: {since}.",
            meaning="A build as known at that moment would be empty, so nothing was built.",
            next_command="Give a later moment. What was true on an earlier day is another question: --as-at.",
        )
    dropped = [row[0] for row in connection.execute(_DROPPED_SINCE, (known_at,)).fetchall()]
    if dropped:
        raise BeforeHistory(
            f"Of {ours.some(dropped)} the retention rule has dropped versions that were known at "
            f"{known_at.isoformat()}.",
            meaning="A build as known at that moment would lack rows, so nothing was built.",
            next_command="`warehouse replicate retention` shows what was dropped. Give a later moment.",
        )
    tables = [row[0] for row in connection.execute(_VERSIONED).fetchall()]
    asked = {table: sql.SQL(_WAS_EMPTY).format(table=sql.Identifier(table)) for table in tables}
    return [table for table, query in asked.items() if connection.execute(query, (known_at,)).fetchone() == (True,)]


def _build(
    databases: Databases,
    connection: psycopg.Connection,
    build_id: int,
    name: str,
    known_at: datetime,
    as_at: date,
    progress: Progress,
) -> dbt.DbtResult:
    project = dbt.Dbt(databases, as_at, progress, prefix=prefix_of(name), known_at=known_at)
    project.parse()
    nodes = project.nodes
    connection.execute(_MADE, (json.dumps({_place(node): list(node.grain) for node in nodes}), build_id))
    candidate.make(connection, {node.candidate for node in nodes}, "vintage")
    result = project.build()
    if result.failed:
        test, reason = next(iter(result.failed.items()))
        failure = BuildFailed(
            f"The vintage {name} failed at {test} ({reason}).",
            meaning="Readers and receivers see the last good build, which was not touched.",
            next_command=f"Look at the schemas {prefix_of(name)}…; `warehouse build drop {name}` drops them.",
        )
        failure.failed = tuple(result.failed)
        raise failure
    return result


def _place(node: Node) -> str:
    return f"{node.candidate}.{node.name}"


@contextmanager
def in_the_ledger(connection: psycopg.Connection, name: str, known_at: datetime, as_at: date) -> Iterator[int]:
    """A row of the ledger for a vintage that is being built; one that does not get to its end is failed."""
    known_up_to = (connection.execute(_KNOWN_UP_TO, (known_at,)).fetchone() or (None,))[0]
    row = connection.execute(_BEGIN, (as_at, known_up_to, inputs.project_sha256(), name, known_at)).fetchone()
    assert row is not None
    build_id = int(row[0])
    with failures.noted(connection, build_id):
        yield build_id
