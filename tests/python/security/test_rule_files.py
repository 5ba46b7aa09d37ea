"""Delivered files after a rule changed: the columns made of what is not allowed any more are emptied, and no others."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from warehouse.erase.columns import emptied
from warehouse.jobs.rule_changes import made_of


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
