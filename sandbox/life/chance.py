"""Repeatable chance: every choice follows from the world's seed, the day and the happening, never from the clock."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from random import Random
from typing import TypeVar
from uuid import UUID

T = TypeVar("T")

NINO_REFUSED = frozenset({"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})


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


_NINO = re.compile(r"[A-CEGHJ-PQR-TW-Z][A-CEGHJ-NPQR-TW-Z]\d{6}[A-DFMU]|\d{2}[A-Z]\d{5}")


def normal_nino(text: str | None) -> str | None:
    """A National Insurance number, or a temporary one, as it is kept; nothing when it is not well formed."""
    kept = re.sub(r"[\s-]", "", text or "").upper()
    return kept if _NINO.fullmatch(kept) and kept[:2] not in NINO_REFUSED else None
