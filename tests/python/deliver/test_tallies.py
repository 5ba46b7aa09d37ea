"""Rules asked of the least and the greatest value say what they say of each value; what needs more is not."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.python.deliver.world import column, document, write_contract
from warehouse.core.contracts import Contract, Rule, RuleKind, load_contract
from warehouse.core.progress import Silent
from warehouse.deliver import tallies
from warehouse.deliver.check import _values
from warehouse.deliver.expectations import Gate
from warehouse.deliver.files import facts_of
from warehouse.deliver.parquet_file import arrow_type
from warehouse.deliver.tallies import Ends, Tally

pytestmark = pytest.mark.slow

COLUMNS = {
    "whole": ("integer", "integer", st.integers(-5, 5), (-2, 3)),
    "exact": ("number", "numeric(10,2)", st.integers(-500, 500).map(lambda n: Decimal(n) / 100), (-2.5, 3.25)),
    "rough": ("number", "double precision", st.floats(-5, 5) | st.just(math.nan) | st.just(math.inf), (-2.5, 3.25)),
    "day": ("date", "date", st.dates(date(1, 1, 1), date(9999, 12, 31)), ("1900-01-01", "2030-01-01")),
    "moment": (
        "timestamp",
        "timestamp with time zone",
        st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(lambda at: at.replace(tzinfo=UTC)),  # noqa: DTZ001
        ("1900-01-01T00:00:00", "2030-01-01T00:00:00"),
    ),
}


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    given_ = document(sortKey=["whole"])
    given_["schema"][0]["properties"] = [
        *(column(name, logical, physical) for name, (logical, physical, *_) in COLUMNS.items()),
        column("text", "string", "text"),
    ]
    given_["schema"][0]["properties"][0] |= {"primaryKey": True, "required": True}
    return load_contract(write_contract(tmp_path_factory.mktemp("contract"), given_))


@pytest.fixture(scope="module")
def gate(contract: Contract) -> Gate:
    return Gate({one.name: one for one in contract.columns})


def between(name: str, **arguments: Any) -> Rule:
    return Rule(f"{name} is between", RuleKind.VALUES, (name,), "expect_column_values_to_be_between", arguments)


def required(name: str) -> Rule:
    return Rule(f"{name} is required", RuleKind.VALUES, (name,), "expect_column_values_to_not_be_null", {})


def said(kind: Callable[..., Ends | Tally], name: str, rules: list[Rule], gate: Gate, parts: list[pa.Array]) -> Any:
    tally = kind((name,), rules, gate)
    for part in parts:
        tally.add(pa.record_batch([part], names=[name]))
    return tally.finish()


@pytest.mark.parametrize("name", [*COLUMNS, "text"])
@settings(max_examples=15)
@given(data=st.data())
def test_the_ends_say_what_every_value_says(name: str, contract: Contract, gate: Gate, data: st.DataObject) -> None:
    """Or that they do not know, and only where a bound is broken."""
    values = st.none() | (COLUMNS[name][2] if name in COLUMNS else st.text(max_size=3))
    parts = [
        pa.array(part, arrow_type(contract.column(name).type))
        for part in data.draw(st.lists(st.lists(values, max_size=6), max_size=3))
    ]
    rules = [required(name)]
    if name in COLUMNS:
        least, greatest = COLUMNS[name][3]
        bounds = data.draw(st.sampled_from([{"min_value": least}, {"min_value": least, "max_value": greatest}]))
        rules.append(between(name, **bounds))
    assert Ends.decide(contract, rules)
    found, whole = said(Ends, name, rules, gate, parts), said(Tally, name, rules, gate, parts)
    if found is None:
        assert whole[1] > 0
    else:
        assert found == whole


@pytest.mark.parametrize(
    "rule",
    [
        between("text", min_value="a"),
        between("whole", min_value=1, mostly=0.5),
        Rule("set", RuleKind.VALUES, ("whole",), "expect_column_values_to_be_in_set", {"value_set": [1]}),
        Rule("pattern", RuleKind.VALUES, ("text",), "expect_column_values_to_match_regex", {"regex": "a"}),
        Rule("some", RuleKind.VALUES, ("text",), "expect_column_values_to_not_be_null", {"mostly": 0.5}),
    ],
)
def test_what_needs_more_than_the_ends_is_asked_of_every_value(contract: Contract, rule: Rule) -> None:
    assert not Ends.decide(contract, [required(rule.columns[0]), rule])


def test_the_rows_that_break_a_bound_are_counted_in_a_second_reading(
    contract: Contract, gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the values are released in between, and whatever else is asked of the column."""
    monkeypatch.setattr(tallies, "DISTINCT_LIMIT", 10)
    rows = {one.name: [None] * 100 for one in contract.columns} | {"whole": [*range(99), None]}
    schema = pa.schema([pa.field(one.name, arrow_type(one.type)) for one in contract.columns])
    path = tmp_path / "a.parquet"
    pa.parquet.write_table(pa.table(rows, schema), path)
    rules = [required("whole"), between("whole", min_value=10), between("whole", max_value=90), required("day")]
    by_hand = _with_rules(contract, rules)
    assert [number for _, number in _values(by_hand, [(path, facts_of(path, "a", 100))], gate, [], Silent())] == [
        1,
        10,
        8,
        100,
    ]


def _with_rules(contract: Contract, rules: list[Rule]) -> Contract:
    return replace(contract, rules=tuple(rules))
