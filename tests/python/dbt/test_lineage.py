"""No column of the project, and of what leaves, is classified lower than what it is made of.

One more rule is asked of the SQL that was compiled for it: what a model's YAML says of its columns can be untrue.
"""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import date
from typing import Any, Final

import pytest

from tests.python.dbt.by_construction import cannot_be_broken
from tests.python.dbt.conftest import Node, invoke
from tests.python.dbt.house_rules import CAN_BE_BROKEN, KEEPS_TEXT, excepted
from tests.python.dbt.nodes import in_layers
from tests.python.dbt.of_the_build.strange_dates import dated as dates_of_trs
from warehouse.core import old_names
from warehouse.core.classes import Classes
from warehouse.core.contracts import load_contracts
from warehouse.core.errors import ClassTooLow
from warehouse.core.lineage.check import Judge, by_reason, check, releases
from warehouse.core.lineage.flows import Kind, Origin
from warehouse.core.lineage.project import Lineage, read_project
from warehouse.core.terms import Term, load_terms

PREFIX: Final = "dbt_"
TODAY: Final = date(2026, 11, 28)
_REASONS = by_reason(TODAY)


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """The manifest with the SQL of every model in its widest form, made without a connection."""
    target = tmp_path_factory.mktemp("lineage")
    invoke(["compile", "--no-introspect", "--no-populate-cache", "--vars", "legacy_nulls: true"], target)
    loaded: Node = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="session")
def classes() -> Classes:
    return Classes()


@pytest.fixture(scope="session")
def lineage(compiled: Node, classes: Classes) -> Lineage:
    return read_project(compiled, classes.replicated_columns, PREFIX)


def test_every_model_is_read(lineage: Lineage, compiled: Node) -> None:
    assert not lineage.unread
    models = {n["name"] for n in compiled["nodes"].values() if n["resource_type"] == "model"}
    assert {one.name for one in lineage.relations if one.kind == "model"} == models
    assert len(models) > 40


def test_every_column_of_a_model_is_the_lineage_s(lineage: Lineage, compiled: Node) -> None:
    listed = {n["name"]: set(n["columns"]) for n in compiled["nodes"].values() if n["resource_type"] == "model"}
    assert not [one.name for one in lineage.relations if one.kind == "model" and listed[one.name] - set(one.columns)]


def test_the_views_of_the_old_names_can_have_their_whole_shape(lineage: Lineage, classes: Classes) -> None:
    """By a variable: what has no successor is there as a null, which is open."""
    judge = Judge(lineage, classes, _REASONS)
    views = {one.name: one for one in lineage.relations if one.place.startswith("legacy.") and one.name != "coverage"}
    assert len(views) == 48
    for name, view in views.items():
        old = old_names.columns_of(name)
        assert set(view.columns) == set(old), name
        gone = [column for column, one in old.items() if one.outcome == "gone"]
        # Which rows there are of previous names is decided by names, so even a null stands beside one.
        least = "sensitive" if name == "dfeta_previousname" else "open"
        assert {judge.least(Origin(view.place, column)) for column in gone} <= {least}, name
    assert judge.least(Origin("legacy.contact", "dfeta_ninumber")) == "sensitive"
    assert judge.least(Origin("legacy.contact", "dfeta_trn")) == "personal"


def test_a_rule_that_the_sql_makes_true_goes(compiled: Node) -> None:
    models = [one for one in compiled["nodes"].values() if one["resource_type"] == "model"]
    found = {rule for model in models for rule in cannot_be_broken(model)}
    assert found - excepted(CAN_BE_BROKEN) == set(), "leave the rule out, or give a reason in house_rules.csv"
    assert excepted(CAN_BE_BROKEN) - found == set(), "these rows of house_rules.csv are not needed any more"


def test_no_column_is_classified_lower_than_what_it_is_made_of(lineage: Lineage, classes: Classes) -> None:
    check(lineage, classes, _REASONS, load_contracts())


def test_a_mart_with_dates_of_trs_has_those_that_clients_cannot_read_as_text(
    lineage: Lineage, compiled: Node, replicated: dict[str, dict[str, str]]
) -> None:
    dated = {Origin(f"trs.{table}", column) for table, types in dates_of_trs().items() for column in types}
    assert {one.relation for one in dated} <= {f"trs.{table}" for table in replicated}
    reached = set(dated)
    for relation in lineage.relations:
        for name, column in relation.columns.items():
            if any(flow.kind is Kind.VALUE and not flow.through and flow.origin in reached for flow in column.flows):
                reached.add(Origin(relation.place, name))
    models = in_layers([one for one in compiled["nodes"].values() if one["resource_type"] == "model"], "marts")
    types = {model["name"]: {n: c["data_type"] or "" for n, c in model["columns"].items()} for model in models}
    found = {
        one.name
        for one in lineage.relations
        for name in one.columns
        if Origin(one.place, name) in reached
        and types.get(one.name, {}).get(name, "").startswith(("date", "timestamp"))
        and "dates_out_of_range" not in one.columns
    }
    assert found - excepted(KEEPS_TEXT) == set(), "select `dates_out_of_range`, or give a reason in house_rules.csv"
    assert excepted(KEEPS_TEXT) - found == set(), "these rows of house_rules.csv are not needed any more"


