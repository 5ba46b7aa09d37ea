"""Columns of polars made of arrays and other columns: text, choices by a mask, members by position, array literals."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from sandbox.population.arrays import Ints, Mask


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


def numerals(values: npt.NDArray[Any]) -> pl.Series:
    """Numbers as text."""
    return pl.Series(values).cast(pl.String)


def text(*parts: pl.Series | str) -> pl.Series:
    """Columns and constant texts joined row by row; a null in any of them gives a null."""
    return pl.select(pl.concat_str([pl.lit(part) for part in parts])).to_series()


def where(mask: Mask | pl.Series, chosen: pl.Series | object, other: pl.Series | object = None) -> pl.Series:
    """A column with `chosen` where the mask is true and `other` elsewhere; each is a column, one value or null."""
    condition = mask if isinstance(mask, pl.Series) else pl.Series(mask)
    return pl.select(pl.when(condition).then(pl.lit(chosen)).otherwise(pl.lit(other))).to_series()


def gather(column: pl.Series, positions: Ints) -> pl.Series:
    """Members of the column by position; a negative position gives null."""
    if not len(column):
        return pl.Series([None] * len(positions), dtype=column.dtype)
    picked = column.gather(np.maximum(positions, 0))
    return where(positions >= 0, picked)


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


def as_json(value: object) -> str:
    """A value as JSON, its letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
