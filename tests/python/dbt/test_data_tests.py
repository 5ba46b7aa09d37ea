"""Data tests: quality measures have thresholds, names are unique, and no kind of test is unused."""

from __future__ import annotations

import re
from collections import Counter

from tests.python.dbt.nodes import Node, kind_of
from warehouse.core.settings import PROJECT


def test_a_quality_measure_has_a_threshold_a_reason_and_a_date(data_tests: list[Node]) -> None:
    measures = [t for t in data_tests if t["name"].startswith("dq_")]
    assert measures
    for test in measures:
        meta = test["config"]["meta"]
        assert test["config"]["severity"].lower() == "warn", test["name"]
        assert meta["at_most"] == test["test_metadata"]["kwargs"].get("at_most", 0), test["name"]
        assert len(meta["reason"]) > 20, test["name"]
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", meta["since"]), test["name"]


def test_every_warning_is_a_quality_measure(data_tests: list[Node]) -> None:
    warnings = [t["name"] for t in data_tests if t["config"]["severity"].lower() == "warn"]
    assert not [name for name in warnings if not name.startswith("dq_")]


def test_names_of_data_tests_are_unique(data_tests: list[Node]) -> None:
    assert not [name for name, count in Counter(t["name"] for t in data_tests).items() if count > 1]


def test_every_generic_test_is_used(data_tests: list[Node]) -> None:
    own = {p.stem for p in (PROJECT / "tests" / "generic").glob("*.sql")}
    used = {kind_of(t) for t in data_tests}
    assert own
    assert own <= used
