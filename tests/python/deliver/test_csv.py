"""CSV as RFC 4180 has it: what is written is what is read, null and empty told apart."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.python.deliver.world import OCTOBER, column, document, write_contract
from warehouse.core.contracts import Contract, load_contract
from warehouse.core.errors import CheckFailed
from warehouse.deliver import read_back
from warehouse.deliver.csv_blocks import read_block, whole_records
from warehouse.deliver.csv_file import CsvFile, line, with_crlf
from warehouse.deliver.parquet_file import ParquetFile

_TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=12)
_NASTY = st.sampled_from(
    [
        "",
        '"',
        '""',
        ",",
        "\n",
        "\r",
        "\r\n",
        '"\r\n"',
        "a\nb",
        " a ",
        "\ufeff",
        "\ufeffa",
        "null",
        "NULL",
        "\\.",
        "Ó",
        "😀",
    ]
)
_VALUES = st.none() | _TEXT | _NASTY
_ROWS = st.lists(st.tuples(_VALUES, _VALUES, _VALUES), max_size=8)


@given(_ROWS)
def test_what_is_written_is_what_is_read(rows: list[tuple[str | None, ...]]) -> None:
    schema = pyarrow.schema([(name, pyarrow.string()) for name in "abc"])
    content = line("abc") + b"".join(line(row) for row in rows)
    table = read_block(content.removeprefix(line("abc")), schema)
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


@given(_ROWS, st.integers(1, 24))
def test_pieces_end_with_a_record_whatever_their_size(rows: list[tuple[str | None, ...]], size: int) -> None:
    records = [line(row) for row in rows]
    pieces = list(whole_records(io.BytesIO(b"".join(records)), size))
    ends = {sum(map(len, records[:number])) for number in range(len(records) + 1)}
    at = 0
    for piece in pieces:
        at += len(piece)
        assert at in ends and piece
    assert b"".join(pieces) == b"".join(records)


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Contract]:
    """A contract of three texts for each kind of file; its first column is the first in a record."""
    made = {}
    for kind in ("csv", "parquet"):
        given_ = document(kind=kind, sortKey=["a"])
        given_["schema"][0]["properties"] = [
            column("a", "string", "text", primaryKey=True, required=True),
            column("b", "string", "text"),
            column("c", "string", "text"),
        ]
        made[kind] = load_contract(write_contract(tmp_path_factory.mktemp(kind), given_))
    return made


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@given(rows=_ROWS, size=st.integers(1, 40), per_write=st.integers(1, 4))
def test_the_gate_reads_what_is_there(
    kind: str,
    contracts: dict[str, Contract],
    place: Path,
    rows: list[tuple[str | None, ...]],
    size: int,
    per_write: int,
) -> None:
    """Whatever lies at the border of two blocks: half a character, CR and LF, a quote, a byte order mark."""
    contract, path = contracts[kind], place / f"x.{kind}"
    file = CsvFile(path, ["a", "b", "c"]) if kind == "csv" else ParquetFile(path, contract, path.name, OCTOBER, {"a"})
    copied = [line(row)[:-2] + b"\n" for row in rows]
    for start in range(0, len(copied), per_write):
        file.write(copied[start : start + per_write])
    file.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read_back, "BYTES_PER_BATCH", size)
        patch.setattr(read_back, "ROWS_PER_BATCH", size)
        found = [tuple(row.values()) for batch in read_back.batches(path, contract) for row in batch.to_pylist()]
        seconds = [row["b"] for batch in read_back.batches(path, contract, ["b"]) for row in batch.to_pylist()]
    assert found == rows
    assert seconds == [row[1] for row in rows]


def test_cr_and_lf_within_quotes_at_the_border_of_two_real_blocks(contracts: dict[str, Contract], place: Path) -> None:
    text = "x" * (read_back.BYTES_PER_BATCH - len(line("abc")) - len('1,"') - 1) + "\r\ny"
    file = CsvFile(place / "long.csv", ["a", "b", "c"])
    file.write([line(["1", text, None])[:-2] + b"\n", line(["2", "\ufeff", ""])[:-2] + b"\n"])
    file.close()
    content = (place / "long.csv").read_bytes()
    assert content[read_back.BYTES_PER_BATCH - 1 : read_back.BYTES_PER_BATCH + 1] == b"\r\n"
    found = [
        tuple(row.values())
        for one in read_back.batches(place / "long.csv", contracts["csv"])
        for row in one.to_pylist()
    ]
    assert found == [("1", text, None), ("2", "\ufeff", "")]


@pytest.mark.parametrize("content", [b'1,"\r\n', b"1,2\r\n", b"1,2,3\n4\r\n"])
def test_what_is_no_record_is_told(content: bytes, contracts: dict[str, Contract], place: Path) -> None:
    path = place / "broken.csv"
    path.write_bytes(line("abc") + content)
    with pytest.raises(CheckFailed):
        list(read_back.batches(path, contracts["csv"]))
