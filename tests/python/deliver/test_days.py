"""Deliveries of days: each day is in one file, in order, whatever fails and whenever runs come."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.python.deliver.delivering import World, listed
from tests.python.deliver.killed import no_check
from tests.python.deliver.world import of_days, write_contract
from warehouse.core.builds import PublishedBuild
from warehouse.core.contracts import load_contract
from warehouse.core.errors import DeliveryError, NotCovered
from warehouse.core.progress import Silent
from warehouse.deliver import DeliveryReport, State, redo
from warehouse.deliver.basis import Basis
from warehouse.deliver.check import check_files
from warehouse.deliver.edition import Edition
from warehouse.deliver.periods import Days

pytestmark = pytest.mark.slow

FIRST = date(2026, 10, 1)
_ROWS = "update extracts.dandi_teachers set last_name = 'person', born = date '2026-09-20' + urn % 20"


@pytest.fixture
def daily(tmp_path: Path, conninfo: str) -> World:
    """Ten people of each day from 20 September to 9 October."""
    made = World(tmp_path, conninfo)
    write_contract(made.exports, of_days())
    with made.building(FIRST) as connection:
        connection.execute(_ROWS)
    return made


def name(report: DeliveryReport) -> str:
    return report.delivery_id.removeprefix("dandi/teachers/")


def text(world: World, period: str) -> bytes:
    """The one file of a period, without its name."""
    files = [content for at, content in listed(world).items() if f"/{period}/" in at and at.endswith(".txt")]
    assert len(files) == 1
    return files[0]


def test_each_day_is_in_one_file(daily: World) -> None:
    assert [name(one) for one in daily.run(FIRST)] == ["2026-09-30"]
    assert daily.run(FIRST) == []
    assert [name(one) for one in daily.run(FIRST + timedelta(days=1))] == ["2026-10-01"]
    (report,) = daily.run(FIRST + timedelta(days=4), check=check_files)
    assert (name(report), report.rows, report.state) == ("2026-10-02--2026-10-04", 30, State.CLOSED)
    files = {at.rsplit("/", 1)[1]: content for at, content in listed(daily).items() if at.endswith(".txt")}
    assert sorted(files) == ["T_20261001_000000.txt", "T_20261002_000000.txt", "T_20261005_000000.txt"]
    records = b"".join(files.values()).splitlines()
    assert [len(one) for one in records] == [20] * 50
    assert {one[7:13] for one in records} == {b"300926", b"011026", b"021026", b"031026", b"041026"}
    manifest = json.loads(listed(daily)["dandi/teachers/2026-10-02--2026-10-04/datapackage.json"])
    assert (manifest["delivery"]["period_start"], manifest["delivery"]["period_end"]) == ("2026-10-02", "2026-10-04")
    assert manifest["delivery"]["previous"]["id"] == "dandi/teachers/2026-10-01"
    (resource,) = manifest["resources"]
    assert (resource["encoding"], resource["mediatype"], resource["layout"]["width"]) == (
        "windows-1252",
        "text/plain",
        20,
    )
    assert resource["layout"]["records"]["person"][2] == {"start": 15, "width": 6, "constant": "person"}


def test_the_next_days_wait_for_those_that_failed(daily: World) -> None:
    """What is known last must be sent last. The days that failed are the same ones when they are tried again."""

    def fails(step: str) -> None:
        if step == "built":
            raise DeliveryError("No.", meaning="", next_command="")

    with pytest.raises(DeliveryError):
        daily.run(FIRST, hook=fails)
    tried: list[DeliveryReport] = []
    with pytest.raises(DeliveryError):
        daily.run(FIRST + timedelta(days=2), hook=fails, on_report=tried.append)
    assert [(name(one), one.state) for one in tried] == [("2026-09-30", State.FAILED)]
    assert listed(daily) == {}
    done = daily.run(FIRST + timedelta(days=3))
    assert [(name(one), one.rows) for one in done] == [("2026-09-30", 10), ("2026-10-01--2026-10-03", 30)]


def test_done_again_it_is_the_same_under_a_name_of_its_own(daily: World) -> None:
    """Also long after: rows belong to their days, and not to the day of the run."""
    daily.run(FIRST)
    daily.run(FIRST + timedelta(days=3))
    at = daily.at(FIRST + timedelta(days=3))
    report = redo(at, Silent(), "dandi/teachers/2026-09-30", "lost by the recipient", check=no_check)
    assert report.delivery_id == "dandi/teachers/2026-09-30-r2"
    assert text(daily, "2026-09-30-r2") == text(daily, "2026-09-30")
    assert "dandi/teachers/2026-09-30-r2/T_20261001_000001.txt" in listed(daily)
    assert daily.run(FIRST + timedelta(days=3)) == []


def test_rows_that_do_not_fit_are_set_aside_and_told(daily: World) -> None:
    with daily.building(FIRST) as connection:
        connection.execute("update extracts.dandi_teachers set last_name = 'other' where urn = 10")
        connection.execute("update extracts.dandi_teachers set trn = 'Иванов7' where urn = 30")
    (report,) = daily.run(FIRST, built=False)
    assert (report.rows, report.rows_set_aside) == (8, 2)
    assert "8 rows, 2 set aside: see its manifest" in str(report)
    assert report.as_dict()["rows_set_aside"] == 2
    aside = {
        "last_name: the layout has no such record": 1,
        "trn: a character that windows-1252 cannot hold": 1,
    }
    manifest = json.loads(listed(daily)["dandi/teachers/2026-09-30/datapackage.json"])
    assert manifest["resources"][0]["text"]["setAside"] == aside
    assert daily.query("select fitting -> 'setAside' from ledger.delivery_files where kind = 'data'") == [(aside,)]


def test_of_one_thing_the_newest_row_of_the_days_is_sent(daily: World) -> None:
    write_contract(daily.exports, of_days(newestOf=["urn"], firstDay="2026-09-20"))
    with daily.building(FIRST) as connection:
        connection.execute("update extracts.dandi_teachers set urn = urn % 3")
    (report,) = daily.run(FIRST)
    assert (name(report), report.rows) == ("2026-09-20--2026-09-30", 3)
    assert [one[7:13] for one in text(daily, "2026-09-20--2026-09-30").splitlines()] == [b"300926"] * 3


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (None, "knows of no transaction after that day (the last: nothing)"),
        # 23:30 in London, half an hour before the day is over.
        (datetime(2026, 9, 30, 22, 30, tzinfo=UTC), "the last: 2026-09-30 22:30 UTC"),
        (datetime(2026, 9, 30, 23, 0, tzinfo=UTC), None),
    ],
)
def test_replication_has_to_have_come_beyond_the_day(known: Any, words: str | None, tmp_path: Path) -> None:
    edition = Edition(load_contract(write_contract(tmp_path, of_days())), Days(date(2026, 9, 29), date(2026, 9, 30)))
    build = PublishedBuild(7, FIRST, None, datetime(2026, 10, 1, 3, tzinfo=UTC), None, {})
    basis = Basis(build, known, FIRST, FIRST, by_the_clock=True)
    replace(basis, by_the_clock=False).check_period(edition)
    if words is None:
        basis.check_period(edition)
        return
    with pytest.raises(NotCovered) as caught:
        basis.check_period(edition)
    assert words in caught.value.what


@pytest.mark.usefixtures("short_waits")
def test_days_without_a_row_are_a_file_without_a_record(anywhere: World) -> None:
    """So that the recipient can tell a quiet day from one of which no file came."""
    write_contract(anywhere.exports, of_days())
    with anywhere.building(FIRST) as connection:
        connection.execute("update extracts.dandi_teachers set last_name = 'person'")
    (report,) = anywhere.run(FIRST, built=False, check=check_files)
    assert (report.rows, report.state) == (0, State.CLOSED)
    there = listed(anywhere)
    assert there["dandi/teachers/2026-09-30/T_20261001_000000.txt"] == b""
    assert json.loads(there["dandi/teachers/2026-09-30/datapackage.json"])["delivery"]["rows"] == 0
