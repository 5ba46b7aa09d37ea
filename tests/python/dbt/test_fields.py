"""Every column is described, typed and classified once."""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.python.dbt.nodes import (
    Node,
    block_of,
    columns_of,
    in_layers,
    is_one_macro,
    kind_of,
    layer_of,
    of_trs,
    selected,
)
from warehouse.core import class_floors, old_names
from warehouse.core.class_floors import QUASI, TERMS
from warehouse.core.classes import Classes
from warehouse.core.terms import load_terms, model_columns

CLASSES: Final = ("open", "personal", "sensitive")

# Words in a column's name that say how sensitive it is at least, whatever the model.
SENSITIVE_WORDS: Final = re.compile(
    r"(^|_)(first|middle|last)_names?$|date_of_(birth|death)|national_insurance|(^|_)nino(_|$)|email|(^|_)details$|deceased"
)

PERSONAL_WORDS: Final = re.compile(r"(^|_)(person_id|trn)$|gender|^employment_key$")


# ---- descriptions, grain, contracts


def test_model_is_described(manifest: Node, models: list[Node]) -> None:
    # A staging model is what its source is.
    described = [*in_layers(models, "intermediate", "marts", "extracts"), *manifest["sources"].values()]
    assert not [one["name"] for one in described if len(one["description"].strip()) < 15]


def test_model_lists_its_columns(models: list[Node]) -> None:
    assert not [m["name"] for m in in_layers(models, "intermediate", "marts", "extracts") if not m["columns"]]


def test_a_column_is_described_by_one_term_of_the_field_dictionary(models: list[Node]) -> None:
    # By that and nothing else: `{{ doc("trn") }}`.
    found = columns_of(in_layers(models, "intermediate", "marts", "extracts"))
    assert not [f"{m['name']}.{c['name']}" for m, c in found if len(c["doc_blocks"]) != 1]
    for model in in_layers(models, "intermediate", "marts", "extracts"):
        model_columns(model["name"], load_terms())


def test_a_model_lists_what_it_selects_and_nothing_else(models: list[Node]) -> None:
    for model in in_layers(models, "intermediate", "marts", "extracts"):
        if selected(model) != ["*"]:
            assert sorted(model["columns"]) == sorted(selected(model)), model["name"]


def test_a_column_has_the_type_of_its_term(models: list[Node]) -> None:
    # dbt needs the type beside an enforced contract; so it is the one thing that a column repeats.
    terms = load_terms()
    for model in in_layers(models, "intermediate", "marts", "extracts"):
        for column in model_columns(model["name"], terms):
            assert column.data_type in (None, column.term.type), f"{model['name']}.{column.name}"


def test_no_column_repeats_its_class(models: list[Node]) -> None:
    # The class is that of the term, or in staging that of replication/trs.yml.
    assert not [f"{m['name']}.{c['name']}" for m, c in columns_of(models) if "class" in c["config"]["meta"]]


def test_every_term_of_the_field_dictionary_is_used(manifest: Node, models: list[Node]) -> None:
    used = {block for _, column in columns_of(models) for block in column["doc_blocks"]}
    terms = {uid for uid, doc in manifest["docs"].items() if doc["package_name"] == "teaching_record_warehouse"}
    assert terms
    assert not terms - used


def test_dbt_leaves_the_line_of_type_and_class_out_of_descriptions(manifest: Node) -> None:
    blocks = {doc["name"]: doc["block_contents"] for doc in manifest["docs"].values()}
    for name, term in load_terms().items():
        assert blocks[name] == term.meaning, name


def test_grain_is_stated(models: list[Node]) -> None:
    for model in models:
        grain = model["config"]["meta"].get("grain")
        assert grain, model["name"]
        known = selected(model) if layer_of(model) in ("staging", "legacy") else model["columns"]
        known = old_names.columns_of(model["name"]) if is_one_macro(model) else known
        assert set(grain) <= set(known), model["name"]


def test_what_the_yaml_says_is_tested_once(manifest: Node, data_tests: list[Node]) -> None:
    """One test for all that a model or seed says of its keys, nulls and values, and no test of one of them alone."""
    described = [test["attached_node"] for test in data_tests if kind_of(test) == "as_described"]
    # The keys of the views of the old names are asked of all of them at once, in of_the_build/legacy.py.
    built = [one for one in manifest["nodes"].values() if one["resource_type"] in ("model", "seed")]
    relations = [one["unique_id"] for one in built if layer_of(one) != "legacy"]
    assert sorted(described) == sorted(relations)
    assert not [t["name"] for t in data_tests if kind_of(t) in ("not_null", "unique", "accepted_values")]
    weakened = [t for t in data_tests if kind_of(t) == "as_described" and t["config"]["severity"].lower() != "error"]
    assert not weakened


