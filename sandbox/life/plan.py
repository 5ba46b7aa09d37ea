"""The plan of one day: which happenings, to whom, at what time. Drawn from the world as it stands in the morning."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import psycopg

from sandbox.life import chance as luck
from sandbox.life.clock import World, is_working_day
from sandbox.life.kinds import Job, Kind
from sandbox.life.pool import draw

# Rates are given for this many people.
PER_PEOPLE = 20_000
# A month has at least this many days before which nothing is certain to happen: a world may begin at its start.
_SETTLING_DAYS = 3


def times(kind: Kind, world: World, day: date) -> int:
    """How often a kind of happening comes on a day."""
    weight = 1.0 if is_working_day(day) else kind.weekend
    expected = kind.rate * kind.season[day.month - 1] * weight * world.people / PER_PEOPLE
    happens = luck.count(luck.source(world.seed, day.isoformat(), kind.name, "times"), expected)
    return max(happens, 1) if day == certain_day(kind, world, day) else happens


def certain_day(kind: Kind, world: World, day: date) -> date:
    """The day of the month on which the kind happens whatever its rate."""
    last = calendar.monthrange(day.year, day.month)[1]
    days = [date(day.year, day.month, number) for number in range(1 + _SETTLING_DAYS, last + 1)]
    working = [candidate for candidate in days if is_working_day(candidate)]
    if kind.part == "early":
        working = working[: len(working) // 3]
    elif kind.part == "late":
        working = working[len(working) // 2 :]
    return luck.source(world.seed, day.year, day.month, kind.name, "certain").choice(working)


def at(day: date, hour: float) -> datetime:
    """A moment of the world's day."""
    return datetime.combine(day, time(tzinfo=UTC)) + timedelta(hours=hour)


def make(
    connection: psycopg.Connection[Any], world: World, day: date, kinds: Sequence[Kind], jobs: Sequence[Job]
) -> list[dict[str, Any]]:
    """The day's happenings in the order of their time, each as an object of JSON."""
    with connection.transaction():
        # A draw wants the next row by key that fits. A planner without fresh statistics would rather sort the table.
        connection.execute("SET LOCAL enable_seqscan = off")
        connection.execute("SET LOCAL enable_bitmapscan = off")
        connection.execute("SET LOCAL enable_sort = off")
        return _make(connection, world, day, kinds, jobs)


def _make(
    connection: psycopg.Connection[Any], world: World, day: date, kinds: Sequence[Kind], jobs: Sequence[Job]
) -> list[dict[str, Any]]:
    planned: list[dict[str, Any]] = []
    taken: set[UUID] = set()
    for kind in kinds:
        chance = luck.source(world.seed, day.isoformat(), kind.name, "plan")
        wanted = times(kind, world, day)
        subjects: list[tuple[str, str | None]]
        subjects = [("", None)] * wanted if kind.pool is None else draw(connection, kind.pool, wanted, chance, taken)
        for key, person in subjects:
            moment = at(day, chance.uniform(*kind.hours))
            planned.append({"kind": kind.name, "at": moment.isoformat(), "key": key, "person": person})
    for job in jobs:
        if job.falls_on(day):
            planned += [
                {"kind": job.name, "at": at(day, hour).isoformat(), "key": key, "person": None}
                for key, hour in job.steps
            ]
    # Sorting is stable: steps of a job at the same hour keep their order.
    return sorted(planned, key=lambda happening: str(happening["at"]))
