"""Delivered files after a rule changed: the columns made of what is not allowed any more are emptied, and no others."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.python.conftest import FreshDatabases
from warehouse.core.progress import Silent
from warehouse.erase.columns import emptied, take_out
from warehouse.jobs.rule_changes import _made_of, made_of


def flow(relation: str, column: str, kind: str = "value", through: str = "") -> list[object]:
    return [relation, column, kind, through, []]


LINEAGE = {
    "relations": [
        {"place": "trs.persons", "columns": {"trn": [[], None, []], "name": [[], None, []]}},
        {"place": "trs.notes", "columns": {"content": [[], None, []]}},
        {
            "place": "marts.dim_person",
            "columns": {
                "trn": [[], "sensitive", [flow("trs.persons", "trn")]],
                "called": [[], "sensitive", [flow("trs.persons", "name"), flow("trs.persons", "trn", "matched")]],
                "pseudonym": [[], "personal", [flow("trs.persons", "trn", through="keyed_pseudonym")]],
            },
        },
        {
            "place": "extracts.tad_teachers",
            "columns": {
                "number": [[], "sensitive", [flow("marts.dim_person", "trn")]],
                "called": [[], "sensitive", [flow("marts.dim_person", "called")]],
                "pseudonym": [[], "personal", [flow("marts.dim_person", "pseudonym")]],
            },
        },
    ]
}


def test_columns_are_followed_by_lineage_under_another_name() -> None:
    assert made_of(LINEAGE, ("persons", "trn"), "extracts.tad_teachers") == {"number"}
    assert made_of(LINEAGE, ("persons", ""), "extracts.tad_teachers") == {"number", "called"}
    assert made_of(LINEAGE, ("notes", ""), "extracts.tad_teachers") == set()


def test_a_csv_file_loses_the_values_of_a_column_and_nothing_else(tmp_path: Path) -> None:
    before, after = tmp_path / "before.csv", tmp_path / "after.csv"
    before.write_bytes(b'id,called,town\r\n1,"O""Hara, tell-tale",Leeds\r\n2,"a\r\nb",\r\n3,,Bath\r\n')
    done = emptied(before, after, {"called"})
    assert (done.rows, done.differs) == (3, True)
    assert after.read_bytes() == b"id,called,town\r\n1,,Leeds\r\n2,,\r\n3,,Bath\r\n"
    assert not emptied(after, before, {"called"}).differs


def test_a_parquet_file_loses_the_values_of_a_column_and_nothing_else(tmp_path: Path) -> None:
    before, after = tmp_path / "before.parquet", tmp_path / "after.parquet"
    table = pa.table({"id": [1, 2, 3], "called": ["tell-tale", None, "b"], "born": [1, 2, None]})
    pyarrow.parquet.write_table(table, before, row_group_size=2)
    done = emptied(before, after, {"called", "born"})
    assert (done.rows, done.differs) == (3, True)
    found = pyarrow.parquet.read_table(after)
    assert found.schema.names == ["id", "called", "born"]
    assert found.to_pydict() == {"id": [1, 2, 3], "called": [None] * 3, "born": [None] * 3}
    assert b"tell-tale" not in after.read_bytes()
    assert not emptied(after, before, {"called", "born"}).differs


def test_a_column_with_an_agreed_name_is_known_by_its_manifest(tmp_path: Path) -> None:
    fields = [{"name": "TRN", "column": "trn"}, {"name": "Full name", "column": "called"}, {"name": "trn_seen"}]
    for suffix in ("csv", "parquet"):
        resource = {"path": f"a.{suffix}", "schema": {"fields": fields}}
        (tmp_path / "datapackage.json").write_text(json.dumps({"resources": [resource]}))
        path, after = tmp_path / f"a.{suffix}", tmp_path / f"after.{suffix}"
        if suffix == "csv":
            path.write_bytes(b"TRN,Full name,trn_seen\r\n1234567,tell-tale,1\r\n")
        else:
            pyarrow.parquet.write_table(
                pa.table({"TRN": ["1234567"], "Full name": ["tell-tale"], "trn_seen": ["1"]}), path
            )
        assert emptied(path, after, {"called"}).differs
        if suffix == "csv":
            assert after.read_bytes() == b"TRN,Full name,trn_seen\r\n1234567,,1\r\n"
        else:
            assert pyarrow.parquet.read_table(after).to_pylist() == [
                {"TRN": "1234567", "Full name": None, "trn_seen": "1"}
            ]


DELIVERED = """
alter table ledger.deliveries disable trigger user;
insert into ledger.builds (build_id, as_at, project_sha256, lineage) overriding system value
values (1, now(), '', %(lineage)s);
insert into ledger.deliveries (
    delivery_id, recipient, extract, period, state, contract_version, contract_sha256, model, destination, build_id,
    attempt, as_at, rows, bytes, manifest_sha256, closed_at
) values (
    'tad/both/2026-09', 'tad', 'both', '2026-09', 'closed', '1.0.0', '', 'tad_teachers', %(folder)s, 1, 1, now(), 1, 1,
    '', now()
);
insert into ledger.delivery_files (delivery_id, attempt, name, kind, rows, bytes, sha256, md5, crc32c, content)
select 'tad/both/2026-09', 1, 'tad/both/2026-09/' || name, kind, 1, 1, '', '', '', content::jsonb
from (values
    ('datapackage.json', 'manifest', null), ('a.csv', 'data', '{"model": "tad_schools"}'), ('b.csv', 'data', null)
) as v (name, kind, content);
insert into ledger.rule_changes (table_name, column_name, file_sha256) values ('persons', 'name', '');
"""


@pytest.mark.slow
def test_each_file_of_a_delivery_is_followed_by_its_own_model(prepared: FreshDatabases, tmp_path: Path) -> None:
    """The first file is made of nothing that changed, and has a column of the same name, which stays."""
    settings = prepared.settings.model_copy(update={"warehouse_deliveries": tmp_path})
    folder = tmp_path / "tad" / "both" / "2026-09"
    folder.mkdir(parents=True)
    for name in ("a.csv", "b.csv"):
        (folder / name).write_bytes(b"called,town\r\nAnn,Leeds\r\n")
    resources = [{"path": name, "rows": 1} for name in ("a.csv", "b.csv")]
    (folder / "datapackage.json").write_text(json.dumps({"delivery": {}, "resources": resources}))
    with prepared.at_warehouse() as warehouse:
        with psycopg.ClientCursor(warehouse) as cursor:
            cursor.execute(DELIVERED.encode(), {"lineage": json.dumps(LINEAGE), "folder": str(tmp_path)})
        changes = {1: partial(_made_of, warehouse, ("persons", "name"))}
        assert take_out(warehouse, settings, changes, Silent(), lambda _: None) == []
        assert (folder / "a.csv").read_bytes() == b"called,town\r\nAnn,Leeds\r\n"
        assert (folder / "b.csv").read_bytes() == b"called,town\r\n,Leeds\r\n"
        noted = warehouse.execute("select name, columns from ledger.rule_files order by name").fetchall()
    assert [(name.rsplit("/")[-1], columns) for name, columns in noted] == [
        ("b.csv", ["called"]),
        ("datapackage.json", ["called"]),
    ]
