"""Fills an operational database with a believable population: chunk by chunk, by COPY, all or nothing."""

import datetime
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

import polars as pl
import psycopg
from psycopg import sql

from sandbox.defaults import FIRST_DAY, PEOPLE, SEED
from sandbox.domain import dates
from sandbox.population import load
from sandbox.population.arrays import day
from sandbox.population.chunk import chunk_frames
from sandbox.population.cohorts import make_cohorts
from sandbox.population.columns import providers
from sandbox.population.establishments import make_establishments
from sandbox.population.once import closing_frames, opening_frames
from sandbox.population.users import make_users
from sandbox.population.world import World
from sandbox.schema import TABLES

CHUNK: Final = 50_000
"""People made at a time: the content depends on it, the memory used is bounded by it."""

Frames = Iterator[tuple[str, pl.DataFrame]]


class AlreadyPopulatedError(RuntimeError):
    """The database holds people already."""


def populate(
    conninfo: str,
    people: int = PEOPLE,
    seed: int = SEED,
    today: datetime.date = FIRST_DAY,
    progress: Callable[[str, int], None] | None = None,
) -> dict[str, int]:
    """Fill the operational schema at `conninfo` and return the number of rows of each of its tables.

    The same seed, people and today give the same content, row by row. Nothing in it happens on `today` or later. The
    schema must have been made by sandbox.schema.create and hold its seeds only. Everything runs in one transaction:
    after an error or an interruption the database is as it was. The owner of the tables may call it; no superuser
    rights are needed. `progress` is called with what was done and the number of people made so far.

    Raises ValueError for an impossible `people` or `today`, AlreadyPopulatedError if there are people already.
    """
    if people < 1:
        raise ValueError(f"people must be at least 1, not {people}.")
    if day(today) < day(dates.EARLIEST_TODAY):
        raise ValueError(
            f"today must be {day(dates.EARLIEST_TODAY)} or later, not {today}: the system it describes is newer."
        )
    with psycopg.connect(conninfo) as connection:
        if connection.execute("SELECT EXISTS (SELECT FROM persons)").fetchall()[0][0]:
            raise AlreadyPopulatedError("The database holds people already. Nothing was changed. Use a fresh one.")
        world = World(
            seed,
            people,
            today,
            make_users(seed, people, day(today)),
            providers(seed),
            make_establishments(seed, people),
        )
        aside = load.set_aside(connection)
        loader = load.Loader(connection)
        loader.empty_tables()
        for made, table, columns, data, rows in _ahead(_encoded(loader, world)):
            loader.copy(table, columns, data, rows)
            if progress and table == "persons":
                progress("people", made)
        _set_counters(connection, people)
        connection.execute(
            "INSERT INTO sandbox.world (seed, people, started_on, today) VALUES (%s, %s, %s, %s)",
            (seed, people, today, today),
        )
        if progress:
            progress("indexes", people)
        load.put_back(connection, aside)
        return dict(loader.rows)


def frames(world: World) -> Iterator[tuple[int, str, pl.DataFrame]]:
    """All frames of the world in order: people made so far, table, rows."""
    for table, frame in opening_frames(world):
        yield 0, table, frame
    cohorts = make_cohorts(world.people, world.today)
    for number, start in enumerate(range(0, world.people, CHUNK)):
        stop = min(start + CHUNK, world.people)
        for table, frame in chunk_frames(world, number, cohorts, start, stop):
            yield stop, table, frame
    for table, frame in closing_frames(world):
        yield world.people, table, frame


Encoded = tuple[int, str, list[str], bytes, int]


def _encoded(loader: load.Loader, world: World) -> Iterator[Encoded]:
    for made, table, frame in frames(world):
        if len(frame):
            columns, data = loader.encode(table, frame)
            yield made, table, columns, data, len(frame)


def _ahead(items: Iterator[Encoded], depth: int = 6) -> Iterator[Encoded]:
    """Runs the maker in a thread, a few frames ahead, so that it works while the server takes rows in."""
    line: queue.Queue[Any] = queue.Queue(depth)
    stopped = threading.Event()

    def put(item: object) -> bool:
        while not stopped.is_set():
            try:
                line.put(item, timeout=0.5)
            except queue.Full:
                continue
            return True
        return False

    def run() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(None)
        except BaseException as error:  # noqa: BLE001 - handed to the consumer, which raises it; polars raises Ctrl-C here
            put(error)

    maker = threading.Thread(target=run, name="population", daemon=True)
    maker.start()
    try:
        while (item := line.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        maker.join()


def _set_counters(connection: psycopg.Connection[Any], people: int) -> None:
    """Moves sequences and TRN ranges past what the population used."""
    left = people
    for first, last in connection.execute("SELECT from_trn, to_trn FROM trn_ranges ORDER BY from_trn").fetchall():
        used = min(left, last - first + 1)
        left -= used
        connection.execute(
            "UPDATE trn_ranges SET next_trn = %s, is_exhausted = %s WHERE from_trn = %s",
            (first + used, used == last - first + 1, first),
        )
    connection.execute(
        "SELECT setval('support_task_reference', "
        "1 + coalesce(max(substr(support_task_reference, 5)::bigint), 1000), false) FROM support_tasks"
    )
    columns = connection.execute(
        "SELECT attrelid::regclass::text, attname FROM pg_attribute "
        "WHERE attrelid = ANY(%s::regclass[]) AND attidentity <> '' AND attrelid <> 'trn_ranges'::regclass",
        (list(TABLES),),
    ).fetchall()
    for table, column in columns:
        connection.execute(
            sql.SQL("SELECT setval(pg_get_serial_sequence({}, {}), coalesce(max({}), 1)) FROM {}").format(
                sql.Literal(table), sql.Literal(column), sql.Identifier(column), sql.Identifier(table)
            )
        )
