"""Files, names, layers and domains of the dbt project: each test is one rule, each exception a row with a reason."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tests.python.dbt.nodes import Node, code_of, domain_of, in_layers, is_one_macro, layer_of, readers_of
from tests.python.dbt.windows import order_terms
from warehouse.core import fast_yaml
from warehouse.core.contracts import load_contracts
from warehouse.core.settings import PROJECT

NAMES: Final = {
    "staging": r"stg_[a-z]+__[a-z_]+",
    "intermediate": r"int_[a-z_]+__[a-z_]+",
    # What the tests of a build found is no fact and no dimension of the record.
    "marts": r"(dim|fct)_[a-z_]+|data_quality",
    "extracts": r"[a-z]+_[a-z_]+",
    # Old names, as test_legacy.py asks of each.
    "legacy": r"[a-z_]+",
}

# What a layer may read, beside itself (staging reads nothing of staging; see test_staging_reads_one_source).
MAY_READ: Final = {
    "staging": {"seeds"},
    "intermediate": {"seeds", "staging", "intermediate"},
    "marts": {"seeds", "staging", "intermediate", "marts"},
    # Of extracts those of the same recipient: the files of one vintage are of the people of its first file.
    "extracts": {"marts", "extracts"},
    # Of the steps the commit times of rows alone, which no other model asks for.
    "legacy": {"seeds", "staging", "marts", "legacy", "intermediate"},
}


# ---- files and names


def test_model_is_named_after_its_layer(models: list[Node]) -> None:
    wrong = [m["name"] for m in models if not re.fullmatch(NAMES.get(layer_of(m), "(?!)"), m["name"])]
    assert not wrong


def test_extract_is_named_after_its_recipient(models: list[Node]) -> None:
    extracts = in_layers(models, "extracts")
    wrong = [m["name"] for m in extracts if not m["name"].startswith(Path(m["original_file_path"]).parts[2] + "_")]
    assert not wrong


def test_one_sql_and_one_yml_of_the_same_name_side_by_side(models: list[Node]) -> None:
    # The replicas of the old reporting copy are one macro each, and one line of one YAML.
    for model in (m for m in models if not is_one_macro(m)):
        sql = PROJECT / model["original_file_path"]
        described = fast_yaml.safe_load(sql.with_suffix(".yml").read_text(encoding="utf-8"))["models"]
        assert sql.stem == model["name"]
        assert [m["name"] for m in described] == [model["name"]]
    # dbt only warns of a YAML without its SQL.
    described_files = [file for file in (PROJECT / "models").rglob("*.yml") if not file.name.startswith("_")]
    assert not [str(file) for file in described_files if not file.with_suffix(".sql").exists()]


def test_no_file_is_too_long() -> None:
    paths = [p for folder in ("models", "macros", "tests/generic") for p in (PROJECT / folder).rglob("*.*")]
    assert not [str(p) for p in paths if len(p.read_text(encoding="utf-8").splitlines()) > 400]


def test_final_select_is_last(models: list[Node]) -> None:
    written = [m for m in models if not is_one_macro(m)]
    assert not [m["name"] for m in written if not m["raw_code"].rstrip().endswith("\n)\n\nselect * from final")]


# ---- layers


def test_no_layer_reads_backwards(manifest: Node, models: list[Node]) -> None:
    for model in models:
        for parent in model["depends_on"]["nodes"]:
            if not parent.startswith("source."):
                found = layer_of(manifest["nodes"][parent])
                assert found in MAY_READ[layer_of(model)], f"{model['name']} reads {parent} of {found}"


def test_an_extract_reads_no_other_recipients(manifest: Node, models: list[Node]) -> None:
    for model in in_layers(models, "extracts"):
        for parent in model["depends_on"]["nodes"]:
            node = manifest["nodes"].get(parent)
            if node and layer_of(node) == "extracts":
                assert node["fqn"][:-1] == model["fqn"][:-1], f"{model['name']} reads {parent}"


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


def test_only_one_macro_reads_the_replica(models: list[Node]) -> None:
    # It is what a build as known at a moment turns to that moment; a model that read the source would not follow.
    staging = in_layers(models, "staging")
    assert not [m["name"] for m in staging if re.search(r"source\(\s*['\"]trs(_versions)?['\"]", m["raw_code"])]


def test_no_model_names_a_relation_itself(models: list[Node]) -> None:
    # After `from` and `join` stands a ref, a source or a common table expression of the same model.
    for model in models:
        known = set(re.findall(r"([a-z_0-9]+) as \(", code_of(model)))
        named = re.findall(r"\b(?:from|join)\s+([a-z_][a-z_.0-9]*)(?!\{)\b", code_of(model))
        assert not [n for n in named if n not in known], model["name"]


# ---- domains


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
        beyond = {"legacy"} if model["name"].endswith("__commit_times") else set()
        assert {layer_of(m) for m in readers} <= {"intermediate", "marts"} | beyond, model["name"]


def test_a_mart_is_for_everyone(models: list[Node]) -> None:
    assert {m["access"] for m in in_layers(models, "marts")} == {"public"}


def test_every_extract_has_an_exposure_with_an_owner(manifest: Node, models: list[Node]) -> None:
    # What leaves is at the end of dbt's lineage, too: one exposure for each table of each contract of exports/.
    contracts = {model for contract in load_contracts() for model in contract.models}
    assert contracts == {m["name"] for m in in_layers(models, "extracts")}
    exposures = list(manifest["exposures"].values())
    assert sorted(one["name"] for one in exposures) == sorted(f"deliver_{name}" for name in contracts)
    for one in exposures:
        assert [node.split(".")[-1] for node in one["depends_on"]["nodes"]] == [one["name"].removeprefix("deliver_")]
        assert one["owner"]["name"] and one["description"] and one["label"], one["name"]


# What PostgreSQL has and BigQuery has not (or spells otherwise): the project's macros are for that.
POSTGRES_ONLY: Final = re.compile(
    r"::|\bilike\b|\bfilter\s*\(|\bdistinct\s+on\b|\barray_agg\b|\bunnest\s*\(|\blateral\b|->>?|#>>|\bjsonb?\b"
    r"|\binterval\b|\bto_char\b|\bnow\s*\(|\bat\s+time\s+zone\b|\bcurrent_date\b|[^!<>]~|\busing\s*\(|\bstring_agg\b|\bbool_or\b",
    re.IGNORECASE,
)


# ---- both databases


def test_no_model_has_postgres_only_syntax(models: list[Node]) -> None:
    found = {m["name"]: hit.group(0) for m in models if (hit := POSTGRES_ONLY.search(code_of(m)))}
    assert not found


# What both databases have and do not mean alike, and the macro that means one thing: docs/adr/0044.
MEANS_TWO_THINGS: Final = {
    r"\b(least|greatest)\s*\(": "earlier_of, later_of: on BigQuery one null makes the answer null",
    r"\btrim\s*\(": "as_trimmed_text: BigQuery's trim takes all white space",
    r"\blistagg\s*\(|\bstring_agg\s*\(": "listed_text: PostgreSQL's order is that of the database's collation",
    r"\bcollate\b": "text_order",
    r"\bjson_value\s*\(|#>>|->>": "json_text: an object is null on BigQuery, text on PostgreSQL",
}


def test_no_model_or_macro_has_what_the_two_databases_read_differently(manifest: Node, models: list[Node]) -> None:
    own = [m for m in manifest["macros"].values() if m["package_name"] == "teaching_record_warehouse"]
    elsewhere = [m for m in own if "/cross_db/" not in m["original_file_path"]]
    code = {m["name"]: re.sub(r"{#.*?#}", "", m["macro_sql"], flags=re.DOTALL) for m in elsewhere}
    code |= {m["name"]: re.sub(r"{#.*?#}|--[^\n]*", "", m["raw_code"], flags=re.DOTALL) for m in models}
    found = {
        (name, instead)
        for name, text in code.items()
        for idiom, instead in MEANS_TWO_THINGS.items()
        if re.search(idiom, text)
    }
    # Bytes have no collation.
    assert {name for name, _ in found} <= {"key_block"}, found


def test_windows_say_where_nulls_are(models: list[Node]) -> None:
    # Without it nulls come first on one database and last on the other, rising and falling alike.
    silent = {
        (m["name"], term)
        for m in models
        for term in order_terms(code_of(m))
        if not term.endswith((" nulls last", " nulls first"))
    }
    assert not silent


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
    # The hook works on a table, and rendering it is tested.
    without = {"analyze_table", "regex_matches"}
    assert {name for name in dispatched if name not in text} == without
