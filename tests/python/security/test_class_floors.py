"""A class that falls, below what it was or below the present synchronisation's, stops the work: exit code 11."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Final

import pytest

from warehouse.cli import main as cli
from warehouse.core import class_floors
from warehouse.core.class_floors import QUASI, TERMS
from warehouse.core.databases import Databases
from warehouse.core.errors import ClassificationError
from warehouse.core.progress import Silent
from warehouse.core.settings import PROJECT
from warehouse.deliver import examine_contracts
from warehouse.jobs import doctor
from warehouse.replicate import replicate

TODAY: Final = date(2026, 11, 28)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of replication/ and of the field dictionary, which the checks read in place of the project's."""
    made = tmp_path / "replication"
    shutil.copytree(PROJECT / "replication", made)
    shutil.copytree(class_floors.DICTIONARY, tmp_path / "dictionary")
    for function in (class_floors.check, class_floors.record, class_floors.falls, class_floors.unrecorded):
        _default(monkeypatch, function, made)
    monkeypatch.setattr(class_floors.classes, "__defaults__", (made / "trs.yml", tmp_path / "dictionary"))
    return made


def _default(monkeypatch: pytest.MonkeyPatch, function: object, folder: Path) -> None:
    given: tuple[object, ...] = function.__defaults__  # type: ignore[attr-defined]
    monkeypatch.setattr(function, "__defaults__", (*given[:-1], folder))


def lower(folder: Path, before: str, after: str, *, file: str = "trs.yml") -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert text.count(before) >= 1, before
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def test_what_is_in_the_repository_is_recorded_and_no_class_fell() -> None:
    assert class_floors.check(TODAY) == len(class_floors.classes())
    assert class_floors.unrecorded(class_floors.classes()) == []


def test_every_reason_still_has_its_column() -> None:
    now, models = class_floors.classes(), {file.stem for file in (PROJECT / "models").rglob("*.sql")}
    for one in class_floors.reasons():
        assert one.of in models or now.get((one.of, one.column)) == one.after, one


def test_the_present_synchronisation_is_a_floor_of_its_own(folder: Path) -> None:
    lower(folder, "      national_insurance_number: sensitive", "      national_insurance_number: personal")
    text = (folder / "classes.csv").read_text(encoding="utf-8")
    (folder / "classes.csv").write_text(
        "".join(line for line in text.splitlines(keepends=True) if not line.startswith("persons,national_ins"))
    )
    with pytest.raises(ClassificationError, match="the present synchronisation has it as sensitive") as caught:
        class_floors.check(TODAY)
    assert caught.value.exit_code == 11


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("      external_link: sensitive", "      external_link: personal", "alerts.external_link is personal"),
        ("      trn_token: secret", "      trn_token: sensitive", "trn_requests.trn_token is sensitive"),
        ("      qts_date: {class: open, quasi_identifier: true}", "      qts_date: open", "persons.qts_date is open"),
    ],
)
def test_a_class_lower_than_it_was_is_named(folder: Path, before: str, after: str, named: str) -> None:
    path = folder / "trs.yml"
    text = path.read_text(encoding="utf-8")
    where = text.rindex(before)
    path.write_text(text[:where] + after + text[where + len(before) :], encoding="utf-8")
    with pytest.raises(ClassificationError, match=named):
        class_floors.check(TODAY)


def test_a_term_of_the_dictionary_lower_than_it_was_is_named(folder: Path) -> None:
    lower(folder.parent / "dictionary", "{# date, sensitive #}", "{# date, personal #}", file="person.md")
    with pytest.raises(ClassificationError, match=rf"{TERMS}\.date_of_birth is personal, and it was sensitive"):
        class_floors.check(TODAY)


