"""A revision of a closed delivery: beside it, numbered, with a reason; the ledger keeps both, whatever dies when."""

from __future__ import annotations

import json
from datetime import date

import pytest

from tests.python.deliver.delivering import OCTOBER, World, listed
from tests.python.deliver.killed import no_check
from tests.python.deliver.test_crashes import run_and_die
from warehouse.core.errors import NotCovered, UsageError
from warehouse.core.progress import Silent
from warehouse.deliver import DeliveryReport, State, redo
from warehouse.deliver.decisions import checked_reason

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short_waits")]

DELIVERY = "dandi/teachers/2026-09"


def again(world: World, delivery: str = DELIVERY, today: date = OCTOBER) -> DeliveryReport:
    return redo(world.at(today), Silent(), delivery, "the file was lost", check=no_check)


def test_a_revision_replaces_and_both_are_kept(anywhere: World) -> None:
    anywhere.run()
    before = listed(anywhere)
    with anywhere.building() as connection:
        connection.execute("delete from extracts.dandi_teachers where urn = 1")
    report = again(anywhere)
    assert (report.delivery_id, report.state, report.rows) == (f"{DELIVERY}-r2", State.CLOSED, 199)
    there = listed(anywhere)
    assert before.items() < there.items()
    assert set(there) - set(before) == {
        f"{DELIVERY}-r2/teachers-2026-09-r2.parquet",
        f"{DELIVERY}-r2/datapackage.json",
    }
    first = json.loads(there[f"{DELIVERY}/datapackage.json"])
    second = json.loads(there[f"{DELIVERY}-r2/datapackage.json"])
    assert (first["delivery"]["revision"], second["delivery"]["revision"]) == (1, 2)
    assert second["delivery"]["replaces"]["id"] == DELIVERY
    assert second["delivery"]["replaces"]["files"] == {
        "teachers-2026-09.parquet": first["resources"][0]["hash"],
    }
    assert anywhere.query(
        "select delivery_id, revision, replaces, state, rows from ledger.deliveries order by revision"
    ) == [(DELIVERY, 1, None, "closed", 200), (f"{DELIVERY}-r2", 2, DELIVERY, "closed", 199)]
    assert anywhere.query("select delivery_id, decision, because from ledger.delivery_decisions") == [
        (f"{DELIVERY}-r2", "redo", "the file was lost")
    ]
    assert anywhere.run() == []
    assert again(anywhere, f"{DELIVERY}-r2").delivery_id == f"{DELIVERY}-r3"


def test_a_wrong_destination_is_made_good(world: World) -> None:
    """Files went to a folder here for want of a setting, and the delivery was closed."""
    world.run()
    right = world.home / "right"
    right.mkdir()
    world.send_to(str(right))
    assert world.run() == []
    assert again(world).where == str(right)
    assert (right / f"{DELIVERY}-r2" / "datapackage.json").exists()


def test_the_next_month_refers_to_the_revision(world: World) -> None:
    world.run()
    again(world)
    world.run(date(2026, 11, 2))
    manifest = json.loads((world.place / "2026-10" / "datapackage.json").read_text())
    assert manifest["delivery"]["previous"]["id"] == f"{DELIVERY}-r2"


@pytest.mark.parametrize("step", ["planned", "built", "uploading", "uploaded", "verified", "committed", "closed"])
@pytest.mark.parametrize("by", ["the next run", "the same command"])
def test_a_revision_that_is_killed_is_finished(step: str, by: str, world: World) -> None:
    world.run()
    assert run_and_die(world, step, redo=DELIVERY) == -9
    if by == "the next run":
        world.run()
    elif step != "closed":
        assert again(world).delivery_id == f"{DELIVERY}-r2"
    assert world.state(f"{DELIVERY}-r2") == "closed"
    assert set(listed(world)) == {
        f"{DELIVERY}/teachers-2026-09.parquet",
        f"{DELIVERY}/datapackage.json",
        f"{DELIVERY}-r2/teachers-2026-09-r2.parquet",
        f"{DELIVERY}-r2/datapackage.json",
    }
    assert world.run() == []
    assert world.query("select count(*) from ledger.delivery_decisions") == [(1,)]


def test_a_revision_that_was_not_finished_in_its_month_is_given_up(world: World) -> None:
    """The next month's rows do not go under its name, and the next month is not held up."""
    world.run()
    assert run_and_die(world, "built", redo=DELIVERY) == -9
    reports = world.run(date(2026, 11, 2))
    assert {report.delivery_id: report.state for report in reports} == {
        "dandi/teachers/2026-10": State.CLOSED,
        f"{DELIVERY}-r2": State.MISSED,
    }
    with pytest.raises(UsageError, match="missed"):
        again(world, today=date(2026, 11, 2))
    assert world.run(date(2026, 11, 2)) == []


def test_what_cannot_be_made_again(world: World) -> None:
    for delivery in (DELIVERY, "dandi/teachers/2026-13", "nobody/knows/2026-09"):
        with pytest.raises(UsageError):
            again(world, delivery)
    world.run()
    world.run(date(2026, 11, 2))
    with pytest.raises(NotCovered, match="under the name of an earlier month"):
        again(world, DELIVERY, date(2026, 11, 2))
    assert world.state(f"{DELIVERY}-r2") == "none"


@pytest.mark.parametrize("reason", ["", "  ", "for 1000042", "ann@example.org asked", "of QQ 12 34 56 C"])
def test_a_reason_says_why_and_not_who(reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        checked_reason(reason)
    assert not reason.strip() or reason not in str(caught.value.as_dict())
    assert checked_reason(" sent to the\n wrong folder ") == "sent to the wrong folder"
