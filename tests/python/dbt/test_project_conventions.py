"""The rules of the dbt project, read from its manifest. Each test is one rule; an exception is a row with a reason."""

import csv
import re
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from warehouse.core.classes import Classes
from warehouse.core.contracts import load_contracts
from warehouse.core.terms import load_terms, model_columns
from warehouse.replicate.classification import load_classification

PROJECT: Final = Path(__file__).parents[3]
Node = dict[str, Any]

LAYERS: Final = ("staging", "intermediate", "marts", "extracts")
CLASSES: Final = ("open", "personal", "sensitive")

NAMES: Final = {
    "staging": r"stg_[a-z]+__[a-z_]+",
    "intermediate": r"int_[a-z_]+__[a-z_]+",
    "marts": r"(dim|fct)_[a-z_]+",
    "extracts": r"[a-z]+_[a-z_]+",
}

# What a layer may read, beside itself (staging reads nothing of staging; see test_staging_reads_one_source).
MAY_READ: Final = {
    "staging": {"seeds"},
    "intermediate": {"seeds", "staging", "intermediate"},
    "marts": {"seeds", "staging", "intermediate", "marts"},
    "extracts": {"marts"},
}

# Models without a rule of their own to get wrong.
WITHOUT_UNIT_TEST: Final = {
    "int_route__held": "a filter on a flag that int_route__typed defines and tests",
    "fct_route": "joins only; its rules are in int_route__typed and int_route__subjects",
    "fct_alert": "joins only; its rules are in int_alert__live",
    "fct_previous_name": "one filter, whose row count a data test compares",
    "fct_mandatory_qualification": "one filter, whose row count a data test compares",
    "fct_column_states": "names and counts as the ledger has them",
    "fct_replica_quality": "counts only; the macro behind it has its own test",
}

# Words in a column's name that say how sensitive it is at least, whatever the model.
SENSITIVE_WORDS: Final = re.compile(
    r"(^|_)(first|middle|last)_names?$|date_of_(birth|death)|national_insurance|(^|_)nino(_|$)|email|(^|_)details$|deceased"
)
PERSONAL_WORDS: Final = re.compile(r"(^|_)(person_id|trn)$|gender|^employment_key$")

# What PostgreSQL has and BigQuery has not (or spells otherwise): the project's macros are for that.
POSTGRES_ONLY: Final = re.compile(
    r"::|\bilike\b|\bfilter\s*\(|\bdistinct\s+on\b|\barray_agg\b|\bunnest\s*\(|\blateral\b|->>?|#>>|\bjsonb?\b"
    r"|\binterval\b|\bto_char\b|\bnow\s*\(|\bat\s+time\s+zone\b|\bcurrent_date\b|[^!<>]~|\busing\s*\(|\bstring_agg\b|\bbool_or\b",
    re.IGNORECASE,
)


def layer_of(node: Node) -> str:
    return str(Path(node["original_file_path"]).parts[1]) if node["resource_type"] == "model" else "seeds"


def in_layers(models: list[Node], *layers: str) -> list[Node]:
    return [m for m in models if layer_of(m) in layers]


def of_trs(models: list[Node]) -> list[Node]:
    """The staging models of the replica; there are others, of the ledger."""
    return [m for m in in_layers(models, "staging") if m["name"].startswith("stg_trs__")]


def columns_of(models: list[Node]) -> list[tuple[Node, Node]]:
    return [(m, c) for m in models for c in m["columns"].values()]


def block_of(column: Node) -> str:
    """The term that a column's description names."""
    (block,) = column["doc_blocks"]
    return str(block).split(".")[-1]


def code_of(node: Node) -> str:
    """The model's SQL without its comments, and with `{}` where Jinja stood."""
    sql = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "{}", node["raw_code"], flags=re.DOTALL)
    return re.sub(r"--[^\n]*", "", sql)


def selected(model: Node) -> list[str]:
    """The columns that a model's last common table expression selects, by their names."""
    body = code_of(model).rpartition("final as (")[2].partition("select")[2]
    items, depth, item = [], 0, ""
    for token in re.findall(r"\bcase\b|\bend\b|[\w.]+|\S|\s+", body):
        depth += {"(": 1, "case": 1, ")": -1, "end": -1}.get(token, 0)
        if depth == 0 and token in ("from", ","):
            items.append(item)
            item = ""
            if token == "from":
                break
        else:
            item += token
    return [re.split(r"[\s.]", one.strip())[-1] for one in items]


def kind_of(test: Node) -> str | None:
    """Name of the generic test behind a data test; None for one that is written out."""
    kind: str | None = (test.get("test_metadata") or {}).get("name")
    return kind


# ---- files and names


