"""What a rule on values has to be asked of: not each row, but each distinct value, or the least and the greatest.

Great Expectations calls a function of Python for each value of most rules, so its time is that of the values asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from warehouse.core.contracts import Contract, Kind, Rule
from warehouse.deliver.expectations import COUNT, Gate

DISTINCT_LIMIT = 40_000
"""Of one rule's columns. Most columns have far fewer; those with more are evaluated and released batch by batch."""

_NOT_NULL: Final = "expect_column_values_to_not_be_null"
_BETWEEN: Final = "expect_column_values_to_be_between"
_BOUNDS: Final = {"min_value", "max_value", "strict_min", "strict_max"}
_ORDERED: Final = (
    Kind.INTEGER,
    Kind.DECIMAL,
    Kind.FLOAT,
    Kind.DATE,
    Kind.TIMESTAMP,
    Kind.TIMESTAMP_WITH_ZONE,
)


class Ends:
    """The least and the greatest value of a column, and how many rows have none: enough for rules that hold.

    A bound that holds for both holds for all between them. Where it does not, how many rows break it is not known.

    Args:
        columns: the one.
        rules: about it, that something has to be there or lies between bounds.
    """

    def __init__(self, columns: tuple[str, ...], rules: list[Rule], gate: Gate) -> None:
        self.columns, self.rules, self._gate = columns, rules, gate
        self._is_ordered = any(rule.expectation == _BETWEEN for rule in rules)
        self._ends: pa.Array | None = None
        self._nulls, self._type = 0, pa.null()

    @staticmethod
    def decide(contract: Contract, rules: Sequence[Rule]) -> bool:
        """Whether the ends decide all of some rules about the same columns."""
        return all(
            not rule.arguments
            if rule.expectation == _NOT_NULL
            else rule.expectation == _BETWEEN
            and contract.column(rule.columns[0]).type.kind in _ORDERED
            and set(rule.arguments or {}) <= _BOUNDS
            for rule in rules
        )

    def add(self, batch: pa.RecordBatch) -> None:
        """Its rows, too."""
        values = batch.column(self.columns[0])
        self._type = values.type
        # A number that is none counts as missing, as it does for Great Expectations.
        there = values.filter(pc.invert(pc.is_null(values, nan_is_null=True)))
        self._nulls += len(values) - len(there)
        if not len(there):
            return
        if not self._is_ordered:
            # Any value will do: it is there.
            self._ends = there[:1] if self._ends is None else self._ends
            return
        if self._ends is not None:
            there = pa.concat_arrays([self._ends, there])
        found = pc.min_max(there)
        self._ends = pa.array([found["min"], found["max"]], values.type)

    def finish(self) -> list[int] | None:
        """How many rows break each rule; None where a bound is broken."""
        if self._ends is None and not self._nulls:
            return [0] * len(self.rules)
        kept = [] if self._ends is None else [self._ends]
        counts = [1] * sum(map(len, kept))
        if self._nulls:
            kept.append(pa.nulls(1, self._type))
            counts.append(self._nulls)
        asked = pa.table({self.columns[0]: pa.concat_arrays(kept), COUNT: pa.array(counts, pa.int64())})
        broken = self._gate.rows_that_break(self.rules, asked)
        pairs = zip(self.rules, broken, strict=True)
        return broken if all(not number or rule.expectation == _NOT_NULL for rule, number in pairs) else None


class Tally:
    """The distinct values of some columns so far, and the rows that were found to break the rules about them.

    Args:
        columns: that each of the rules is about.
        rules: about them.
    """

    def __init__(self, columns: tuple[str, ...], rules: list[Rule], gate: Gate) -> None:
        self.columns, self.rules, self._gate = columns, rules, gate
        self._names = list(dict.fromkeys(columns))
        self._parts: list[pa.Table] = []
        self._size = 0
        self._broken = [0] * len(rules)

    def add(self, batch: pa.RecordBatch) -> None:
        """Its rows, too."""
        counted = _counted(batch, self._names)
        self._parts.append(counted)
        self._size += counted.num_rows
        if self._size > DISTINCT_LIMIT:
            self._parts = [self._merged()]
            self._size = self._parts[0].num_rows
            if self._size > DISTINCT_LIMIT // 2:
                self._evaluate()

    def finish(self) -> list[int]:
        """How many rows break each rule."""
        self._evaluate()
        return self._broken

    def _merged(self) -> pa.Table:
        merged = pa.concat_tables(self._parts).group_by(self._names).aggregate([(COUNT, "sum")])
        return merged.rename_columns([*self._names, COUNT])

    def _evaluate(self) -> None:
        if self._parts:
            found = self._gate.rows_that_break(self.rules, self._merged())
            self._broken = [before + now for before, now in zip(self._broken, found, strict=True)]
        self._parts, self._size = [], 0


def _counted(batch: pa.RecordBatch, columns: list[str]) -> pa.Table:
    """The distinct values of some columns, and how many rows have them."""
    if len(columns) == 1:
        found = pc.value_counts(batch.column(columns[0]))
        return pa.table([found.field("values"), found.field("counts")], names=[*columns, COUNT])
    table = pa.table({name: batch.column(name) for name in columns})
    return table.group_by(columns).aggregate([([], "count_all")]).rename_columns([*columns, COUNT])
