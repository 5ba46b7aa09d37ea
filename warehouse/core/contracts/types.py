"""The types that a column of an extract can have, and which type can hold which without loss."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

LARGEST_PRECISION = 38
"""Of a decimal in Parquet and in BigQuery's NUMERIC family, in digits."""


class Kind(StrEnum):
    """What a value is, whatever its width."""

    STRING = "string"
    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    TIMESTAMP_WITH_ZONE = "timestamp with time zone"


LOGICAL_TYPES = {
    Kind.STRING: "string",
    Kind.INTEGER: "integer",
    Kind.DECIMAL: "number",
    Kind.FLOAT: "number",
    Kind.BOOLEAN: "boolean",
    Kind.DATE: "date",
    Kind.TIMESTAMP: "timestamp",
    Kind.TIMESTAMP_WITH_ZONE: "timestamp",
}
"""How the contract standard calls each kind."""


@dataclass(frozen=True)
class ColumnType:
    """A PostgreSQL type, as far as a file needs it.

    Attributes:
        kind: what a value is.
        size: bits of an integer or a float, characters of a string, digits of a decimal; None where there is no bound.
        scale: digits after the point of a decimal.
    """

    kind: Kind
    size: int | None = None
    scale: int = 0


_FIXED = {
    "text": ColumnType(Kind.STRING),
    "string": ColumnType(Kind.STRING),
    "uuid": ColumnType(Kind.STRING, 36),
    "smallint": ColumnType(Kind.INTEGER, 16),
    "int2": ColumnType(Kind.INTEGER, 16),
    "integer": ColumnType(Kind.INTEGER, 32),
    "int": ColumnType(Kind.INTEGER, 32),
    "int4": ColumnType(Kind.INTEGER, 32),
    "bigint": ColumnType(Kind.INTEGER, 64),
    "int8": ColumnType(Kind.INTEGER, 64),
    "real": ColumnType(Kind.FLOAT, 32),
    "float4": ColumnType(Kind.FLOAT, 32),
    "double precision": ColumnType(Kind.FLOAT, 64),
    "float8": ColumnType(Kind.FLOAT, 64),
    "boolean": ColumnType(Kind.BOOLEAN),
    "bool": ColumnType(Kind.BOOLEAN),
    "date": ColumnType(Kind.DATE),
    "timestamp": ColumnType(Kind.TIMESTAMP),
    "timestamp without time zone": ColumnType(Kind.TIMESTAMP),
    "timestamptz": ColumnType(Kind.TIMESTAMP_WITH_ZONE),
    "timestamp with time zone": ColumnType(Kind.TIMESTAMP_WITH_ZONE),
}
_SIZED_STRING = re.compile(r"^(?:character varying|varchar|character|char|bpchar)(?:\((\d+)\))?$")
_DECIMAL = re.compile(r"^(?:numeric|decimal)(?:\((\d+)(?:,\s*(\d+))?\))?$")
_DIGITS = {16: 5, 32: 10, 64: 19}


def parse_type(text: str) -> ColumnType | None:
    """A type from its PostgreSQL name; None for one that no file of ours can carry (arrays, json, intervals ...)."""
    name = " ".join(text.lower().split())
    if name in _FIXED:
        return _FIXED[name]
    if match := _SIZED_STRING.match(name):
        unbounded = name in ("character varying", "varchar", "bpchar")
        return ColumnType(Kind.STRING, int(match[1]) if match[1] else None if unbounded else 1)
    if match := _DECIMAL.match(name):
        return ColumnType(Kind.DECIMAL, int(match[1]) if match[1] else None, int(match[2] or 0))
    # Timestamps with a precision of their own have at most the microseconds that we write.
    if match := re.match(r"^timestamp\(\d\) (with|without) time zone$", name):
        return ColumnType(Kind.TIMESTAMP_WITH_ZONE if match[1] == "with" else Kind.TIMESTAMP)
    return None


def why_it_cannot_hold(contract: ColumnType, model: ColumnType) -> str | None:
    """Why a column of the contract's type could lose something of a model's column; None when it cannot.

    A text of no stated length fits every string: its length is a rule for the file.
    """
    fits = False
    if contract.kind is Kind.STRING:
        sizes = (model.size, contract.size)
        fits = model.kind is Kind.STRING and (None in sizes or (model.size or 0) <= (contract.size or 0))
    elif contract.kind is Kind.INTEGER:
        fits = model.kind is Kind.INTEGER and (model.size or 64) <= (contract.size or 0)
    elif contract.kind is Kind.DECIMAL:
        whole = (contract.size or 0) - contract.scale
        if model.kind is Kind.INTEGER:
            fits = _DIGITS[model.size or 64] <= whole
        elif model.kind is Kind.DECIMAL:
            if model.size is None:
                return "the model's numeric has no precision, so its values may have more digits"
            fits = model.scale <= contract.scale and model.size - model.scale <= whole
    elif contract.kind is Kind.FLOAT:
        fits = model.kind is Kind.FLOAT and (model.size or 64) <= (contract.size or 0)
    else:
        fits = model.kind is contract.kind
    return None if fits else "it cannot hold every value of the model's type"