def test_model_is_named_after_its_layer(models: list[Node]) -> None:
    wrong = [m["name"] for m in models if not re.fullmatch(NAMES.get(layer_of(m), "(?!)"), m["name"])]
    assert not wrong


def test_extract_is_named_after_its_recipient(models: list[Node]) -> None:
    extracts = in_layers(models, "extracts")
    wrong = [m["name"] for m in extracts if not m["name"].startswith(Path(m["original_file_path"]).parts[2] + "_")]
    assert not wrong


def test_one_sql_and_one_yml_of_the_same_name_side_by_side(models: list[Node]) -> None:
    for model in models:
        sql = PROJECT / model["original_file_path"]
        described = yaml.safe_load(sql.with_suffix(".yml").read_text(encoding="utf-8"))["models"]
        assert sql.stem == model["name"]
        assert [m["name"] for m in described] == [model["name"]]


def test_no_file_is_too_long() -> None:
    paths = [p for folder in ("models", "macros", "tests/generic") for p in (PROJECT / folder).rglob("*.*")]
    assert not [str(p) for p in paths if len(p.read_text(encoding="utf-8").splitlines()) > 400]


def test_final_select_is_last(models: list[Node]) -> None:
    assert not [m["name"] for m in models if not m["raw_code"].rstrip().endswith("\n)\n\nselect * from final")]


# ---- layers


def test_no_layer_reads_backwards(manifest: Node, models: list[Node]) -> None:
    for model in models:
        for parent in model["depends_on"]["nodes"]:
            if not parent.startswith("source."):
                found = layer_of(manifest["nodes"][parent])
                assert found in MAY_READ[layer_of(model)], f"{model['name']} reads {parent} of {found}"


def test_only_staging_reads_sources(models: list[Node]) -> None:
    # But for history: the macros as_at and as_known_at read that themselves, and an intermediate model calls them.
    def is_read(node: str) -> bool:
        return node.startswith("source.") and ".trs_versions." not in node

    historical = [m for m in models if any(".trs_versions." in p for p in m["depends_on"]["nodes"])]
    assert {layer_of(m) for m in historical} == {"intermediate"}
    readers = [m for m in models if any(is_read(p) for p in m["depends_on"]["nodes"])]
    assert {layer_of(m) for m in readers} == {"staging"}


def test_staging_reads_one_source(models: list[Node]) -> None:
    for model in in_layers(models, "staging"):
        sources = [p for p in model["depends_on"]["nodes"] if p.startswith("source.")]
        assert [s.split(".")[-1] for s in sources] == [model["name"].split("__")[1]], model["name"]


def test_no_model_names_a_relation_itself(models: list[Node]) -> None:
    # After `from` and `join` stands a ref, a source or a common table expression of the same model.
    for model in models:
        known = set(re.findall(r"([a-z_0-9]+) as \(", code_of(model)))
        named = re.findall(r"\b(?:from|join)\s+([a-z_][a-z_.0-9]*)(?!\{)\b", code_of(model))
        assert not [n for n in named if n not in known], model["name"]


# ---- domains


def domain_of(node: Node) -> str:
    """The folder below the layer; for extracts the recipient."""
    return str(Path(node["original_file_path"]).parts[2])


def readers_of(models: list[Node], model: Node) -> list[Node]:
    return [m for m in models if model["unique_id"] in m["depends_on"]["nodes"]]


def test_a_domain_is_one_folder_and_one_group_on_each_floor(manifest: Node, models: list[Node]) -> None:
    marts = {domain_of(m) for m in in_layers(models, "marts")}
    assert {domain_of(m) for m in in_layers(models, "intermediate")} <= marts
    assert {group["name"] for group in manifest["groups"].values()} == marts
    for model in in_layers(models, "intermediate", "marts"):
        assert len(Path(model["original_file_path"]).parts) == 4, model["name"]
        assert model["config"]["group"] == domain_of(model), model["name"]


def test_a_step_is_read_by_the_marts_of_its_domain_or_by_other_steps(models: list[Node]) -> None:
    # dbt refuses the rest at parsing, but for a step that is open to other domains: that has to be read by one.
    for model in in_layers(models, "intermediate"):
        readers = readers_of(models, model)
        assert readers, model["name"]
        others = [m["name"] for m in readers if domain_of(m) != domain_of(model)]
        assert bool(others) == (model["access"] == "protected"), (model["name"], others)
        assert model["access"] in ("private", "protected"), model["name"]
        assert {layer_of(m) for m in readers} <= {"intermediate", "marts"}, model["name"]


def test_a_mart_is_for_everyone(models: list[Node]) -> None:
    assert {m["access"] for m in in_layers(models, "marts")} == {"public"}


