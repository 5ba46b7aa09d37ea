"""A delivered file without a person: every other byte of a CSV stays, whatever stands in its fields."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
from hypothesis import given
from hypothesis import strategies as st

from warehouse.core.data_package import key_beside
from warehouse.deliver.csv_file import line
from warehouse.erase import Subject
from warehouse.erase.columns import emptied
from warehouse.erase.data_file import without
from warehouse.erase.stored import Rewritten

SUBJECT = Subject({"trn": frozenset(["1234567"]), "email_address": frozenset(["a@example.org"])})
_TEXT = st.one_of(
    st.none(),
    st.sampled_from(["", '"', ",", "\r\n", "\n", 'x"y', "12345678", "a@example.org", "A@EXAMPLE.ORG, b", "Ó"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)


def csv_without(content: bytes, key: tuple[str, ...] = ()) -> tuple[bytes, int, int, int]:
    with tempfile.TemporaryDirectory() as folder:
        path, to = Path(folder, "a.csv"), Path(folder, "b.csv")
        path.write_bytes(content)
        done = without(path, to, SUBJECT, key)
        assert without(path, None, SUBJECT, key) == done
        return to.read_bytes(), done.rows, done.removed, done.emptied


@given(st.lists(st.tuples(st.sampled_from(["1234567", "7654321"]), _TEXT, _TEXT), max_size=6))
def test_rows_of_others_keep_their_bytes(rows: list[tuple[str, str | None, str | None]]) -> None:
    def is_theirs(value: str | None) -> bool:
        return bool(value) and bool(SUBJECT.finder.search(str(value)))

    header = line(["trn", "note", "other"])
    content = header + b"".join(line(row) for row in rows)
    kept = [row for row in rows if row[0] != "1234567"]
    emptied = [tuple(None if is_theirs(value) else value for value in row) for row in kept]
    expected = header + b"".join(line(row) for row in emptied)
    found = csv_without(content)
    assert found == (
        expected,
        len(kept),
        len(rows) - len(kept),
        sum(a != b for a, b in zip(kept, emptied, strict=True)),
    )


def test_the_files_own_key_says_whose_row_it_is() -> None:
    content = line(["member", "successor"]) + line(["1234567", "2"]) + line(["3", "1234567"])
    assert csv_without(content, ("member",)) == (line(["member", "successor"]) + line(["3", None]), 1, 1, 1)


def test_a_column_that_says_whose_row_it_is_may_have_an_agreed_name(tmp_path: Path) -> None:
    """The row goes, and not the number alone."""
    fields = [{"name": "Full name"}, {"name": "TRN", "column": "trn"}]
    content = line(["Full name", "TRN"]) + line(["Ann", "1234567"]) + line(["Bo", "3"])
    (tmp_path / "a.csv").write_bytes(content)
    assert without(tmp_path / "a.csv", None, SUBJECT, ()).removed == 0, "nothing says what the column is"
    resource = {"path": "a.csv", "schema": {"fields": fields}}
    (tmp_path / "datapackage.json").write_text(json.dumps({"resources": [resource]}))
    done = without(tmp_path / "a.csv", tmp_path / "b.csv", SUBJECT, ())
    assert (done.removed, done.emptied) == (1, 0)
    assert (tmp_path / "b.csv").read_bytes() == line(["Full name", "TRN"]) + line(["Bo", "3"])


def test_parquet_keeps_its_schema_and_the_others_values(tmp_path: Path) -> None:
    schema = pa.schema([("trn", pa.string()), ("hours", pa.decimal128(6, 2)), ("merged_with_trn", pa.string())])
    given_ = {
        "trn": ["1234567", "7654321", "0000001"],
        "hours": [None, None, None],
        "merged_with_trn": [None, "1234567", ""],
    }
    path, to = tmp_path / "a.parquet", tmp_path / "b.parquet"
    pyarrow.parquet.write_table(pa.table(given_, schema=schema), path)
    done = without(path, to, SUBJECT, ())
    assert (done.rows, done.removed, done.emptied) == (2, 1, 1)
    left = pyarrow.parquet.read_table(to)
    assert left.schema == schema
    assert left.column("trn").to_pylist() == ["7654321", "0000001"]
    assert left.column("merged_with_trn").to_pylist() == [None, ""]
    # Written again it is the same file, so that a killed command can go on.
    again = tmp_path / "c.parquet"
    without(path, again, SUBJECT, ())
    assert again.read_bytes() == to.read_bytes()


def test_a_file_of_fixed_width_by_the_layout_of_its_manifest(tmp_path: Path) -> None:
    """Fields stand next to each other: 1234567 is a TRN in one record, and no more than digits in the next two."""
    records = {
        "A": [{"start": 1, "width": 7, "field": "trn"}, {"start": 8, "width": 1, "field": "code"}, _constant("A")],
        "B": [{"start": 1, "width": 7, "field": "trn"}, {"start": 8, "width": 8, "field": "other"}, _constant("B")],
    }
    resource = {"path": "a.txt", "encoding": "windows-1252", "layout": {"width": 16, "records": records}}
    (tmp_path / "datapackage.json").write_text(json.dumps({"resources": [resource]}))
    theirs, others = [b"12345672       A", b"1234567\xd3x      B"], [b"01234567       A", b"7654321 1234567B"]
    path, to = tmp_path / "a.txt", tmp_path / "b.txt"
    path.write_bytes(b"".join(record + b"\r\n" for record in [theirs[0], others[0], theirs[1], others[1]]))
    done = without(path, to, SUBJECT, ["trn"])
    assert (done.rows, done.removed, done.emptied) == (2, 2, 1) and without(path, None, SUBJECT, ["trn"]) == done
    assert to.read_bytes() == b"01234567       A\r\n7654321        B\r\n"
    assert emptied(path, to, ["code", "other"]) == Rewritten(4, True)
    assert to.read_bytes() == b"1234567        A\r\n0123456        A\r\n1234567        B\r\n7654321        B\r\n"
    # Nothing says where a field ends before the manifest is there: such a file is made again.
    (tmp_path / "datapackage.json").unlink()
    assert without(path, None, SUBJECT, ()).removed == 4


def test_each_file_of_a_delivery_has_its_own_key_beside_it(tmp_path: Path) -> None:
    """A set of change files has a file for each table."""
    resources = [{"path": f"{name}.parquet", "schema": {"primaryKey": [name]}} for name in ("subject", "reference")]
    (tmp_path / "datapackage.json").write_text(json.dumps({"resources": resources}))
    assert [key_beside(tmp_path / one["path"]) for one in resources] == [["subject"], ["reference"]]
    assert key_beside(tmp_path / "another.parquet") == []


def _constant(text: str) -> dict[str, Any]:
    return {"start": 16, "width": 1, "constant": text}
