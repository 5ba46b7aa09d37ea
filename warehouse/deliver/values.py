"""What a data file says, whatever library wrote it: a hash of its rows, what no file can hold, whose rows they are.

The rows are hashed as they are handed to the library that writes them: each as PostgreSQL's COPY writes it (CSV, an
empty field for null, a quoted one for an empty text), ended by one line feed, with pseudonyms and replaced characters
in place. So the same rows give the same hash for CSV and Parquet, and for any version of the library.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

from warehouse.core.contracts import Contract, Kind
from warehouse.core.database import one
from warehouse.deliver.periods import Period
from warehouse.deliver.select import rows_of

_HAS_EPOCHS: Final = "select to_regclass('ledger.epochs') is not null"
_SOURCE: Final = "select source_system_id, source_database from ledger.epochs order by epoch_id desc limit 1"
_INFINITE: Final = (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMP_WITH_ZONE)


class Values:
    """The hash of a file's rows, while they are written."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, rows: Sequence[bytes]) -> None:
        """More rows of COPY."""
        self._digest.update(b"".join(rows))

    def as_dict(self, made_null: Mapping[str, int], source: str | None, contract: Contract) -> dict[str, Any]:
        """As the ledger keeps it; of one file of several, with its model, which is not that of the others."""
        said = {"values_sha256": self._digest.hexdigest(), "made_null": dict(made_null), "source": source}
        return said | ({"model": contract.model} if contract.table else {})


@dataclass(frozen=True)
class Counted:
    """What is counted of the rows before they are read.

    Attributes:
        made_null: how many values of each column are infinite, which no file can hold: they are written as null.
        missing: required columns in which a value is missing all the same. The gate says how many.
    """

    made_null: Mapping[str, int]
    missing: frozenset[str]


def count(connection: psycopg.Connection, contract: Contract, period: Period, schema: str) -> Counted:
    """Look at what cannot be written as it is, in one pass over the rows in a schema."""
    infinite = [column.name for column in contract.columns if column.type.kind in _INFINITE]
    # Only a Parquet file says of a field that it may not be null.
    is_parquet = contract.format.kind == "parquet"
    required = [column.name for column in contract.columns if column.required and is_parquet]
    counts = [
        *(sql.SQL("count(*) filter (where not isfinite({}))").format(sql.Identifier(n)) for n in infinite),
        *(sql.SQL("count(*) - count({})").format(sql.Identifier(name)) for name in required),
    ]
    if not counts:
        return Counted({}, frozenset())
    query = sql.SQL("select {} from {}").format(sql.SQL(", ").join(counts), rows_of(contract, period, schema))
    found = one(connection, query)
    nulled = {name: number for name, number in zip(infinite, found, strict=False) if number}
    absent = zip(required, found[len(infinite) :], strict=True)
    infinite_ones = nulled.keys() & set(required)
    return Counted(nulled, frozenset(name for name, number in absent if number) | infinite_ones)


def source_of(connection: psycopg.Connection) -> str | None:
    """Whose rows the warehouse holds: the identifier of the source's cluster, and its database; None without one."""
    if not one(connection, _HAS_EPOCHS)[0]:
        return None
    row = connection.execute(_SOURCE).fetchone()
    return f"{row[0]}/{row[1]}" if row else None
