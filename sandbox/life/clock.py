"""The world's clock: one row of `sandbox.world`, moved in the last transaction of each day.

The day in hand has a row of its own in `sandbox.life_day`: what was planned for it at its start and how much of that
is done. Each happening moves that number in its own transaction, so an interrupted day continues with the next
happening and neither repeats nor skips one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

# One advance at a time: two would play the same day twice.
_LOCK = 7_210_412_026


class LifeError(RuntimeError):
    """The operational world cannot live on as it is; the message says what is missing."""


class WorldNotReadyError(LifeError):
    """There is no world, or it lacks something that daily work needs."""


class LifeInProgressError(LifeError):
    """Another session is advancing this world."""


@dataclass(frozen=True)
class World:
    """The clock and what the pace of life depends on."""

    seed: int
    people: int
    today: date


@dataclass(frozen=True)
class DayInHand:
    """A day that was planned, and how many of its happenings are done."""

    day: date
    plan: list[dict[str, Any]]
    done: int


def take_turn(connection: psycopg.Connection[Any]) -> None:
    """Keep every other advance out until this session ends, and make the tables of the days."""
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
    if row is None or not row[0]:
        raise LifeInProgressError("Another session is advancing this world. Wait for it, or end it, then try again.")
    connection.execute(
        """
        CREATE TABLE IF NOT EXISTS sandbox.life_day (
            day date PRIMARY KEY,
            plan jsonb NOT NULL,
            done integer NOT NULL
        )
        """
    )
    # What was known when a day was over can be asked of history by the server's clock alone.
    connection.execute(
        "CREATE TABLE IF NOT EXISTS sandbox.day_ended (day date PRIMARY KEY, ended_at timestamptz NOT NULL)"
    )


def read(connection: psycopg.Connection[Any]) -> World:
    """The world as it stands."""
    try:
        row = connection.execute("SELECT seed, people, today FROM sandbox.world").fetchone()
    except psycopg.errors.UndefinedTable:
        row = None
    if row is None:
        raise WorldNotReadyError("This database has no world (sandbox.world is empty or missing): populate it first.")
    return World(*row)


def day_in_hand(connection: psycopg.Connection[Any], day: date) -> DayInHand | None:
    """What is left of an interrupted day; nothing when the day has not begun."""
    row = connection.execute("SELECT plan, done FROM sandbox.life_day WHERE day = %s", (day,)).fetchone()
    return None if row is None else DayInHand(day, row[0], row[1])


def begin(connection: psycopg.Connection[Any], day: date, plan: list[dict[str, Any]]) -> DayInHand:
    """Write down the plan of a day, before anything of it happens."""
    connection.execute(
        "INSERT INTO sandbox.life_day (day, plan, done) VALUES (%s, %s, 0)", (day, Jsonb(plan, dumps=json.dumps))
    )
    return DayInHand(day, plan, 0)


def mark(cursor: psycopg.Cursor[Any], day: date, done: int) -> None:
    """Say that the first `done` happenings have happened: belongs in the transaction of the last of them."""
    cursor.execute("UPDATE sandbox.life_day SET done = %s WHERE day = %s", (done, day))


def close(connection: psycopg.Connection[Any], day: date) -> None:
    """End a day: the clock moves and the plan goes, together.

    This commit waits for the disk, and with it all before it: who asks afterwards how far the log goes gets a position
    that replicas will reach.
    """
    with connection.transaction():
        connection.execute("SET LOCAL synchronous_commit = on")
        connection.execute("UPDATE sandbox.world SET today = %s WHERE today = %s", (day, day - timedelta(days=1)))
        connection.execute("DELETE FROM sandbox.life_day WHERE day = %s", (day,))
        connection.execute(
            "INSERT INTO sandbox.day_ended VALUES (%s, clock_timestamp()) ON CONFLICT DO NOTHING", (day,)
        )


def is_working_day(day: date) -> bool:
    """Monday to Friday, apart from the bank holidays that keep their date."""
    return day.weekday() < 5 and (day.month, day.day) not in {(1, 1), (12, 25), (12, 26)}
