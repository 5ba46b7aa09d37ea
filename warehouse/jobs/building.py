"""The build as a command of its own: of what is known now, or of what was known at a moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime

import psycopg

from warehouse.core import roles
from warehouse.core.database import one
from warehouse.core.databases import Databases
from warehouse.core.errors import AlreadyRunning
from warehouse.core.locks import Lock, session_lock
from warehouse.jobs.main_job import Shown
from warehouse.marts import BuildReport, build, vintages
from warehouse.marts.vintages import Vintage, VintageReport
from warehouse.replicate.link import not_set_up

_HAS_TABLES = """
select exists (select from pg_class where relnamespace = to_regnamespace('public') and relkind in ('r', 'p'))
"""


def build_now(databases: Databases, warehouse: psycopg.Connection, progress: Shown) -> BuildReport:
    """The build stage of a run: build, test and publish what is known now, if anything has changed.

    Raises:
        AlreadyRunning: a run, a build or an erasure is in progress.
        ReplicationError: there is no replica yet that models could be built from.
        BuildFailed: see warehouse.marts.build.
    """
    _check_replica(warehouse)
    with _alone(warehouse), progress.stage("build"):
        if databases.warehouse_is_embedded:
            roles.apply(warehouse, databases.settings)
        return build(databases, databases.today(), progress)


def build_then(
    databases: Databases,
    warehouse: psycopg.Connection,
    name: str,
    known_at: datetime,
    as_at: date | None,
    progress: Shown,
) -> VintageReport:
    """Build what was known at a moment, under schemas of its own.

    Args:
        as_at: the business date; the current one when it is None.

    Raises:
        AlreadyRunning: a run, a build or an erasure is in progress.
        ReplicationError: there is no replica yet that models could be built from.
        BuildFailed: see warehouse.marts.vintages.
    """
    _check_replica(warehouse)
    with _alone(warehouse), progress.stage("build"):
        return vintages.build_vintage(databases, name, known_at, as_at or databases.today(), progress)


def drop(warehouse: psycopg.Connection, name: str) -> Vintage:
    """Drop a vintage.

    Raises:
        AlreadyRunning: a run, a build or an erasure is in progress.
        VintageRefused: there is none of that name.
    """
    with _alone(warehouse):
        return vintages.drop(warehouse, name)


def _check_replica(warehouse: psycopg.Connection) -> None:
    # Dozens of models would fail otherwise, after a minute, each because a relation is not there.
    if not one(warehouse, _HAS_TABLES)[0]:
        raise not_set_up()


@contextmanager
def _alone(warehouse: psycopg.Connection) -> Iterator[None]:
    with session_lock(warehouse, Lock.run) as held:
        if not held:
            raise AlreadyRunning(
                "A run, a build or an erasure of this warehouse is in progress.",
                meaning="Nothing was built or dropped; the other one continues.",
                next_command="Wait until it has ended, then run this again.",
            )
        yield
