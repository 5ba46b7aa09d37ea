"""A revision of a closed delivery: beside it, numbered, with a reason; the ledger keeps both, whatever dies when."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.python.deliver.delivering import OCTOBER, World, listed
from tests.python.deliver.histories import MadeByHand, know
from tests.python.deliver.killed import no_check
from tests.python.deliver.test_crashes import run_and_die
from warehouse.core.errors import BeforeHistory, CheckFailed, NotCovered, UsageError
from warehouse.core.progress import Silent
from warehouse.deliver import DeliveryReport, State, is_earlier, redo
from warehouse.deliver.decisions import checked_reason
from warehouse.deliver.history import Known

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short_waits")]

DELIVERY = "dandi/teachers/2026-09"


def again(world: World, delivery: str = DELIVERY, today: date = OCTOBER, **given: Any) -> DeliveryReport:
    return redo(world.at(today), Silent(), delivery, "the file was lost", **{"check": no_check, **given})


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
    """Where history does not reach: the next month's rows do not go under its name, and it is not held up."""
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
    with pytest.raises(NotCovered, match="is owed of an earlier month"):
        again(world, DELIVERY, date(2026, 11, 2))
    with pytest.raises(BeforeHistory, match="not on record what was known"):
        again(world, DELIVERY, date(2026, 11, 2), history=MadeByHand(world.conninfo, reaches=FIRST))
    assert world.state(f"{DELIVERY}-r2") == "none", "and something else can be asked for"


FIRST, OF_SEPTEMBER, LATE = (datetime(2026, month, 2, 12, tzinfo=UTC) for month in (9, 10, 11))
NOVEMBER = date(2026, 11, 2)


def earlier(world: World) -> MadeByHand:
    """September was delivered, and then October; more is known since."""
    with world.building(OCTOBER):
        pass
    know(world.conninfo, FIRST, OF_SEPTEMBER)
    world.run(built=False)
    world.run(NOVEMBER)
    know(world.conninfo, LATE)
    return MadeByHand(world.conninfo, "delete from {table} where urn > 150", reaches=FIRST)


@pytest.mark.parametrize(("known", "moment"), [("then", OF_SEPTEMBER), ("now", LATE)])
def test_an_earlier_month_is_made_as_at_its_day_of_what_was_known_then_or_now(
    world: World, known: Known, moment: datetime
) -> None:
    then = earlier(world)
    assert is_earlier(world.at(NOVEMBER), DELIVERY)
    assert not is_earlier(world.at(NOVEMBER), "dandi/teachers/2026-10")
    report = again(world, today=NOVEMBER, history=then, known=known)
    assert (report.delivery_id, report.rows, report.from_history) == (f"{DELIVERY}-r2", 150, True)
    assert then.asked == [("dandi_teachers", moment, OCTOBER, True)]
    said = json.loads((world.place / "2026-09-r2" / "datapackage.json").read_text())["delivery"]
    assert (said["as_at"], said["replaces"]["id"]) == (str(OCTOBER), DELIVERY)
    assert datetime.fromisoformat(said["known_up_to"]) == moment
    assert world.query("select delivery_id, decision, because from ledger.delivery_decisions") == [
        (f"{DELIVERY}-r2", "redo", "the file was lost")
    ]


def test_an_earlier_month_that_was_begun_again_is_finished_as_it_was_begun(world: World) -> None:
    """By the next run, of what was known when the person asked, and not of what became known since."""
    then = earlier(world)

    def refuses(*_: object) -> None:
        raise CheckFailed("It breaks a rule.", meaning="Nothing was sent.", next_command="x")

    with pytest.raises(CheckFailed):
        again(world, today=NOVEMBER, history=then, known="now", check=refuses)
    know(world.conninfo, datetime(2026, 11, 2, 18, tzinfo=UTC))
    with pytest.raises(NotCovered, match="is owed of an earlier month"):
        world.run(NOVEMBER, built=False, history=None)
    (report,) = world.run(NOVEMBER, built=False, history=then)
    assert (report.delivery_id, report.state, report.from_history) == (f"{DELIVERY}-r2", State.CLOSED, True)
    assert [moment for _, moment, _, _ in then.asked] == [LATE, LATE]


@pytest.mark.parametrize("reason", ["", "  ", "for 1000042", "ann@example.org asked", "of QQ 12 34 56 C"])
def test_a_reason_says_why_and_not_who(reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        checked_reason(reason)
    assert not reason.strip() or reason not in str(caught.value.as_dict())
    assert checked_reason(" sent to the\n wrong folder ") == "sent to the wrong folder"
