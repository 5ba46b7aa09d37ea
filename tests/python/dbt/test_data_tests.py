"""Data tests: quality measures have thresholds, names are unique, and no kind of test is unused."""

from __future__ import annotations

import csv
import re
from collections import Counter
from typing import Final

from tests.python.dbt.nodes import Node, kind_of
from warehouse.core.settings import PROJECT

FOREIGN_KEYS: Final = PROJECT / "tests" / "python" / "sandbox" / "schema" / "foreign_keys.csv"


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
    """Or a key that leads nowhere: its row is kept and listed."""
    warnings = [t for t in data_tests if t["config"]["severity"].lower() == "warn"]
    assert not [t["name"] for t in warnings if not t["name"].startswith("dq_") and kind_of(t) != "relationships"]


def test_every_foreign_key_of_the_source_is_tested(manifest: Node, data_tests: list[Node]) -> None:
    """One test for each constraint between two replicated tables, so that an orphan is found whatever made it."""
    staged = {
        n["name"].removeprefix("stg_trs__") for n in manifest["nodes"].values() if n["name"].startswith("stg_trs__")
    }
    with FOREIGN_KEYS.open(encoding="utf-8") as file:
        keys = Counter((row["table"], row["references"]) for row in csv.DictReader(file))
    tested = Counter()
    for test in data_tests:
        if kind_of(test) == "relationships":
            child = test["attached_node"].split(".")[-1]
            parent = re.search(r"ref\('(\w+)'\)", test["test_metadata"]["kwargs"]["to"])
            assert parent, test["name"]
            tested[child.removeprefix("stg_trs__"), parent[1].removeprefix("stg_trs__")] += 1
    assert not {key: n for key, n in keys.items() if staged >= set(key) and tested[key] < n}


def test_names_of_data_tests_are_unique(data_tests: list[Node]) -> None:
    assert not [name for name, count in Counter(t["name"] for t in data_tests).items() if count > 1]


def test_every_generic_test_is_used(data_tests: list[Node]) -> None:
    own = {p.stem for p in (PROJECT / "tests" / "generic").glob("*.sql")}
    used = {kind_of(t) for t in data_tests}
    assert own
    assert own <= used
