"""Repeatable chance: every choice follows from the world's seed, the day and the happening, never from the clock."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import TypeVar
from uuid import UUID

T = TypeVar("T")


def source(*parts: object) -> Random:
    """A source of chance that belongs to these parts alone: the same parts give the same choices in any process."""
    return Random("|".join(str(part) for part in parts))


def uuid_from(chance: Random) -> UUID:
    """The next identifier of a source."""
    return UUID(int=chance.getrandbits(128), version=4)


def count(chance: Random, expected: float) -> int:
    """How often something happens when it happens `expected` times on average (a Poisson number)."""
    if expected <= 0:
        return 0
    if expected > 40:
        return max(0, round(chance.gauss(expected, math.sqrt(expected))))
    threshold, product, happened = math.exp(-expected), chance.random(), 0
    while product > threshold:
        happened += 1
        product *= chance.random()
    return happened


def weighted(chance: Random, options: Sequence[tuple[T, float]]) -> T:
    """One of the options, by weight."""
    return chance.choices([option for option, _ in options], [weight for _, weight in options])[0]
