"""`warehouse contract` on the product's own contracts: what it says, and which exit code each mistake has."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from warehouse.cli import main as cli
from warehouse.core.contracts import EXPORTS
from warehouse.core.contracts.place import contract_files
from warehouse.core.settings import near


@pytest.fixture(autouse=True)
def _nothing_is_written() -> None:
    before = {path: path.read_bytes() for path in EXPORTS.rglob("*") if path.is_file()}
    yield
    assert {path: path.read_bytes() for path in EXPORTS.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["new", "tad/teachers"], 2, "exports/tad/teachers.odcs.yaml exists already"),
        (["new", "tad/nothing"], 12, "There is no model tad_nothing"),
        (["new", "../tad/x"], 2, "'../tad/x' is not the name of an extract"),
        (["new", "tad"], 2, "'tad' is not the name of an extract"),
        (["new"], 2, "Missing argument"),
        (["check", "tad/nothing"], 2, "There is no contract exports/tad/nothing.odcs.yaml"),
        (["sync", "tad/nothing"], 2, "`warehouse contract new tad/nothing` writes one"),
        (["sync", "TAD/teachers"], 2, "is not the name of an extract"),
        (["sync", "--check", "tad/[teachers]"], 2, "is not the name of an extract"),
    ],
)
def test_a_mistake_has_one_message_and_a_code(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli._main(["contract", *arguments]) == code
    said = capsys.readouterr()
    assert words in said.err
    assert said.err.count("What it means") == 1
    assert said.out == ""


def test_what_is_sound_and_up_to_date_is_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli._main(["contract", "check"]) == 0
    said = capsys.readouterr().out
    assert "exports/tad/teachers.odcs.yaml is sound: version 3.0.0, active, 49 columns." in said
    unsigned = re.search(r"^No agreement is signed for (.+): only made-up people are delivered\.$", said, re.M)
    assert unsigned
    assert {"dandi/teachers", "tad/teachers"} <= set(unsigned[1].split(", "))
    assert cli._main(["contract", "sync", "--check"]) == 0
    assert "exports/dandi/teachers.odcs.yaml says what its model says." in capsys.readouterr().out


def test_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli._main(["contract", "check", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["contract"] for one in listed] == [near(path) for path in contract_files()]
    assert cli._main(["contract", "sync", "dandi/teachers", "--check", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert (one["changes"], one["written"]) == ([], False)


def test_a_contract_that_lags_has_a_code_of_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In a copy: `--check` changes nothing, without it the file is written and then up to date."""
    path = tmp_path / "tad" / "teachers.odcs.yaml"
    path.parent.mkdir()
    text = (EXPORTS / "tad" / "teachers.odcs.yaml").read_text()
    path.write_text(text.replace("Gender in words.", "Sex in words."))
    monkeypatch.setattr("warehouse.cli.contract.named", lambda _: [path])
    assert cli._main(["contract", "sync", "--check"]) == 37
    said = capsys.readouterr()
    assert "gender_label, description\n    - Sex in words.\n    + Gender in words.\n" in said.out
    assert "not what the models say" in said.err
    assert cli._main(["contract", "sync", "--check", "--json"]) == 37
    assert [one["key"] for one in json.loads(capsys.readouterr().out)[0]["changes"]] == ["description"]
    assert path.read_text() != text
    assert cli._main(["contract", "sync"]) == 0
    assert path.read_text() == text
    assert cli._main(["contract", "sync", "--check"]) == 0


def test_change_files_have_no_model_to_be_brought_up_to_date_with(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli._main(["contract", "sync", "dandi/changes"]) == 0
    assert "exports/dandi/changes.odcs.yaml is of change files" in capsys.readouterr().out
    assert cli._main(["contract", "sync", "dandi/changes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
