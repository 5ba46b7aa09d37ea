"""The rules of the house that one could forget, each as what breaks it; what may is a row of house_rules.csv.

Layers, files and domains are in test_layers.py, descriptions, types, classes and grains in test_fields.py; rules that
no row could break are found in test_lineage.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import pytest

from tests.python.dbt.house_rules import CAN_BE_BROKEN, EXCEPTIONS, KEEPS_TEXT, excepted, exceptions
from tests.python.dbt.nodes import Node, code_of, columns_of, in_layers
from warehouse.core.settings import PROJECT

WITH_RULES: Final = ("intermediate", "marts", "extracts")

_QUESTION: Final = re.compile(r"(is|was|has|had|holds|ends|can|needs|lacks)_")
_DATE: Final = re.compile(r"_date(_\w+)?$|_on$")
_CASE: Final = re.compile(r"\bcase\b", re.IGNORECASE)
_JOIN: Final = re.compile(r"\b(?:left|inner|full)\s+join\b", re.IGNORECASE)
# A name of a schema with a name of a relation behind it, outside of Jinja. An alias may be called like a schema.
_SCHEMA: Final = re.compile(
    r"\b(?:from|join)\s+(?:\w+\.)?(?:staging|intermediate|marts|extracts|seeds|legacy|public|versions|ledger)\.\w+",
    re.IGNORECASE,
)


class Project:
    """What the rules are asked of."""

    def __init__(self, manifest: Node, models: list[Node]) -> None:
        self.manifest = manifest
        self.models = models
        self.with_rules = in_layers(models, *WITH_RULES)

    @property
    def untested(self) -> list[Node]:
        """Models without a unit test."""
        tested = {one["model"] for one in self.manifest["unit_tests"].values()}
        return [one for one in self.models if one["name"] not in tested]

    def named(self, data_type: str, form: re.Pattern[str]) -> set[str]:
        """Columns of a type whose names do not have the form."""
        found = {c["name"] for _, c in columns_of(self.with_rules) if c["data_type"] == data_type}
        return {name for name in found if not form.search(name)}


def without_unit_test(project: Project) -> set[str]:
    names = {one["name"] for one in project.with_rules}
    return {one["name"] for one in project.untested if one["name"] in names}


def case_or_join_without_unit_test(project: Project) -> set[str]:
    # A case in staging, too: there it is a rule in the wrong layer. A join brings only labels there.
    joined = {one["name"] for one in project.with_rules if _JOIN.search(code_of(one))}
    return {one["name"] for one in project.untested if _CASE.search(code_of(one)) or one["name"] in joined}


def with_schema(project: Project) -> set[str]:
    own = [one for one in project.manifest["macros"].values() if one["package_name"] == "teaching_record_warehouse"]
    tests = [one for one in project.manifest["nodes"].values() if one["resource_type"] == "test" and one["raw_code"]]
    texts = {one["name"]: one["macro_sql"] for one in own} | {one["name"]: code_of(one) for one in tests}
    texts |= {one["name"]: code_of(one) for one in project.models}
    return {name for name, text in texts.items() if _SCHEMA.search(re.sub(r"--[^\n]*|\{#.*?#\}", "", text, flags=re.S))}


def no_question(project: Project) -> set[str]:
    return project.named("boolean", re.compile(f"^{_QUESTION.pattern}"))


def no_date(project: Project) -> set[str]:
    return project.named("date", _DATE)


def no_text(project: Project) -> set[str]:
    keys = [c for _, c in columns_of(project.with_rules) if c["name"].endswith("_id") and c["data_type"]]
    return {c["name"] for c in keys if c["data_type"] != "string"}


def without_standing(project: Project) -> set[str]:
    facts = [one for one in in_layers(project.models, "marts") if one["name"].startswith("fct_")]
    of_people = [one for one in facts if {"person_id", "live_person_id"} & set(one["columns"])]
    return {one["name"] for one in of_people if not {"is_live", "is_active", "is_deceased"} <= set(one["columns"])}


RULES: Final[dict[str, Callable[[Project], set[str]]]] = {
    "a model with a rule has a unit test": without_unit_test,
    "a model with a case or a join has a unit test": case_or_join_without_unit_test,
    "no SQL names a schema": with_schema,
    "a truth is named as a question": no_question,
    "a date is named as one": no_date,
    "a key is text": no_text,
    "a fact of a person says how the record stands": without_standing,
}


@pytest.fixture(scope="session")
def project(manifest: Node, models: list[Node]) -> Project:
    return Project(manifest, models)


@pytest.mark.parametrize("rule", RULES)
def test_what_breaks_a_rule_is_a_row_with_a_reason(rule: str, project: Project) -> None:
    """And a row that no rule needs any more goes."""
    broken, may = RULES[rule](project), excepted(rule)
    assert broken - may == set(), f"{rule}: put it right, or give a reason in {EXCEPTIONS.relative_to(PROJECT)}"
    assert may - broken == set(), f"{rule}: these rows are not needed any more"


def test_a_row_names_a_rule_and_has_a_reason() -> None:
    rows = exceptions()
    assert {row["rule"] for row in rows} <= {*RULES, CAN_BE_BROKEN, KEEPS_TEXT}
    assert not [row for row in rows if len(row["reason"].split()) < 4]
    assert len({(row["rule"], row["thing"]) for row in rows}) == len(rows)


def test_the_rules_notice_what_they_forbid(manifest: Node) -> None:
    node = {
        "name": "fct_wrong",
        "resource_type": "model",
        "original_file_path": "models/marts/people/fct_wrong.sql",
        "raw_code": "select case when a then 1 end from marts.dim_person -- from public.persons",
        "columns": {
            name: {"name": name, "data_type": data_type}
            for name, data_type in {"active": "boolean", "birthday": "date", "person_id": "uuid"}.items()
        },
    }
    wrong = Project({"macros": {}, "nodes": {}, "unit_tests": {}}, [node])
    assert {rule: RULES[rule](wrong) for rule in RULES} == {
        "a model with a rule has a unit test": {"fct_wrong"},
        "a model with a case or a join has a unit test": {"fct_wrong"},
        "no SQL names a schema": {"fct_wrong"},
        "a truth is named as a question": {"active"},
        "a date is named as one": {"birthday"},
        "a key is text": {"person_id"},
        "a fact of a person says how the record stands": {"fct_wrong"},
    }
    joined = node | {"raw_code": "select a.b from {{ ref('x') }} as a left join {{ ref('y') }} as c on a.b = c.b"}
    assert case_or_join_without_unit_test(Project({"unit_tests": {}}, [joined])) == {"fct_wrong"}
    assert not case_or_join_without_unit_test(Project({"unit_tests": {"t": {"model": "fct_wrong"}}}, [joined]))
    commented = node | {"raw_code": "select 1 as a from {{ ref('dim_person') }} -- from public.persons"}
    assert not with_schema(Project({"macros": {}, "nodes": {}, "unit_tests": {}}, [commented]))
