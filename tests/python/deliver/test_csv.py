"""CSV as RFC 4180 has it: what is written is what is read, null and empty told apart."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow.csv
from hypothesis import given
from hypothesis import strategies as st

from warehouse.deliver.csv_file import CsvFile, line, with_crlf
from warehouse.deliver.parquet_file import csv_options

_TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=12)
_NASTY = st.sampled_from(["", '"', '""', ",", "\n", "\r\n", "a\nb", " a ", "\ufeff", "null", "NULL", "\\.", "Ó", "😀"])
_VALUES = st.none() | _TEXT | _NASTY
_ROWS = st.lists(st.tuples(_VALUES, _VALUES, _VALUES), max_size=8)


@given(_ROWS)
def test_what_is_written_is_what_is_read(rows: list[tuple[str | None, ...]]) -> None:
    schema = pyarrow.schema([(name, pyarrow.string()) for name in "abc"])
    content = line("abc") + b"".join(line(row) for row in rows)
    if rows:
        table = pyarrow.csv.read_csv(io.BytesIO(content), **csv_options(schema))
        assert [tuple(row.values()) for row in table.to_pylist()] == rows
    # A reader that cannot tell null from empty sees the same rows otherwise.
    plain = list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))
    assert plain == [["a", "b", "c"], *[[value or "" for value in row] for row in rows]]


@given(_ROWS)
def test_only_the_end_of_a_row_becomes_crlf(rows: list[tuple[str | None, ...]]) -> None:
    copied = [line(row)[:-2] + b"\n" for row in rows]
    assert with_crlf(copied) == b"".join(line(row) for row in rows)


def test_a_file(tmp_path: Path) -> None:
    file = CsvFile(tmp_path / "x.csv", ["trn", "last_name"])
    file.write([b'0000001,"O""Neill"\n', b"0000002,\n", b'0000003,""\n'])
    file.close()
    assert (tmp_path / "x.csv").read_bytes() == (b'trn,last_name\r\n0000001,"O""Neill"\r\n0000002,\r\n0000003,""\r\n')