def test_every_extract_has_an_exposure_with_an_owner(manifest: Node, models: list[Node]) -> None:
    # What leaves is at the end of dbt's lineage, too: one exposure for each contract of exports/.
    contracts = {contract.model for contract in load_contracts()}
    assert contracts == {m["name"] for m in in_layers(models, "extracts")}
    exposures = list(manifest["exposures"].values())
    assert sorted(one["name"] for one in exposures) == sorted(f"deliver_{name}" for name in contracts)
    for one in exposures:
        assert [node.split(".")[-1] for node in one["depends_on"]["nodes"]] == [one["name"].removeprefix("deliver_")]
        assert one["owner"]["name"] and one["description"] and one["label"], one["name"]


# ---- replication


def test_every_replicated_table_is_a_source(manifest: Node, replicated: dict[str, dict[str, str]]) -> None:
    sources = {s["name"] for s in manifest["sources"].values() if s["source_name"] == "trs"}
    assert sources == set(replicated)


def test_history_has_the_same_tables(manifest: Node, replicated: dict[str, dict[str, str]]) -> None:
    sources = {s["name"] for s in manifest["sources"].values() if s["source_name"] == "trs_versions"}
    assert sources == set(replicated)


def test_every_replicated_table_says_what_is_true_on_a_day(
    models: list[Node], replicated: dict[str, dict[str, str]]
) -> None:
    with (PROJECT / "tests/python/sandbox/schema/columns.csv").open(encoding="utf-8") as file:
        types = {(row["table"], row["column"]): row["type"] for row in csv.DictReader(file)}
    tables = load_classification().tables
    rules = {name: rule for name in replicated if (rule := tables[name].as_at)}
    assert set(rules) == set(replicated)
    assert not [name for name, table in tables.items() if table.as_at and name not in replicated]
    grains = {m["name"].removeprefix("stg_trs__"): m["config"]["meta"]["grain"] for m in of_trs(models)}
    for table, rule in rules.items():
        assert rule["key"] == grains[table], table
        assert set(rule) <= {"key", "from", "to", "undated", "since", "removed"}, table
        assert "from" in rule or "since" in rule, table
        assert rule.get("undated", "always") in ("always", "recorded"), table
        days = [rule["from"]] if isinstance(rule.get("from"), str) else rule.get("from", [])
        moments = [
            rule[name] for name in ("since", "removed") if rule.get(name) not in (None, "recorded", "first_copy")
        ]
        for column in [*days, *([rule["to"]] if "to" in rule else [])]:
            assert types[table, column] == "date", f"{table}.{column}"
        for column in moments:
            assert types[table, column] == "timestamp with time zone", f"{table}.{column}"
        assert {*days, *moments} <= set(replicated[table]), table
        # A soft delete that the rule overlooks would count as truth.
        assert "deleted_on" not in replicated[table] or rule.get("removed") == "deleted_on", table


def test_what_reads_history_is_no_view(manifest: Node, models: list[Node]) -> None:
    # A view of ours on a view of versions would stand in the way of a change to the replica.
    readers = [m for m in models if any(".trs_versions." in p for p in m["depends_on"]["nodes"])]
    assert readers
    assert not [m["name"] for m in readers if m["config"]["materialized"] not in ("table", "incremental", "ephemeral")]


def test_every_replicated_table_has_a_staging_model(models: list[Node], replicated: dict[str, dict[str, str]]) -> None:
    staged = {m["name"].removeprefix("stg_trs__") for m in of_trs(models)}
    assert staged == set(replicated)


def test_staging_has_every_replicated_column_and_no_other(
    models: list[Node], replicated: dict[str, dict[str, str]]
) -> None:
    renamed = {"key": "employment_key", "timestamp": "message_timestamp"}
    for model in of_trs(models):
        expected = {renamed.get(c, c) for c in replicated[model["name"].removeprefix("stg_trs__")]}
        added = {c for c in selected(model) if c.endswith("_label")} | {"is_deleted", "infinite_value_count"}
        added |= (
            {"has_infinite_end_date"} if model["name"] in ("stg_trs__alerts", "stg_trs__tps_employments") else set()
        )
        assert set(selected(model)) - added == expected, model["name"]


def test_staging_lists_what_it_tests_and_nothing_else(models: list[Node], data_tests: list[Node]) -> None:
    # Class and meaning of a raw column are in replication/trs.yml, the meaning of its table in the sources.
    tested = {(t.get("attached_node"), t.get("column_name")) for t in data_tests}
    for model, column in columns_of(in_layers(models, "staging")):
        assert column["name"] in selected(model), f"{model['name']}.{column['name']}"
        assert (model["unique_id"], column["name"]) in tested, f"{model['name']}.{column['name']}"
        assert not column["description"] and not column["data_type"], f"{model['name']}.{column['name']}"
    assert not [m["name"] for m in in_layers(models, "staging") if m["description"]]


