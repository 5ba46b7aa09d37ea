"""Staging and history follow replication/trs.yml."""

from __future__ import annotations

import csv

from tests.python.dbt.nodes import Node, columns_of, in_layers, of_trs, selected
from warehouse.core.settings import PROJECT
from warehouse.replicate.classification import load_classification


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
        added = {c for c in selected(model) if c.endswith("_label")} | {
            "is_deleted",
            "infinite_value_count",
            "dates_out_of_range",
        }
        added |= {f"has_infinite_{column}" for column in expected}
        assert set(selected(model)) - added == expected, model["name"]


def test_staging_keeps_and_lists_the_dates_that_nobody_can_read(models: list[Node]) -> None:
    counting = [m for m in of_trs(models) if "infinite_value_count" in selected(m)]
    assert len(counting) > 15
    dated = {m["name"] for m in of_trs(models) if "finite(" in m["raw_code"]}
    assert dated == {m["name"] for m in counting}
    assert not [m["name"] for m in counting if "dates_out_of_range" not in selected(m)]
    listed = {m["name"] for m, c in columns_of(models) if c["config"]["meta"].get("readable_dates")}
    assert listed == dated


def test_staging_lists_what_it_tests_and_nothing_else(models: list[Node], data_tests: list[Node]) -> None:
    # Class and meaning of a raw column are in replication/trs.yml, the meaning of its table in the sources.
    tested = {(t.get("attached_node"), t.get("column_name")) for t in data_tests}
    tested |= {(m["unique_id"], c["name"]) for m, c in columns_of(models) if c["config"]["meta"]}
    for model, column in columns_of(in_layers(models, "staging")):
        assert column["name"] in selected(model), f"{model['name']}.{column['name']}"
        assert (model["unique_id"], column["name"]) in tested, f"{model['name']}.{column['name']}"
        assert not column["description"] and not column["data_type"], f"{model['name']}.{column['name']}"
    assert not [m["name"] for m in in_layers(models, "staging") if m["description"]]


def test_code_without_label_is_looked_for(models: list[Node]) -> None:
    tested = {(m["unique_id"], c["name"]) for m, c in columns_of(models) if c["config"]["meta"].get("known_code")}
    labels = {(m["unique_id"], c) for m in in_layers(models, "staging") for c in selected(m) if c.endswith("_label")}
    assert labels
    assert labels <= tested
    # One new code must not keep everybody from everything else.
    assert not [m["name"] for m, c in columns_of(models) if "known_code" in c["config"]["meta"].get("stops", {})]
