"""Playing days: plan a day, let each happening happen in a transaction of its own, move the clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from sandbox.life import clock, far_days, plan
from sandbox.life import lookup as lookups
from sandbox.life.kinds import Subject
from sandbox.life.registry import JOBS, KINDS
from sandbox.life.scene import CalledOffError, Row, Scene
from sandbox.life.undone import UNDONE, RolledBackOnPurposeError

Progress = Callable[[date, dict[str, int]], None]

_PLAYS = {**{kind.name: kind.play for kind in KINDS}, **{job.name: job.play for job in JOBS}}
# In happenings: often enough to see that a big world moves, seldom enough not to flood a screen.
REPORT_EVERY = 250


def advance(conninfo: str, days: int, progress: Progress | None = None) -> dict[str, int]:
    """Play `days` days of working life on the operational database; says how often each kind of thing happened.

    Every happening is one transaction. A day that was interrupted (by an error, a kill or a power cut) continues
    where it stopped. `progress` gets the day and the counts so far, several times a day and at each day's end.

    Raises WorldNotReadyError if the database holds no world that can live, LifeInProgressError if someone else is
    advancing it.
    """
    if days < 0:
        raise ValueError("a world cannot live backwards: days must be 0 or more")
    counts: Counter[str] = Counter()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        # The world is synthetic and can be replaced: a commit need not wait for the disk. What a crash of the
        # server loses, it loses from the end, and the day in hand continues from there.
        connection.execute("SET synchronous_commit = off")
        clock.read(connection)
        clock.take_turn(connection)
        # Again: somebody may have moved the clock before it was our turn.
        world = clock.read(connection)
        lookup = lookups.load(connection)
        for offset in range(1, days + 1):
            _play_day(connection, world, lookup, world.today + timedelta(days=offset), counts, progress)
    return dict(counts)


def _play_day(
    connection: psycopg.Connection[Any],
    world: clock.World,
    lookup: lookups.Lookup,
    day: date,
    counts: Counter[str],
    progress: Progress | None,
) -> None:
    in_hand = clock.day_in_hand(connection, day)
    if in_hand is None:
        in_hand = clock.begin(connection, day, plan.make(connection, world, day, KINDS, JOBS))
    with far_days.open_cursor(connection) as cursor:
        for number in range(in_hand.done, len(in_hand.plan)):
            happening = in_hand.plan[number]
            _play(
                connection,
                cursor,
                Scene(cursor, world, lookup, day, _moment(happening), happening["kind"], number),
                number,
                happening,
                counts,
            )
            if progress is not None and number % REPORT_EVERY == REPORT_EVERY - 1:
                progress(day, dict(counts))
    clock.close(connection, day)
    if progress is not None:
        progress(day, dict(counts))


def _play(
    connection: psycopg.Connection[Any],
    cursor: psycopg.Cursor[Row],
    scene: Scene,
    number: int,
    happening: dict[str, Any],
    counts: Counter[str],
) -> None:
    name = happening["kind"]
    subject = Subject(happening["key"], UUID(happening["person"]) if happening["person"] else None)
    if name in UNDONE:
        with suppress(RolledBackOnPurposeError, CalledOffError), connection.transaction():
            _PLAYS[name](scene, subject)
            raise RolledBackOnPurposeError
        happened = True
        clock.mark(cursor, scene.day, number + 1)
    else:
        with connection.transaction():
            happened = _happens(scene, name, subject)
            clock.mark(cursor, scene.day, number + 1)
    if happened:
        counts[name] += 1


def _happens(scene: Scene, name: str, subject: Subject) -> bool:
    """Let it happen; says whether it still could."""
    try:
        return _PLAYS[name](scene, subject) is not False
    except CalledOffError:
        return False


def _moment(happening: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(happening["at"])
