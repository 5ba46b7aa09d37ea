"""The shape of a kind of happening: how often, when, to whom, and what is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal
from uuid import UUID

from sandbox.life.pool import Pool
from sandbox.life.scene import Scene

# January to December.
Season = tuple[float, float, float, float, float, float, float, float, float, float, float, float]

EVEN: Season = (1.0,) * 12
SCHOOL_YEAR_START: Season = (0.5, 0.5, 0.5, 0.4, 0.4, 0.4, 0.3, 0.5, 3.0, 3.0, 1.0, 0.5)
SUMMER_AWARDS: Season = (0.2, 0.2, 0.2, 0.2, 0.4, 1.5, 8.0, 3.0, 1.0, 0.4, 0.2, 0.2)
REQUESTS: Season = (0.9, 0.8, 0.8, 0.7, 0.8, 0.9, 0.9, 1.0, 1.8, 1.6, 1.1, 0.7)


@dataclass(frozen=True)
class Subject:
    """What a happening befalls: the key of a row, and the person it belongs to."""

    key: str
    person: UUID | None = None

    @property
    def id(self) -> UUID:
        """The key of a table whose keys are identifiers."""
        return UUID(self.key)


# What was planned in the morning may be out of date by the afternoon: then it raises CalledOffError or returns False.
Play = Callable[[Scene, Subject], bool | None]


@dataclass(frozen=True)
class Kind:
    """A kind of happening.

    `rate` is how often it happens on a working day to 20,000 people. However small the world, it happens once a month
    at least, on a day that the calendar fixes: `part` says in which part of the month, so that what is begun early can
    be finished late.
    """

    name: str
    play: Play
    rate: float
    pool: Pool | None = None
    season: Season = EVEN
    weekend: float = 0.0
    hours: tuple[float, float] = (8.0, 18.0)
    part: Literal["any", "early", "late"] = "any"


@dataclass(frozen=True)
class Job:
    """Work that the calendar decides: on the days that `falls_on` names, in steps at the given hours.

    A step is a key for `play` with the hour of its beginning, or with nothing to begin when the one before has ended.
    """

    name: str
    play: Play
    falls_on: Callable[[date], bool]
    steps: Sequence[tuple[str, float]] = field(default=(("", 2.0),))