# What as_described reads of a column; `warns` and `stops` have a rule's reason to be otherwise than usual.
RULES: Final = {
    "required": bool,
    "unique": bool,
    "known_code": bool,
    "readable_dates": bool,
    "accepted": list,
    "warns": dict,
    "stops": dict,
    "collected": bool,
}


def test_what_a_column_says_is_what_the_test_reads(models: list[Node]) -> None:
    for model, column in columns_of(models):
        meta = column["config"]["meta"]
        assert all(isinstance(value, RULES[name]) for name, value in meta.items()), f"{model['name']}.{column['name']}"
        reasons = {**meta.get("warns", {}), **meta.get("stops", {})}
        assert all(name in meta and len(reason) > 20 for name, reason in reasons.items()), column["name"]


@pytest.mark.parametrize("layer", ["marts", "extracts"])
def test_contract_is_enforced(models: list[Node], layer: str) -> None:
    found = in_layers(models, layer)
    assert found
    assert not [m["name"] for m in found if not m["config"]["contract"]["enforced"]]
    assert not [f"{m['name']}.{c['name']}" for m, c in columns_of(found) if not c["data_type"]]


# ---- classification


def test_class_is_not_below_that_of_the_same_name_in_the_source(
    models: list[Node], replicated: dict[str, dict[str, str]]
) -> None:
    # A term that stands for something else than the source's column says so beside its class.
    terms = load_terms()
    least: dict[str, int] = {}
    for table in replicated.values():
        for name, value in table.items():
            least[name] = max(least.get(name, 0), CLASSES.index(value))
    low = {
        block_of(c)
        for _, c in columns_of(in_layers(models, "intermediate", "marts", "extracts"))
        if CLASSES.index(terms[block_of(c)].classification) < least.get(c["name"], 0)
    }
    assert low == {name for name, term in terms.items() if term.because}


def test_class_is_not_below_what_the_name_says(models: list[Node]) -> None:
    terms = load_terms()
    low = []
    for model, column in columns_of(in_layers(models, "intermediate", "marts", "extracts")):
        name = column["name"]
        least = 2 if SENSITIVE_WORDS.search(name) else 1 if PERSONAL_WORDS.search(name) else 0
        if CLASSES.index(terms[block_of(column)].classification) < least:
            low.append(f"{model['name']}.{name}")
    assert not low


def test_what_a_build_shows_of_a_row_goes_by_the_same_classes(
    models: list[Node], replicated: dict[str, dict[str, str]]
) -> None:
    classes, terms = Classes(), load_terms()
    for model in of_trs(models):
        for name, value in replicated[model["name"].removeprefix("stg_trs__")].items():
            assert classes.of(model["name"], name) == value, f"{model['name']}.{name}"
    for model, column in columns_of(in_layers(models, "intermediate", "marts", "extracts")):
        found = classes.of(model["name"], column["name"], column["doc_blocks"])
        assert found == terms[block_of(column)].classification, f"{model['name']}.{column['name']}"
    assert classes.of("stg_trs__persons", "no_such_column") == "sensitive"
    assert classes.of("dim_person", "no_such_column") == "sensitive"


def test_dandi_gets_nothing_that_identifies_directly(models: list[Node]) -> None:
    found = [m for m in models if m["original_file_path"].startswith("models/extracts/dandi/")]
    assert found
    # Its purpose is to count who holds which status: that needs no name and no date of birth either.
    refused = re.compile(r"national_insurance|nino|email|postcode|details|(first|middle|last)_name|date_of_birth")
    assert not [f"{m['name']}.{c['name']}" for m, c in columns_of(found) if refused.search(c["name"])]


def test_extract_says_as_at_what_day(models: list[Node]) -> None:
    assert not [m["name"] for m in in_layers(models, "extracts") if "as_at_date" not in m["columns"]]


def test_the_mark_of_a_quasi_identifier_goes_with_the_column(models: list[Node]) -> None:
    """A term of the same name carries it, unless it is sensitive, or says that it stands for something else."""
    marked = {column for (table, column), value in class_floors.classes().items() if QUASI in value and table != TERMS}
    assert {"qts_date", "gender", "holds_from", "establishment_id"} <= marked
    terms, classes = load_terms(), Classes()
    lost = {
        f"{model['name']}.{column['name']}"
        for model, column in columns_of(in_layers(models, "intermediate", "marts", "extracts"))
        if column["name"] in marked
        and not (terms[block_of(column)].quasi_identifier or terms[block_of(column)].because)
        and terms[block_of(column)].classification != "sensitive"
    }
    assert not lost
    assert classes.is_quasi_identifier("stg_trs__persons", "qts_date")
    assert classes.is_quasi_identifier("dim_person", "qts_date", ["doc.teaching_record_warehouse.qts_date"])
    assert not classes.is_quasi_identifier("dim_person", "is_live")