def test_a_column_that_is_new_or_higher_is_no_fall_and_is_recorded(folder: Path) -> None:
    lower(folder, "      trn: personal\n      first_name", "      trn: personal\n      pet: open\n      first_name")
    lower(folder, "      has_eyps: open", f"      has_eyps: {{class: personal, {QUASI.replace('-', '_')}: true}}")
    assert class_floors.check(TODAY)
    assert class_floors.record() == [("persons", "has_eyps"), ("persons", "pet")]
    assert class_floors.record() == []
    lower(folder, "has_eyps: {class: personal", "has_eyps: {class: open")
    with pytest.raises(ClassificationError, match=f"has_eyps is open {QUASI}, and it was personal {QUASI}"):
        class_floors.check(TODAY)


def test_recording_never_lowers(folder: Path) -> None:
    lower(folder, "      external_link: sensitive", "      external_link: open")
    assert class_floors.record() == []
    with pytest.raises(ClassificationError):
        class_floors.check(TODAY)


def test_a_dated_reason_allows_it_until_its_day(folder: Path) -> None:
    lower(folder, "      external_link: sensitive", "      external_link: personal")
    row = "alerts,external_link,sensitive,personal,agreed in DPIA 12,data protection officer,2026-11-01,{}\n"
    path = folder / "lowered.csv"
    without = path.read_text(encoding="utf-8")
    path.write_text(without + row.format("2026-11-28"), encoding="utf-8")
    assert not class_floors.falls(class_floors.classes(), TODAY, folder)
    assert len(class_floors.falls(class_floors.classes(), date(2026, 11, 29), folder)) == 1
    path.write_text(without + row.format(""), encoding="utf-8")
    assert not class_floors.falls(class_floors.classes(), date(2040, 1, 1), folder)
    # It allows what it says, and no more.
    lower(folder, "      external_link: personal", "      external_link: open")
    assert len(class_floors.falls(class_floors.classes(), TODAY, folder)) == 1


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ("alerts,details,sensitive,open,,who,2026-11-01,", "`because` is empty"),
        ("alerts,details,sensitive,open,why,,2026-11-01,", "`who` is empty"),
        ("alerts,details,sensitive,open,why,who,soon,", "a day is not written as"),
        ("alerts,details,sensitive,public,why,who,2026-11-01,", "`public` is no class"),
        ("alerts,details,sensitive,open", "has 4 values, not 8"),
    ],
)
def test_a_reason_that_is_not_whole_is_refused_by_its_line(folder: Path, row: str, wrong: str) -> None:
    path = folder / "lowered.csv"
    lines = path.read_text(encoding="utf-8").count("\n")
    path.write_text(path.read_text(encoding="utf-8") + row + "\n", encoding="utf-8")
    with pytest.raises(ClassificationError, match=wrong) as caught:
        class_floors.check(TODAY)
    assert f"line {lines + 1}" in caught.value.what


def test_a_lost_record_stops_the_work_and_can_be_written_again(folder: Path) -> None:
    (folder / "classes.csv").unlink()
    with pytest.raises(ClassificationError, match="cannot be read"):
        class_floors.check(TODAY)
    assert len(class_floors.record()) == class_floors.check(TODAY)


def test_the_command_ends_with_11(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli._main(["replicate", "classes"]) == 0
    lower(folder, "      external_link: sensitive", "      external_link: personal")
    assert cli._main(["replicate", "classes"]) == 11
    assert "alerts.external_link is personal, and it was sensitive" in capsys.readouterr().err


def test_neither_the_run_nor_the_doctor_passes_over_it(folder: Path, prepared: Databases) -> None:
    """`warehouse run` and `replicate run` begin with this, `apply` and `repair` with the same door."""
    lower(folder, "      external_link: sensitive", "      external_link: personal")
    with prepared.warehouse() as warehouse:
        before = warehouse.execute("select count(*) from pg_class").fetchone()
        with pytest.raises(ClassificationError, match=r"alerts\.external_link is personal"):
            replicate(prepared, Silent())
        assert warehouse.execute("select count(*) from pg_class").fetchone() == before
        # `warehouse deliver` by itself, and `warehouse run` before it builds.
        with pytest.raises(ClassificationError, match=r"alerts\.external_link is personal"):
            examine_contracts(warehouse)
    finding = next(one for one in doctor.examine(prepared) if one.code == "classification")
    assert (finding.state, finding.exit_code) == ("failed", 11)
