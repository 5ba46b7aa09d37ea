"""The rules of a contract: what its columns and its quality section ask of the file."""

from __future__ import annotations

from typing import Any

from open_data_contract_standard.model import DataQuality

from warehouse.core.contracts import singled_out
from warehouse.core.contracts.model import Column, Limit, Rule, RuleKind
from warehouse.core.contracts.types import Kind
from warehouse.core.contracts.volume import Unclear, thresholds

_OPERATORS = (
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
)
BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
"""The options of a column that bound its values."""

_BY_ROW = ("expect_column_values_to_", "expect_column_value_lengths_to_", "expect_column_pair_values_")
_NOT_BY_ROW = ("unique", "increasing", "decreasing", "of_type", "in_type_list")
_ENGINE = "great-expectations"


class Unusable(ValueError):
    """A rule that cannot be understood; its text says why."""


def whole(pattern: str) -> str:
    r"""The pattern for the whole value. `$` alone would let a line break through at the end."""
    return rf"^(?:{pattern})\Z"


def column_rules(column: Column) -> list[Rule]:
    """The rules that a column's own properties ask for."""
    rules = []
    given = column.constraints
    if column.required:
        rules.append(_values(f"{column.name} is required", column.name, "expect_column_values_to_not_be_null"))
    if column.unique:
        rules.append(Rule(f"{column.name} is unique", RuleKind.UNIQUE, (column.name,)))
    if "pattern" in given:
        rules.append(
            _values(
                f"{column.name} has its format",
                column.name,
                "expect_column_values_to_match_regex",
                regex=whole(given["pattern"]),
            )
        )
    longest = given.get("maxLength", column.type.size if column.type.kind is Kind.STRING else None)
    if longest is not None or "minLength" in given:
        rules.append(
            _values(
                f"{column.name} has its length",
                column.name,
                "expect_column_value_lengths_to_be_between",
                min_value=given.get("minLength"),
                max_value=longest,
            )
        )
    bounds = {name: given[name] for name in BOUNDS if name in given}
    if bounds:
        rules.append(
            _values(
                f"{column.name} is in its range",
                column.name,
                "expect_column_values_to_be_between",
                min_value=bounds.get("exclusiveMinimum", bounds.get("minimum")),
                max_value=bounds.get("exclusiveMaximum", bounds.get("maximum")),
                strict_min="exclusiveMinimum" in bounds,
                strict_max="exclusiveMaximum" in bounds,
            )
        )
    return rules


def quality_rule(quality: DataQuality, column: str | None, names: frozenset[str]) -> Rule | None:
    """A rule of a quality section; None for a text that is for people alone.

    Args:
        quality: the entry.
        column: the column it belongs to; None for one of the whole table.
        names: all columns of the contract.

    Raises:
        Unusable: a metric, an operator or an engine that this gate cannot evaluate, or a column that is not there.
    """
    kind = quality.type or "library"
    if kind == "text":
        return _singled_out_rule(quality, column) if singled_out.is_about(quality) else _volume_rule(quality, column)
    if kind == "library":
        return _library_rule(quality, column, names, _limit(quality))
    if kind == "custom" and quality.engine == _ENGINE:
        return _expectation_rule(quality, column, names)
    raise Unusable(f"a rule of type {kind} cannot be checked in a file; use library, or custom with engine {_ENGINE}")


def _values(name: str, column: str, expectation: str, **arguments: Any) -> Rule:
    return Rule(name, RuleKind.VALUES, (column,), expectation, arguments)


def _limit(quality: DataQuality) -> Limit | None:
    given = [(name, getattr(quality, name)) for name in _OPERATORS if getattr(quality, name) is not None]
    if not given:
        return None
    operator, bound = given[0]
    if quality.unit not in (None, "rows", "percent"):
        raise Unusable(f"unit {quality.unit} is neither rows nor percent")
    numbers = bound if isinstance(bound, list) else [bound]
    if any(isinstance(number, bool) or not isinstance(number, int | float) for number in numbers):
        raise Unusable(f"{operator} is not a number")
    return Limit(operator, (numbers[0], numbers[1]) if len(numbers) == 2 else numbers[0], quality.unit == "percent")


