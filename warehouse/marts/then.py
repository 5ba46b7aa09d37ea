"""One extract as known at a moment, with what it is made from and nothing else, for as long as somebody reads it.

It is a vintage whose name nobody can give: an erasure finds it as it finds the others, and what a killed command left
of it is dropped by the next one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Final

import psycopg

from warehouse.core import roles
from warehouse.core.databases import Databases
from warehouse.core.errors import BuildFailed
from warehouse.core.progress import Progress
from warehouse.marts import candidate, dbt, vintages
from warehouse.marts.vintages import Vintage

NAME: Final = "trw_then"
_NOTHING = "It was built aside and dropped. Readers and receivers see the last good build, which was not touched."


@contextmanager
def extract_then(
    databases: Databases,
    connection: psycopg.Connection,
    models: Sequence[str],
    known_at: datetime,
    as_at: date,
    progress: Progress,
    *,
    tested: bool,
) -> Iterator[Vintage]:
    """Build models and all that they are made from; dropped when the block ends, however it ends.

    Args:
        tested: also run the tests that are about these models alone.

    Raises:
        BeforeHistory: see vintages.check_moment.
        BuildFailed: a model or a test failed.
        RoleHasOtherRights, LoginHasMore: somebody could read what is made.
    """
    roles.refuse(roles.breaches(connection, databases.settings))
    _drop(connection)
    vintages.check_moment(connection, known_at)
    try:
        with vintages.in_the_ledger(connection, NAME, known_at, as_at) as build_id:
            progress.say(f"starting dbt for {', '.join(models)} as known at {known_at.isoformat(timespec='seconds')}")
            with dbt.session(databases, connection):
                _build(databases, connection, build_id, models, known_at, as_at, progress, tested)
        yield vintages.find(connection, NAME)
    finally:
        if not connection.closed and not connection.broken:
            _drop(connection)


def _build(
    databases: Databases,
    connection: psycopg.Connection,
    build_id: int,
    models: Sequence[str],
    known_at: datetime,
    as_at: date,
    progress: Progress,
    tested: bool,
) -> None:
    project = dbt.Dbt(databases, as_at, progress, prefix=vintages.prefix_of(NAME), known_at=known_at)
    project.parse()
    nodes = project.nodes_of(models)
    made = {f"{node.candidate}.{node.name}": list(node.grain) for node in nodes}
    connection.execute("update ledger.builds set made = %s where build_id = %s", (json.dumps(made), build_id))
    candidate.make(connection, {node.candidate for node in nodes}, "vintage")
    result = project.build(models, tested=tested)
    if result.failed:
        name, reason = next(iter(result.failed.items()))
        failure = BuildFailed(
            f"{', '.join(models)} as known at {known_at.isoformat(timespec='seconds')} failed at {name} ({reason}).",
            meaning=_NOTHING,
            next_command="Build all of that moment and look at it: "
            f"warehouse build --as-known-at {known_at.isoformat()} --as-at {as_at} --name looked_at",
        )
        failure.failed = tuple(result.failed)
        raise failure


def _drop(connection: psycopg.Connection) -> None:
    if any(one.name == NAME for one in vintages.listed(connection)):
        vintages.drop(connection, NAME)
