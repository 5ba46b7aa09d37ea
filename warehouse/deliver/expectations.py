"""Great Expectations, kept quiet and kept from holding more than it must.

Only this module imports the library, when the first file is checked: its import takes seconds and some 200 MB.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import pyarrow as pa

from warehouse.core.contracts import Column, Kind, Rule
from warehouse.core.errors import CheckFailed, ContractError

COUNT = "__rows"
"""The column of a frame that says how many rows of the file each of its rows represents."""

_DATES = (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMP_WITH_ZONE)
_BOUNDS = ("min_value", "max_value")


class Gate:
    """Evaluates rules on frames of distinct values.

    Args:
        columns: of the contract, by name.
    """

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self._columns = columns
        self._gx, self._batches = _library()

    def rows_that_break(self, rules: Sequence[Rule], values: pa.Table) -> list[int]:
        """How many rows of the file break each rule on values.

        Args:
            rules: on values, all about the same columns.
            values: the distinct values of these columns, and in COUNT how many rows have them.
        """
        frame, counts = self._frame(values), values[COUNT].to_numpy()
        broken = self._validate(rules, frame, "BOOLEAN_ONLY")
        numbers = [0] * len(rules)
        for position, result in enumerate(broken):
            if not result.success:
                # Only now where they are: a list of places is dear, and most rules hold.
                again = self._validate([rules[position]], frame, "COMPLETE")[0]
                places = list(again.result.get("unexpected_index_list") or [])
                numbers[position] = int(counts[places].sum())
        return numbers

    def places_that_break(self, rule: Rule, rows: pa.Table) -> list[int]:
        """Which rows of a table with a rule's columns break it, counted from 0."""
        result = self._validate([rule], _to_pandas(rows), "COMPLETE")[0]
        return sorted(int(place) for place in result.result.get("unexpected_index_list") or [])

    def rows_not_unique(self, rule: Rule, frames: Sequence[Any]) -> int:
        """How many rows of some pandas frames, taken together, share their key with another one."""
        frame = _pandas().concat(frames, ignore_index=True)
        if len(rule.columns) == 1:
            expectation, arguments = "expect_column_values_to_be_unique", {"column": rule.columns[0]}
        else:
            expectation = "expect_compound_columns_to_be_unique"
            arguments = {"column_list": list(rule.columns)}  # type: ignore[dict-item]
        result = self._run([(rule, expectation, arguments)], frame, "BASIC")[0]
        return int(result.result.get("unexpected_count") or 0)

    def _frame(self, values: pa.Table) -> Any:
        return _to_pandas(values.drop_columns([COUNT]))

    def _validate(self, rules: Sequence[Rule], frame: Any, result_format: str) -> list[Any]:
        wanted = []
        for rule in rules:
            arguments = self._typed(rule)
            if len(rule.columns) == 1:
                arguments["column"] = rule.columns[0]
            else:
                arguments["column_A"], arguments["column_B"] = rule.columns
            wanted.append((rule, rule.expectation, arguments))
        return self._run(wanted, frame, result_format)

    def _typed(self, rule: Rule) -> dict[str, Any]:
        """A rule's arguments, with bounds on dates as dates: in the contract they are text."""
        arguments = {name: value for name, value in (rule.arguments or {}).items() if value is not None}
        kind = self._columns[rule.columns[0]].type.kind
        for bound in _BOUNDS:
            if kind in _DATES and isinstance(arguments.get(bound), str):
                moment = datetime.fromisoformat(arguments[bound])
                if kind is Kind.TIMESTAMP_WITH_ZONE and moment.tzinfo is None:
                    moment = moment.replace(tzinfo=UTC)
                arguments[bound] = moment
        return arguments

    def _run(self, wanted: Sequence[tuple[Rule, str, dict[str, Any]]], frame: Any, result_format: str) -> list[Any]:
        """Validate, and give the results in the order of the rules (the library has an order of its own)."""
        from great_expectations.expectations.expectation_configuration import ExpectationConfiguration  # noqa: PLC0415

        expectations = []
        for position, (rule, name, arguments) in enumerate(wanted):
            try:
                configuration = ExpectationConfiguration(type=name, kwargs=arguments, meta={"position": position})
                expectations.append(configuration.to_domain_obj())
            except Exception as error:  # noqa: BLE001 - the library raises many kinds, some quoting what they were given
                raise ContractError(
                    f"Rule `{rule.name}` cannot be made into {name} ({type(error).__name__}).",
                    meaning="Nothing was checked and nothing was sent.",
                    next_command="Correct the rule's type or kwargs in the contract, then run `warehouse deliver`.",
                ) from None
        suite = self._gx.ExpectationSuite("contract", expectations=expectations)
        asked = {"result_format": result_format, "partial_unexpected_count": 0}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            batch = self._batches.get_batch(batch_parameters={"dataframe": frame})
            found = batch.validate(suite, result_format=asked if result_format != "BOOLEAN_ONLY" else result_format)
        results: list[Any] = [None] * len(wanted)
        for result in found.results:
            position = result.expectation_config.meta["position"]
            if _raised(result):
                raise CheckFailed(
                    f"Rule `{wanted[position][0].name}` could not be evaluated.",
                    meaning="Nothing was sent: it is not known whether the file keeps its contract.",
                    next_command="Correct the rule's arguments in the contract, then run `warehouse deliver`.",
                )
            results[position] = result
        return results


