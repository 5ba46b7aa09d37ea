"""Small column-at-a-time tools: random streams, identifiers, choices, dates. Arrays in, columns of polars out."""

import datetime
import zlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

# numpy's type stubs lose track of dates in arithmetic, so the element type is open.
Days = npt.NDArray[Any]
"""datetime64[D]; NaT is a null."""
Moments = npt.NDArray[Any]
"""datetime64[us], UTC; NaT is a null."""
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_HEX: Final = np.array([list(f"{i:04x}".encode()) for i in range(65536)], np.uint8)
DAY: Final = np.timedelta64(1, "D")
NO_DAY: Final = np.datetime64("NaT", "D")
NO_MOMENT: Final = np.datetime64("NaT", "us")


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


def fixed_width(text: npt.NDArray[np.uint8]) -> pl.Series:
    """A column of strings from an array of ASCII bytes, one row per string."""
    count, width = text.shape
    offsets = np.arange(0, width * (count + 1), width, dtype=np.int64) if count else np.zeros(1, np.int64)
    array = pa.LargeStringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(text.tobytes()))
    column = pl.from_arrow(array)
    assert isinstance(column, pl.Series)
    return column


def digits(values: npt.NDArray[np.integer[Any]], width: int) -> pl.Series:
    """Numbers as text with leading zeros, `width` characters each."""
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return fixed_width(((values.astype(np.int64)[:, None] // powers) % 10 + ord("0")).astype(np.uint8))


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


def where(mask: Mask | pl.Series, chosen: pl.Series | object, other: pl.Series | object = None) -> pl.Series:
    """A column with `chosen` where the mask is true and `other` elsewhere; each is a column, one value or null."""
    condition = mask if isinstance(mask, pl.Series) else pl.Series(mask)
    return pl.select(pl.when(condition).then(pl.lit(chosen)).otherwise(pl.lit(other))).to_series()


def text(*parts: pl.Series | str) -> pl.Series:
    """Columns and constant texts joined row by row; a null in any of them gives a null."""
    return pl.select(pl.concat_str([pl.lit(part) for part in parts])).to_series()


def numerals(values: npt.NDArray[Any]) -> pl.Series:
    """Numbers as text."""
    return pl.Series(values).cast(pl.String)


def gather(column: pl.Series, positions: Ints) -> pl.Series:
    """Members of the column by position; a negative position gives null."""
    if not len(column):
        return pl.Series([None] * len(positions), dtype=column.dtype)
    picked = column.gather(np.maximum(positions, 0))
    return where(positions >= 0, picked)


def day(text: str | datetime.date) -> np.datetime64:
    """A day as numpy knows it."""
    return np.datetime64(str(text), "D")


def moment(text: str | datetime.date) -> np.datetime64:
    """The first moment of a day."""
    return np.datetime64(str(text), "us")


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


def years_of(days: Days) -> Ints:
    """Calendar years; a null day gives a number far below zero."""
    return days.astype("datetime64[Y]").astype(np.int64) + 1970


def pg_array(column: pl.Series | pl.Expr) -> pl.Expr:
    """A list column as a Postgres array literal; members must need no quoting (identifiers, plain words)."""
    expression = column if isinstance(column, pl.Expr) else pl.lit(column)
    return pl.concat_str(pl.lit("{"), expression.list.join(","), pl.lit("}"))


def quoted_array(column: pl.Expr) -> pl.Expr:
    """A list-of-text column as a Postgres array literal, members quoted; they hold no quote or backslash themselves."""
    return (
        pl.when(column.list.len() == 0)
        .then(pl.lit("{}"))
        .otherwise(pl.concat_str(pl.lit('{"'), column.list.join('","'), pl.lit('"}')))
    )


def iso(column: str) -> pl.Expr:
    """A moment as the application writes it into JSON."""
    return pl.col(column).dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