def test_code_without_label_is_looked_for(models: list[Node], data_tests: list[Node]) -> None:
    tested = {(t["attached_node"], t["column_name"]) for t in data_tests if kind_of(t) == "known_code"}
    labels = {(m["unique_id"], c) for m in in_layers(models, "staging") for c in selected(m) if c.endswith("_label")}
    assert labels
    assert labels <= tested
    # One new code must not keep everybody from everything else.
    assert {t["config"]["severity"].lower() for t in data_tests if kind_of(t) == "known_code"} == {"warn"}


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


def test_a_column_has_the_type_of_its_term(models: list[Node]) -> None:
    # dbt needs the type beside an enforced contract; so it is the one thing that a column repeats.
    terms = load_terms()
    for model in in_layers(models, "intermediate", "marts", "extracts"):
        for column in model_columns(model["name"], terms):
            assert column.data_type in (None, column.term.type), f"{model['name']}.{column.name}"


def test_no_column_repeats_its_class(models: list[Node]) -> None:
    # The class is that of the term, or in staging that of replication/trs.yml.
    assert not [f"{m['name']}.{c['name']}" for m, c in columns_of(models) if c["config"]["meta"] or c["meta"]]


def test_every_term_of_the_field_dictionary_is_used(manifest: Node, models: list[Node]) -> None:
    used = {block for _, column in columns_of(models) for block in column["doc_blocks"]}
    terms = {uid for uid, doc in manifest["docs"].items() if doc["package_name"] == "teaching_record_warehouse"}
    assert terms
    assert not terms - used


def test_grain_is_stated(models: list[Node]) -> None:
    for model in models:
        grain = model["config"]["meta"].get("grain")
        assert grain, model["name"]
        known = selected(model) if layer_of(model) == "staging" else model["columns"]
        assert set(grain) <= set(known), model["name"]


def test_grain_is_tested(models: list[Node], data_tests: list[Node]) -> None:
    tested: dict[str, list[set[str]]] = {}
    for test in data_tests:
        kind = kind_of(test)
        if test["config"]["severity"].lower() != "error" or not test["config"]["enabled"]:
            continue
        if kind == "unique":
            tested.setdefault(test["attached_node"], []).append({test["column_name"]})
        if kind == "unique_combination":
            tested.setdefault(test["attached_node"], []).append(set(test["test_metadata"]["kwargs"]["columns"]))
    missing = [m["name"] for m in models if set(m["config"]["meta"]["grain"]) not in tested.get(m["unique_id"], [])]
    assert not missing


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


def test_dandi_gets_no_national_insurance_number_and_no_email(models: list[Node]) -> None:
    found = [m for m in models if m["original_file_path"].startswith("models/extracts/dandi/")]
    assert found
    refused = re.compile(r"national_insurance|nino|email|postcode|details")
    assert not [f"{m['name']}.{c['name']}" for m, c in columns_of(found) if refused.search(c["name"])]


def test_extract_says_as_at_what_day(models: list[Node]) -> None:
    assert not [m["name"] for m in in_layers(models, "extracts") if "as_at_date" not in m["columns"]]


# ---- tests of the data


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


# ---- both engines


def test_no_model_has_postgres_only_syntax(models: list[Node]) -> None:
    found = {m["name"]: hit.group(0) for m in models if (hit := POSTGRES_ONLY.search(code_of(m)))}
    assert not found


def test_every_dispatched_macro_has_both_engines(manifest: Node) -> None:
    own = {m["name"] for m in manifest["macros"].values() if m["package_name"] == "teaching_record_warehouse"}
    for name in own:
        if name.startswith(("postgres__", "bigquery__", "default__")):
            continue
        variants = {engine for engine in ("default", "postgres", "bigquery") if f"{engine}__{name}" in own}
        assert variants in (set(), {"default", "postgres"}, {"default", "bigquery"}), name


def test_every_macro_with_variants_has_a_test_of_its_own(manifest: Node) -> None:
    own = {m["name"] for m in manifest["macros"].values() if m["package_name"] == "teaching_record_warehouse"}
    dispatched = {name for name in own if f"default__{name}" in own}
    text = "".join(p.read_text(encoding="utf-8") for p in (PROJECT / "tests").glob("macro_*.sql"))
    # The hook works on a table, and rendering it is tested; as_text_array is proven by the unit tests of its models.
    without = {"analyze_table", "as_text_array", "regex_matches"}
    assert {name for name in dispatched if name not in text} == without
