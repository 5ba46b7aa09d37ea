"""The project as BigQuery takes it: Google's analyzer resolves each statement of a build, and runs what reads no table.

It is dbt's own build with dbt's own adapter, contract queries and unit tests included. What it does not show: quotas,
rights, costs, and rows of the replica. docs/adr/0044-born-on-both-engines.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.python.dbt.googlesql.engine import Column, Engine, Refused
from tests.python.dbt.googlesql.project import Built, build
from warehouse.core.settings import PROJECT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(PROJECT, tmp_path_factory.mktemp("bigquery"))


# ---- the project


def test_bigquery_takes_every_statement(built: Built) -> None:
    assert [reason for _, reason in built.client.refused] == []
    assert built.messages == {}
    nodes = [n for n in built.manifest["nodes"].values() if n["resource_type"] in ("model", "test", "seed")]
    assert len(nodes) > 150
    assert {n["name"] for n in nodes} <= built.statuses.keys()


def test_unit_tests_and_sql_tests_are_run_there(built: Built) -> None:
    nodes, units = built.manifest["nodes"].values(), built.manifest["unit_tests"].values()
    written = {n["unique_id"] for n in nodes if n["original_file_path"].startswith(("tests/macro_", "tests/history_"))}
    assert len(written) >= 14
    assert {u["unique_id"] for u in units} | written <= built.client.executed


def test_datasets_have_the_name_of_the_profile_before_them(built: Built) -> None:
    assert built.engine.table(("none", "teaching_record_marts", "dim_person"))
    assert built.engine.table(("none", "teaching_record_staging", "stg_trs__persons"))


# ---- what it would find


@pytest.fixture(scope="module")
def engine() -> Engine:
    made = Engine()
    columns = (
        Column("id", "STRING"),
        Column("made_on", "TIMESTAMP"),
        Column("payload", "JSON"),
        Column("code", "INTEGER"),
    )
    made.add_table(("none", "trs", "things"), columns)
    return made


@pytest.mark.parametrize(
    ("mutated", "reason"),
    [
        ("select cast(null as numeric(5, 2)) as share", "Parameterized types are not supported"),
        ("select id from none.trs.things where 1", "WHERE clause should return type BOOL"),
        ("select cast(payload as string) as payload from none.trs.things", "Invalid cast from JSON to STRING"),
        (
            "with late as (select null as made_on) select * from late union all select made_on from none.trs.things",
            "incompatible types: INT64, TIMESTAMP",
        ),
        ("select id from none.trs.things where code = '1'", "No matching signature for operator ="),
        ("select id::text from none.trs.things", "Syntax error"),
        ("select id, max(made_on) as made_on from none.trs.things", "neither grouped nor aggregated"),
        ("select gone from none.trs.things", "Unrecognized name: gone"),
        ("select id from none.trs.gone", "Table not found"),
    ],
)
def test_what_bigquery_refuses(engine: Engine, mutated: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason.replace("(", r"\(")):
        engine.resolve(mutated)


def test_what_bigquery_takes(engine: Engine) -> None:
    sql = "select cast(code as bigint) as code, array_agg(id) as ids, max(made_on) as made_on from `none`.trs.things"
    assert engine.resolve(f"{sql} group by code").columns == (
        Column("code", "INTEGER"),
        Column("ids", "STRING", is_array=True),
        Column("made_on", "TIMESTAMP"),
    )


SMALL: Final = {
    "dbt_project.yml": """
name: small
version: 0.1.0
profile: teaching_record_warehouse
""",
    "models/right.sql": "select 'a' as id, cast(1.25 as numeric) as share",
    "models/share_of_fixed_width.sql": "select 'a' as id, cast(1.25 as numeric) as share",
    "models/other_type.sql": "select 'a' as id, '1.25' as share",
    "models/untyped.sql": """
with late as (select 'a' as id, null as made_on)
select id, made_on from late union all select 'b' as id, current_timestamp() as made_on""",
    "models/schema.yml": """
models:
  - name: right
    config: {contract: {enforced: true}}
    columns: [{name: id, data_type: string}, {name: share, data_type: numeric}]
  - name: share_of_fixed_width
    config: {contract: {enforced: true}}
    columns: [{name: id, data_type: string}, {name: share, data_type: 'numeric(5, 2)'}]
  - name: other_type
    config: {contract: {enforced: true}}
    columns: [{name: id, data_type: string}, {name: share, data_type: numeric}]
unit_tests:
  - name: right_is_b
    model: right
    given: []
    expect: {rows: [{id: b}]}
""",
    "tests/trims_tabs.sql": r"select 1 as fault from (select trim('\ta') as given) as cases where given = 'a'",
}


def test_a_fault_in_a_project_fails_its_build(tmp_path: Path) -> None:
    for name, text in SMALL.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    small = build(tmp_path, tmp_path / "target")
    assert small.statuses["right_is_b"] == "fail"  # and the model that it is about is then not built
    assert small.statuses["trims_tabs"] == "fail"
    assert "Parameterized types are not supported" in small.messages["share_of_fixed_width"]
    assert "does not match" in small.messages["other_type"] or "contract" in small.messages["other_type"]
    assert "incompatible types: INT64, TIMESTAMP" in small.messages["untyped"]