def _library_rule(quality: DataQuality, column: str | None, names: frozenset[str], limit: Limit | None) -> Rule:
    metric, arguments = quality.metric or quality.rule, quality.arguments or {}
    subject = column or "the file"
    name = quality.name or f"{metric} of {subject}"
    if limit is None:
        raise Unusable(f"{metric} has no limit such as mustBe")
    if metric == "rowCount":
        if column is not None:
            raise Unusable("rowCount belongs to the table, not to a column")
        return Rule(name, RuleKind.ROW_COUNT, limit=limit)
    if metric == "duplicateValues":
        columns = (column,) if column else tuple(arguments.get("properties") or ())
        if not columns:
            raise Unusable("duplicateValues of the table needs arguments.properties")
        if missing := [one for one in columns if one not in names]:
            raise Unusable(f"no column {', '.join(missing)} in this contract")
        return Rule(name, RuleKind.UNIQUE, columns, limit=limit)
    if column is None:
        raise Unusable(f"{metric} belongs under a column")
    if metric == "nullValues":
        return Rule(name, RuleKind.VALUES, (column,), "expect_column_values_to_not_be_null", {}, limit)
    if metric == "invalidValues":
        if "validValues" in arguments:
            allowed = {"value_set": list(arguments["validValues"])}
            return Rule(name, RuleKind.VALUES, (column,), "expect_column_values_to_be_in_set", allowed, limit)
        if "pattern" in arguments:
            regex = {"regex": whole(str(arguments["pattern"]))}
            return Rule(name, RuleKind.VALUES, (column,), "expect_column_values_to_match_regex", regex, limit)
        raise Unusable("invalidValues needs arguments.validValues or arguments.pattern")
    raise Unusable(f"metric {metric} cannot be checked in a file")


def _volume_rule(quality: DataQuality, column: str | None) -> Rule | None:
    try:
        found = thresholds(quality)
    except Unclear as error:
        raise Unusable(f"{quality.name or 'a rule'}: {error}") from None
    if not found:
        return None
    if column is not None:
        raise Unusable("the number of rows belongs to the table, not to a column")
    return Rule(quality.name or "rows against the last delivery", RuleKind.VOLUME, arguments=found)


def _singled_out_rule(quality: DataQuality, column: str | None) -> Rule:
    name = quality.name or "how many are singled out"
    try:
        found = singled_out.limits(quality)
    except singled_out.Unclear as error:
        raise Unusable(f"{name}: {error}") from None
    if column is not None:
        raise Unusable(f"{name}: who is singled out belongs to the table, not to a column")
    return Rule(name, RuleKind.SINGLED_OUT, arguments=found)


def _expectation_rule(quality: DataQuality, column: str | None, names: frozenset[str]) -> Rule:
    implementation = quality.implementation
    if not isinstance(implementation, dict) or not isinstance(implementation.get("type"), str):
        raise Unusable("implementation needs `type` (an expectation's name) and `kwargs`")
    expectation, arguments = implementation["type"], dict(implementation.get("kwargs") or {})
    if not expectation.startswith(_BY_ROW) or expectation.endswith(_NOT_BY_ROW):
        raise Unusable(f"{expectation} cannot be evaluated row by row, and this gate never holds the whole file")
    columns: tuple[str, ...]
    if expectation.startswith("expect_column_pair_values_"):
        columns = (str(arguments.pop("column_A", "")), str(arguments.pop("column_B", "")))
    else:
        columns = (str(arguments.pop("column", column or "")),)
    if missing := [one or "(none named)" for one in columns if one not in names]:
        raise Unusable(f"no column {', '.join(missing)} in this contract")
    limit = Limit()
    if "mostly" in arguments:
        share = arguments.pop("mostly")
        if not isinstance(share, int | float) or not 0 < share <= 1:
            raise Unusable("mostly is a share of the rows, above 0 and at most 1")
        limit = Limit("mustBeLessOrEqualTo", round(100 * (1 - share), 6), percent=True)
    name = quality.name or f"{expectation} of {', '.join(columns)}"
    return Rule(name, RuleKind.VALUES, columns, expectation, arguments, limit)