def hash_slice(table: pa.Table, slices: int, number: int) -> Any:
    """The rows whose hash falls into one of so many slices, as a pandas frame; equal rows fall into the same."""
    frame = _keys_to_pandas(table)
    if slices == 1:
        return frame
    return frame[_hashed(frame) % slices == number]


def row_hashes(table: pa.Table) -> Any:
    """The hash of each row, by which `hash_slice` cuts, as numbers of 64 bits."""
    return _hashed(_keys_to_pandas(table)).to_numpy()


def _keys_to_pandas(table: pa.Table) -> Any:
    """A frame in which equal values have one type in each batch: a boolean is an object where one beside it is null."""
    for position, field in enumerate(table.schema):
        if pa.types.is_boolean(field.type):
            table = table.set_column(position, field.name, table.column(position).cast(pa.int16()))
    return _to_pandas(table)


def _hashed(frame: Any) -> Any:
    # Nearly every key is there once: to look for equal ones first would be dearer than to hash them all.
    return _pandas().util.hash_pandas_object(frame, index=False, categorize=False)


def hash_rows(table: pa.Table) -> pa.Array:
    """A hash of each row of a table of texts; equal rows have equal ones."""
    if not table.num_columns:
        return pa.array([0] * table.num_rows, pa.uint64())
    return pa.array(_pandas().util.hash_pandas_object(_to_pandas(table), index=False).to_numpy(), pa.uint64())


def places_not_unique(frames: Sequence[Any], most: int) -> list[int]:
    """Which rows of some pandas frames, taken together, share their key with another one; the first of them.

    A key that is null throughout is not compared, as in `Gate.rows_not_unique`.
    """
    frame = _pandas().concat(frames, ignore_index=True)
    found = frame.duplicated(keep=False) & frame.notna().any(axis=1)
    return [int(place) for place in frame.index[found][:most]]


def _pandas() -> Any:
    import pandas as pd  # type: ignore[import-untyped]  # noqa: PLC0415 - comes with the library, as slow to import

    return pd


def _to_pandas(table: pa.Table) -> Any:
    """A frame whose integers stay integers where values are null, and whose decimals are floats."""
    pd = _pandas()
    integers = {pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype()}
    for position, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            table = table.set_column(position, field.name, table.column(position).cast(pa.float64()))
    return table.to_pandas(date_as_object=False, types_mapper=integers.get)


def _raised(result: Any) -> bool:
    """Whether an expectation failed to run. The library reports it in two shapes."""
    info = result.exception_info or {}
    if "raised_exception" in info:
        return bool(info["raised_exception"])
    return any(isinstance(one, dict) and one.get("raised_exception") for one in info.values())


@lru_cache(maxsize=1)
def _library() -> tuple[Any, Any]:
    """The library and a place to put frames, set up to say nothing and to send nothing."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    # Its log quotes values when an expectation fails to run.
    logger = logging.getLogger("great_expectations")
    logger.setLevel(logging.CRITICAL)
    logger.propagate = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx  # noqa: PLC0415
        from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: PLC0415

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        asset = context.data_sources.add_pandas("outbox").add_dataframe_asset("file")
        return gx, asset.add_batch_definition_whole_dataframe("rows")
