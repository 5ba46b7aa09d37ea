"""`warehouse tables`: what can be asked, by domain, without a database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from warehouse.cli import main as cli
from warehouse.core import catalogue
from warehouse.core.errors import UsageError
from warehouse.core.settings import PROJECT


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = cli._main(["tables", *arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_every_mart_and_extract_is_listed_with_its_grain(capsys: pytest.CaptureFixture[str]) -> None:
    code, text, _ = called(capsys)
    assert code == 0
    files = [file for folder in ("marts", "extracts") for file in (PROJECT / "models" / folder).glob("*/*.sql")]
    assert len(files) > 20
    for file in files:
        assert f"{file.parts[-3]}.{file.stem} " in text
    listed = json.loads(called(capsys, "--json")[1])
    assert {one["table"] for one in listed} == {f"{file.parts[-3]}.{file.stem}" for file in files}
    grains = {one["table"]: one["grain"] for one in listed}
    assert grains["marts.fct_professional_status"] == ["person_id", "professional_status"]


def test_one_table_is_shown_with_its_columns_and_a_query(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("dim_person", "marts.dim_person"):
        shown = json.loads(called(capsys, name, "--json")[1])
        columns = {one["column"]: one for one in shown["columns"]}
        assert columns["trn"]["class"] == "personal" and columns["trn"]["type"] == "string"
        assert columns["last_name"]["class"] == "sensitive" and columns["last_name"]["meaning"]
        assert "marts.dim_person" in shown["example"]
    code, text, _ = called(capsys, "dim_person")
    assert code == 0 and "One row per person_id." in text and "from marts.dim_person" in text
    assert "select *\nfrom extracts.tad_teachers\nlimit 10;" in called(capsys, "tad_teachers")[1]


def test_a_name_that_is_nearly_right(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, told = called(capsys, "mart.dim_persons")
    assert code == UsageError.exit_code
    assert "did you mean dim_person " in told and "warehouse tables dim_person" in told
    assert "lists them all" in called(capsys, "zzz")[2]


def test_every_question_is_about_a_table_and_asks_it() -> None:
    names = {one.name: one.place for one in catalogue.tables()}
    questions = catalogue.load_questions()
    assert len({one.words for one in questions}) == len(questions)
    for question in questions:
        assert question.words.endswith("?"), question.words
        assert names[question.table] in question.query, question.words


def test_a_question_of_no_table_would_be_noticed(tmp_path: Path) -> None:
    file = tmp_path / "questions.yml"
    file.write_text("questions:\n  - {question: How many?, table: dim_person, query: select 1}\n")
    with_it = {one.name: one.example for one in catalogue.tables(questions=file)}
    assert with_it["dim_person"] == "select 1"
    assert with_it["fct_alert"].startswith("select *\nfrom marts.fct_alert")
