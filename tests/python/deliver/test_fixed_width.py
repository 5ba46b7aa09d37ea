"""Files of fixed width: the bytes that the layout says, whatever the names are; what does not fit is counted."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.core.contracts import Contract, load_contract
from warehouse.core.contracts.layout import BadLayout, Encoding, layout_of
from warehouse.core.contracts.place import EXPORTS
from warehouse.core.contracts.types import ColumnType, Kind
from warehouse.core.errors import CheckFailed
from warehouse.deliver import csv_file
from warehouse.deliver.fixed_width import FixedWidthFile, columns_beside
from warehouse.deliver.read_back import batches
from warehouse.deliver.single_byte import TRANSLITERATED, Unwritable, encoded

Row = dict[str, str | None]

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=70)
"""Any text that PostgreSQL holds."""

PRESENT, PREVIOUS, NUMBER, BIRTH = "1018Z981", "2018Z981", " 321ZE2*", "1211ZE1*"


@lru_cache
def contract(name: str) -> Contract:
    return load_contract(EXPORTS / "tps" / f"{name}.odcs.yaml")


def new(trn: str = "1234567", code: str = PRESENT, **given: str | None) -> Row:
    return {
        "as_at_date": "2026-10-01",
        "record_created_date": "2026-09-30",
        "trn": trn,
        "pensions_update_code": code,
        "pensions_gender_code": "2",
        **given,
    }


def amended(code: str, **given: str | None) -> Row:
    return {"detail_changed_date": "2026-09-30", "last_name": "Featherstone", **new(code=code), **given}


def write(name: str, rows: Sequence[Row], folder: Path, block: int = 1000) -> tuple[bytes, FixedWidthFile, Path]:
    """The file of rows as COPY gives them, in blocks of so many."""
    made, path = contract(name), folder / "file.txt"
    file = FixedWidthFile(path, columns_beside(path), made)
    copied = [csv_file.line([row.get(one.name) for one in made.columns])[:-2] + b"\n" for row in rows]
    for start in range(0, len(copied), block):
        file.write(copied[start : start + block])
    file.close()
    return path.read_bytes(), file, path


# ---- the bytes


def test_a_new_person_and_the_previous_name(tmp_path: Path) -> None:
    rows = [
        new(
            "0000001",
            date_of_birth="1980-02-01",
            last_name="Green",
            first_and_middle_names="Ann",
            previous_name_mark="1",
        ),
        new("0000001", PREVIOUS, previous_last_name="Grey"),
        new("0000002", pensions_gender_code="1", last_name="Brown", first_and_middle_names="Bo Joe"),
    ]
    content, file, _ = write("new", rows, tmp_path)
    assert content.decode("ascii").split("\r\n") == [
        "00000012         010280 Green            1Ann                                 1018Z981",
        "00000012         Grey                                                         2018Z981",
        "00000021                Brown             Bo Joe                              1018Z981",
        "",
    ]
    assert file.rows == 3 and not file.fitting.cut and not file.fitting.set_aside


def test_an_amended_number_and_date(tmp_path: Path) -> None:
    """A temporary reference of eight characters fills its field with a space; a number that is gone leaves it empty."""
    rows = [
        amended(NUMBER, trn="0000001", national_insurance_number="QQ123456C"),
        amended(BIRTH, trn="0000001", date_of_birth="1980-02-01"),
        amended(NUMBER, trn="0000002", national_insurance_number="12Q34567", pensions_gender_code=None, last_name="Ng"),
        amended(NUMBER, trn="0000003"),
    ]
    content, _, _ = write("amend", rows, tmp_path)
    assert content.decode("ascii").split("\r\n") == [
        "00000012//Feathe         QQ123456C                                             321ZE2*",
        "00000012//Feathe 010280*                                                      1211ZE1*",
        "0000002 //Ng             12Q34567                                              321ZE2*",
        "00000032//Feathe                                                               321ZE2*",
        "",
    ]


def test_commas_and_quotes_stay_as_they_are(tmp_path: Path) -> None:
    content, _, _ = write("new", [new(last_name='O"Neill, Jr', first_and_middle_names='"A", B')], tmp_path)
    assert content.startswith(b'12345672                O"Neill, Jr       "A", B ')
    assert len(content) == 88


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS, st.booleans()), max_size=8), st.integers(1, 4))
def test_every_record_has_86_bytes_whatever_the_names_are(people: list[tuple[str, str, str, bool]], block: int) -> None:
    rows = []
    for number, (last, first, before, has_two) in enumerate(people):
        trn = f"{number:07d}"
        rows.append(new(trn, last_name=last, first_and_middle_names=first, previous_name_mark="1" if has_two else None))
        rows += [new(trn, PREVIOUS, previous_last_name=before)] if has_two else []
    with TemporaryDirectory() as folder:
        content, file, path = write("new", rows, Path(folder), block)
        assert len(content) == 88 * file.rows
        records = [content[at : at + 88] for at in range(0, len(content), 88)]
        assert sum(batch.num_rows for batch in batches(path, contract("new"))) == file.rows
    assert all(one.endswith(b"\r\n") and min(one[:86]) >= 0x20 for one in records)
    assert file.rows + file.fitting.set_aside.total() == len(rows)
    # Whoever is marked to have a previous name has the row, and nobody else.
    marked = [one[:7] for one in records if one[41:42] == b"1" and one[78:86] == PRESENT.encode()]
    assert marked == [one[:7] for one in records if one[78:86] == PREVIOUS.encode()]


@given(st.lists(st.tuples(TEXTS, st.one_of(st.none(), TEXTS)), max_size=8))
def test_every_amended_record_has_86_bytes(people: list[tuple[str, str | None]]) -> None:
    rows = [amended(NUMBER, last_name=last, national_insurance_number=number) for last, number in people]
    with TemporaryDirectory() as folder:
        content, file, _ = write("amend", rows, Path(folder))
    assert len(content) == 88 * file.rows and content.count(b" 321ZE2*\r\n") == file.rows
    assert file.rows + file.fitting.set_aside.total() == len(rows)


# ---- what does not fit


def test_what_was_cut_transliterated_and_set_aside_is_counted(tmp_path: Path) -> None:
    rows = [
        new("0000001", last_name="L" * 18, first_and_middle_names="F" * 36),
        new("0000002", last_name="Łukasz-Nguyễn", first_and_middle_names="Zoë"),
        new("0000003", last_name="Ivanov", first_and_middle_names="Иван", previous_name_mark="1"),
        new("0000003", PREVIOUS, previous_last_name="Petrov"),
        new("0000004", last_name="Ok", first_and_middle_names="", previous_name_mark="1"),
        new("0000004", PREVIOUS, previous_last_name="王"),
        new("123456", last_name="Short"),
        new("12345678", last_name="Long"),
        new("0000005", last_name=None),
        new("0000006", code="3018Z981", last_name="Unknown"),
    ]
    content, file, _ = write("new", rows, tmp_path)
    assert [line[:7] for line in content.split(b"\r\n")] == [b"0000001", b"0000002", b""]
    assert b"Lukasz-Nguyen     Zo\xeb " in content
    assert file.fitting.as_dict() == {
        "cut": {"first_and_middle_names": 1, "last_name": 1},
        "transliterated": {"last_name": 1},
        "setAside": {
            "first_and_middle_names: a character that windows-1252 cannot hold": 2,
            "last_name: no value": 1,
            "pensions_update_code: the layout has no such record": 1,
            "previous_last_name: a character that windows-1252 cannot hold": 2,
            "trn: longer than 7": 1,
            "trn: shorter than 7": 1,
        },
    }


def test_a_number_is_never_cut_and_a_date_never_left_out(tmp_path: Path) -> None:
    rows = [amended(NUMBER, national_insurance_number="QQ123456CD"), amended(BIRTH)]
    content, file, _ = write("amend", rows, tmp_path)
    assert content == b""
    assert dict(file.fitting.set_aside) == {"national_insurance_number: longer than 9": 1, "date_of_birth: no value": 1}


def test_rows_that_belong_together_do_so_across_blocks(tmp_path: Path) -> None:
    rows = [new(last_name="Ok", previous_name_mark="1"), new(code=PREVIOUS, previous_last_name="Иван")]
    content, file, _ = write("new", rows, tmp_path, block=1)
    assert content == b"" and file.fitting.set_aside.total() == 2


@pytest.mark.parametrize("change", [b"x", b"", b"a line too many\r\n"])
def test_the_gate_refuses_a_file_that_is_not_what_was_laid_out(change: bytes, tmp_path: Path) -> None:
    content, _, path = write("new", [new(last_name="Green")], tmp_path)
    path.write_bytes(content + change if change else content[:-1])
    with pytest.raises(CheckFailed, match="rule `structure` is broken"):
        list(batches(path, contract("new")))


# ---- the code page


@pytest.mark.parametrize(
    ("text", "windows", "ascii"),
    [
        ("Zoë", b"Zo\xeb", b"Zoe"),
        ("Zoe\u0308", b"Zo\xeb", b"Zoe"),
        ("Łódź", b"L\xf3dz", b"Lodz"),
        ("Straße", b"Stra\xdfe", b"Strasse"),
        ("ÆØÅ", b"\xc6\xd8\xc5", b"AEOA"),
        ("O’Neill", b"O\x92Neill", b"O'Neill"),
        ("Oʼneill", b"O'neill", b"O'neill"),
        ("ǿ", b"\xf8", b"o"),
        ("a\xa0b", b"a\xa0b", b"a b"),
        ("\ufb01", b"fi", b"fi"),
        ("\ufffd", b"?", b"?"),
    ],
)
def test_the_rule_of_transliteration(text: str, windows: bytes, ascii: bytes) -> None:
    assert encoded(text, "windows-1252") == (windows, unicodedata.normalize("NFC", text) != windows.decode("cp1252"))
    assert encoded(text, "ascii") == (ascii, True)


@pytest.mark.parametrize("text", ["Иван", "王", "a\tb", "a\r\nb", "\x7f", "😀"])
@pytest.mark.parametrize("encoding", get_args(Encoding))
def test_what_has_no_form_in_latin_letters_is_refused(text: str, encoding: Encoding) -> None:
    with pytest.raises(Unwritable):
        encoded(text, encoding)


@pytest.mark.parametrize("form", [*TRANSLITERATED.values()])
def test_every_transliteration_is_plain(form: str) -> None:
    assert form.isascii() and form.isprintable()


# ---- the layout in the contract

COLUMNS = {"kind": ColumnType(Kind.STRING), "name": ColumnType(Kind.STRING), "born": ColumnType(Kind.DATE)}


def layout(field: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
    fields = [{"start": 1, "width": 2, "column": "name"}, *([field] if field else [])]
    return {
        "fileName": "x_{yyyyMMdd}.txt",
        "encoding": "ascii",
        "width": 6,
        "recordColumn": "kind",
        "records": {"a": fields},
        **given,
    }


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "needs a layout"),
        (layout(encoding="utf-8"), "encoding is `utf-8`"),
        (layout(width=0), "width must be"),
        (layout(fileName="x.txt"), "fileName must be"),
        (layout(fileName="../{yyyyMMdd}"), "fileName must be"),
        (layout(recordColumn="sort"), "no column `sort`"),
        (layout(together=["sort"]), "no column `sort`"),
        (layout(records={}), "records is missing"),
        (layout(records={"a": []}), "records.a must be a list"),
        (layout(color="red"), "`color` is nothing"),
        (layout({"start": 2, "width": 2, "column": "name"}), "begins at 2, within or before"),
        (layout({"start": 5, "width": 3, "column": "name"}), "ends at 7, beyond the width of 6"),
        (layout({"start": 3, "width": True, "column": "name"}), "whole numbers above 0"),
        (layout({"start": 3, "width": 1}), "either `column` or `constant`"),
        (layout({"start": 3, "width": 1, "constant": "é"}), "does not have 1 bytes in ascii"),
        (layout({"start": 3, "width": 1, "constant": "ab"}), "does not have 1 bytes"),
        (layout({"start": 3, "width": 1, "column": "sort"}), "no column `sort`"),
        (layout({"start": 3, "width": 1, "column": "born"}), "a date, and nothing else, needs `format`"),
        (layout({"start": 3, "width": 1, "column": "name", "format": "ddMMyy"}), "a date, and nothing else"),
        (layout({"start": 3, "width": 1, "column": "name", "whenTooLong": "drop"}), "it must be refuse or cut"),
        (layout({"start": 3, "width": 1, "column": "name", "cut": True}), "`records.a[1].cut` is nothing"),
    ],
)
def test_a_layout_that_no_file_can_have(given: object, words: str) -> None:
    with pytest.raises(BadLayout) as caught:
        layout_of(given, COLUMNS)
    assert words in str(caught.value)


@given(st.dates())
def test_a_date_of_any_year_has_its_width(born: date) -> None:
    row = amended(BIRTH, date_of_birth=born.isoformat())
    with TemporaryDirectory() as folder:
        content, _, _ = write("amend", [row], Path(folder))
    assert content[17:24] == f"{born.day:02d}{born.month:02d}{born.year % 100:02d}*".encode()
