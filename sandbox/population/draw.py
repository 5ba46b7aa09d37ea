"""Random draws, a column at a time, each from a stream of its own."""

import zlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from sandbox.domain.tables import weights as weights_of
from sandbox.population.arrays import Days, Ints, Mask, Moments
from sandbox.population.series import fixed_width

_HEX: Final = np.array([list(f"{i:04x}".encode()) for i in range(65536)], np.uint8)


def stream(seed: int, topic: str, chunk: int = 0) -> np.random.Generator:
    """An independent random stream for one topic of one chunk: what one draws never moves another's numbers."""
    key = (zlib.crc32(topic.encode()), chunk)
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=key)))


def uuids(rng: np.random.Generator, count: int) -> pl.Series:
    """`count` version-4 identifiers as text."""
    pairs = rng.integers(0, 65536, (count, 8), dtype=np.uint16)
    pairs[:, 3] = (pairs[:, 3] & 0x0FFF) | 0x4000
    pairs[:, 4] = (pairs[:, 4] & 0x3FFF) | 0x8000
    digits = _HEX[pairs].reshape(count, 32)
    text = np.full((count, 36), ord("-"), np.uint8)
    for start, stop, shift in ((0, 8, 0), (8, 12, 1), (12, 16, 2), (16, 20, 3), (20, 32, 4)):
        text[:, start + shift : stop + shift] = digits[:, start:stop]
    return fixed_width(text)


def chance(rng: np.random.Generator, count: int, share: float | npt.NDArray[np.float64]) -> Mask:
    """True with probability `share` (one number, or one per row)."""
    return rng.random(count) < share


def weighted(rng: np.random.Generator, count: int, weights: Sequence[float] | npt.NDArray[np.float64]) -> Ints:
    """Positions into `weights`, drawn in proportion to them."""
    cumulative = np.cumsum(np.asarray(weights, np.float64))
    drawn: Ints = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right").astype(np.int64)
    return drawn


def one_of(
    rng: np.random.Generator, count: int, values: Sequence[Any], weights: Sequence[float] | None = None
) -> pl.Series:
    """A column of random members of `values`."""
    positions = weighted(rng, count, weights) if weights is not None else rng.integers(0, len(values), count)
    return pl.Series(list(values)).gather(positions)


def drawn(rng: np.random.Generator, count: int, kind: str) -> pl.Series:
    """A column of members of a list of weights (see `sandbox.domain.tables.weights`)."""
    return one_of(rng, count, list(weights_of(kind)), list(weights_of(kind).values()))


def between(rng: np.random.Generator, first: Days | np.datetime64, last: Days | np.datetime64, count: int) -> Days:
    """Random days from first to last, both included; where last is before first, it is first."""
    span = np.maximum((np.broadcast_to(last, count) - np.broadcast_to(first, count)).astype(np.int64), 0)
    days: Days = np.broadcast_to(first, count) + (rng.random(count) * (span + 1)).astype("timedelta64[D]")
    return days


def at_work(rng: np.random.Generator, days: Days) -> Moments:
    """A moment of each day between 08:00 and 18:00; a null day gives a null moment."""
    micros = rng.integers(8 * 3600 * 10**6, 18 * 3600 * 10**6, len(days))
    moments: Moments = days.astype("datetime64[us]") + micros.astype("timedelta64[us]")
    return moments
