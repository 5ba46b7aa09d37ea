"""How commands get at the databases: the one place that starts the embedded ones, migrates the ledger and connects.

A command takes the first of these that has what it needs, so that none of the three steps is forgotten:

    opened()         both databases, with classification and epoch: what works on the replica
    at_warehouse()   the warehouse alone: also works while the source is down
    ready()          no connection: what connects as often as it needs to
    as_it_is()       one of the two as it is now, nothing migrated: what only reads
    started()        no connection and nothing migrated: what reports how things are
    if_it_answers()  the warehouse where it runs already: what can do without
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Literal

import psycopg

from warehouse.core import ours, roles
from warehouse.core.databases import Databases
from warehouse.core.errors import DatabaseUnreachable, SetupError
from warehouse.core.progress import Progress
from warehouse.core.settings import load
from warehouse.replicate import door
from warehouse.replicate.link import Ends


def started(on_start: Callable[[list[str]], None] = lambda _: None) -> Databases:
    """The databases of the settings, with the embedded ones running.

    Args:
        on_start: called with the names of those that had to be started.
    """
    databases = Databases(load())
    if names := databases.start():
        on_start(names)
    return databases


def ready(on_start: Callable[[list[str]], None] = lambda _: None) -> Databases:
    """The same, with the ledger up to date."""
    databases = started(on_start)
    with databases.warehouse() as warehouse:
        databases.migrate(warehouse)
    return databases


def give_roles(databases: Databases) -> None:
    """On an embedded warehouse with a ledger, make the roles and give them their rights."""
    if databases.warehouse_is_embedded:
        with databases.warehouse() as warehouse:
            if ours.identify(warehouse).has_ledger:
                databases.migrate(warehouse)
                roles.apply(warehouse, databases.settings)


@contextmanager
def at_warehouse() -> Iterator[tuple[Databases, psycopg.Connection]]:
    """The warehouse, with its ledger up to date."""
    databases = started()
    with databases.warehouse() as warehouse:
        databases.migrate(warehouse)
        yield databases, warehouse


@contextmanager
def as_it_is(
    side: Literal["source", "warehouse"], check: Callable[[Databases], None] | None = None
) -> Iterator[tuple[Databases, psycopg.Connection]]:
    """One of the two databases, for a command that migrates nothing in it.

    Args:
        check: raises where it is not to be connected to.
    """
    databases = Databases(load())
    # Whoever asks one database on a server need not know of the other.
    if databases.source_is_embedded if side == "source" else databases.warehouse_is_embedded:
        databases.start()
    if check:
        check(databases)
    with databases.source() if side == "source" else databases.warehouse() as connection:
        yield databases, connection


@contextmanager
def if_it_answers() -> Iterator[psycopg.Connection | None]:
    """The warehouse as it is now, where it runs already and answers; otherwise None. Starts and changes nothing."""
    databases = Databases(load())
    try:
        stands = databases.warehouse_is_embedded and databases.cluster("warehouse").server_pid() is None
        connection = None if stands else databases.warehouse()
    except (DatabaseUnreachable, SetupError):
        connection = None
    with connection or nullcontext():
        yield connection


@contextmanager
def opened(progress: Progress | None = None, *, exclusive: bool = False) -> Iterator[Ends]:
    """Both databases, with the ledger up to date.

    Args:
        exclusive: for a command that alters what is ours; see door.alone().

    Raises:
        DatabaseUnreachable: one of the two is.
        ClassificationError: replication/ cannot be read.
        AlreadyRunning: another command is at work, and this one has to be alone.
    """
    with door.opened(Databases(load()), progress, exclusive=exclusive) as ends:
        yield ends
