"""Rules have unit tests, quality measures thresholds: each test is one rule, each exception a row with a reason."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from tests.python.dbt.nodes import Node, in_layers, kind_of
from warehouse.core.settings import PROJECT

# Models without a rule of their own to get wrong.
WITHOUT_UNIT_TEST: Final = {
    "int_route__held": "a filter on a flag that int_route__typed defines and tests",
    "int_day__numbered": "a range of days, which test_the_calendar_is_pythons_calendar compares",
    "fct_route": "joins only; its rules are in int_route__typed and int_route__subjects",
    "fct_alert": "joins only; its rules are in int_alert__live",
    "fct_previous_name": "one filter, whose row count a data test compares",
    "fct_mandatory_qualification": "one filter, whose row count a data test compares",
    "fct_column_states": "names and counts as the ledger has them",
    "fct_replica_quality": "counts only; the macro behind it has its own test",
}


def test_every_rule_has_a_unit_test(manifest: Node, models: list[Node]) -> None:
    covered = {u["model"] for u in manifest["unit_tests"].values()}
    names = {m["name"] for m in in_layers(models, "intermediate", "marts", "extracts")}
    assert names - covered == set(WITHOUT_UNIT_TEST)


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
    assert not [name for name in warnings if not name.startswith(("dq_", "known_code_"))]


def test_names_of_data_tests_are_unique(data_tests: list[Node]) -> None:
    assert not [name for name, count in Counter(t["name"] for t in data_tests).items() if count > 1]


def test_every_generic_test_is_used(data_tests: list[Node]) -> None:
    own = {p.stem for p in (PROJECT / "tests" / "generic").glob("*.sql")}
    used = {kind_of(t) for t in data_tests}
    assert own
    assert own <= used