def test_every_seed_and_source_of_ours_states_the_class_of_each_column(lineage: Lineage) -> None:
    stated = [one for one in lineage.relations if one.kind == "seed" or one.place.startswith("ledger.")]
    assert len(stated) >= 7
    assert not [f"{one.place}.{n}" for one in stated for n, column in one.columns.items() if not column.stated]


def test_each_reason_is_needed(lineage: Lineage, classes: Classes) -> None:
    """A row of a model in lowered.csv that lowers nothing any more goes."""
    used: set[tuple[str, str]] = set()

    def note(model: str, column: str, before: str, after: str) -> bool:
        allowed = _REASONS(model, column, before, after)
        used.update([(model, column)] if allowed else [])
        return allowed

    Judge(lineage, classes, note)
    models = {one.name for one in lineage.relations if one.kind == "model"}
    from warehouse.core.class_floors import reasons

    assert {(one.of, one.column) for one in reasons() if one.of in models} == used


def test_a_release_of_the_list_is_a_macro(compiled: Node) -> None:
    own = [m for m in compiled["macros"].values() if m["package_name"] == "teaching_record_warehouse"]
    named = {m["name"] for m in own if f"released: {m['name']} " in m["macro_sql"]}
    assert named == set(releases()) - {"is_null"}


def test_the_national_insurance_number_under_another_name_is_found_with_its_path(compiled: Node) -> None:
    """As tried by the inspection: `payroll_reference` and `cohort_code`, open in model, dictionary and contract."""
    node = "model.teaching_record_warehouse.dandi_teachers"
    changed: Any = copy.deepcopy(compiled)
    changed["nodes"][node]["compiled_code"] = compiled["nodes"][node]["compiled_code"].replace(
        "persons.is_live,",
        "persons.is_live, persons.national_insurance_number as payroll_reference,"
        " to_char(persons.date_of_birth, 'YYYYMM') as cohort_code,",
    )
    terms = load_terms()
    for name in ("payroll_reference", "cohort_code"):
        changed["nodes"][node]["columns"][name] = {"doc_blocks": [f"doc.p.{name}"]}
        terms[name] = Term(name, "open", "string", "…", None, "person")
    classes = Classes(terms)
    (dandi,) = [one for one in load_contracts() if one.model == "dandi_teachers"]
    column = dandi.columns[0]
    contract = replace(
        dandi,
        columns=(
            *dandi.columns,
            *(replace(column, name=name, classification="open") for name in ("payroll_reference", "cohort_code")),
        ),
    )
    lineage = read_project(changed, classes.replicated_columns, PREFIX)
    with pytest.raises(ClassTooLow) as caught:
        check(lineage, classes, _REASONS, [contract])
    said = caught.value.what
    assert (
        "exports/dandi/teachers.odcs.yaml payroll_reference (open)"
        " ← extracts.dandi_teachers.payroll_reference (sensitive)"
        " ← marts.dim_person.national_insurance_number (sensitive)"
        " ← staging.stg_trs__persons.national_insurance_number (sensitive)"
        " ← trs.persons.national_insurance_number (sensitive)"
    ) in said
    assert "cohort_code" in said
    assert caught.value.exit_code == 28


def test_a_class_that_is_raised_at_the_source_is_asked_of_what_is_made_of_it(
    lineage: Lineage, classes: Classes
) -> None:
    """The published build is the same, its classes are not: a delivery notices."""
    raised = Classes()
    raised._tables["persons"]["columns"]["qts_date"] = "sensitive"
    with pytest.raises(ClassTooLow, match=r"qts_date \(\w+\) ← .*trs\w*\.\w+\.\w+ \(sensitive"):
        check(lineage, raised, _REASONS, load_contracts())


def test_the_views_of_versions_have_the_columns_that_are_taken_for_open() -> None:
    from warehouse.core.lineage.project import VERSION_COLUMNS
    from warehouse.replicate.history.tables import _OF_A_VERSION

    assert tuple(name for name, _ in _OF_A_VERSION) == VERSION_COLUMNS


@pytest.mark.slow
def test_the_same_holds_of_the_sql_for_bigquery(tmp_path_factory: pytest.TempPathFactory, classes: Classes) -> None:
    target = tmp_path_factory.mktemp("lineage-bigquery")
    invoke(["compile", "--target", "bigquery", "--no-introspect", "--no-populate-cache"], target)
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    lineage = read_project(manifest, classes.replicated_columns, "teaching_record_", "bigquery")
    assert not lineage.unread
    check(lineage, classes, _REASONS, load_contracts())
