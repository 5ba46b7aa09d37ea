"""Months that no run came for are built as known then and delivered in order; or it is written down why not."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import psycopg
import pyarrow.parquet as pq
import pytest

from tests.python.deliver.delivering import World, listed
from tests.python.deliver.histories import SCHEMA, MadeByHand, know
from warehouse.core.contracts import load_contracts
from warehouse.core.errors import BeforeHistory, NotCovered
from warehouse.deliver import State, missed
from warehouse.deliver.edition import Edition
from warehouse.deliver.history import midnight_in_london, moment_of
from warehouse.deliver.periods import Month
from warehouse.erase import stored

pytestmark = pytest.mark.slow

DECEMBER = date(2026, 12, 5)
LATE = datetime(2026, 12, 4, 12, tzinfo=UTC)
FIRST = datetime(2026, 9, 1, tzinfo=UTC)


def history(world: World, **given: object) -> MadeByHand:
    return MadeByHand(world.conninfo, **{"reaches": FIRST, **given})  # type: ignore[arg-type]


def begun(world: World) -> None:
    """September was delivered; then no run came before December."""
    world.run()
    with world.building(DECEMBER):
        pass
    know(world.conninfo, FIRST, datetime(2026, 10, 31, 23, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC), LATE)


def test_a_month_that_no_run_came_for_is_made_of_what_was_known_then(world: World) -> None:
    begun(world)
    then = history(world, change="delete from {table} where urn > 150")
    reports = world.run(DECEMBER, built=False, history=then)
    assert [(one.period, one.state, one.rows, one.from_history) for one in reports] == [
        ("2026-10", State.CLOSED, 150, True),
        ("2026-11", State.CLOSED, 200, False),
    ]
    # What was known when it was due: at midnight in London, and tested as a published build is.
    assert then.asked == [("dandi_teachers", datetime(2026, 11, 1, tzinfo=UTC), date(2026, 11, 1), True)]
    there = listed(world)
    manifest = json.loads(there["dandi/teachers/2026-10/datapackage.json"])["delivery"]
    assert (manifest["as_at"], manifest["known_up_to"]) == ("2026-11-01", "2026-10-31T23:00:00+00:00")
    later = json.loads(there["dandi/teachers/2026-11/datapackage.json"])["delivery"]
    assert later["previous"]["id"] == "dandi/teachers/2026-10"
    assert pq.read_table(world.place / "2026-10" / "teachers-2026-10.parquet").num_rows == 150
    assert world.run(DECEMBER, built=False, history=then) == []
    assert world.query(f"select to_regnamespace('{SCHEMA}')") == [(None,)]
    # An erasure looks for who was known since then, not since it was built.
    with psycopg.connect(world.conninfo) as connection:
        (of_october,) = {one.made_from for one in stored.files(connection) if "2026-10" in one.delivery_id}
    assert of_october == datetime(2026, 10, 31, 23, tzinfo=UTC)
    # A rule that changes finds what the columns of its files are made of.
    kept = "select count(*) from ledger.builds where vintage = 'trw_then' and lineage is not null"
    assert world.query(kept) == [(1,)]


def test_it_stays_missed_where_history_does_not_reach_and_says_why(world: World) -> None:
    begun(world)
    reports = world.run(DECEMBER, built=False, history=history(world, reaches=LATE))
    assert [one.state for one in reports] == [State.MISSED, State.CLOSED]
    failure = missed(reports)
    assert failure is not None and "2026-10 will not be delivered: The warehouse knew nothing." in failure.what
    with_reason = "select state, error ->> 'what' from ledger.deliveries where period = '2026-10'"
    assert world.query(with_reason) == [("missed", "The warehouse knew nothing.")]
    assert world.run(DECEMBER, built=False, history=history(world)) == []


def test_it_stays_owed_where_only_the_published_build_may_be_delivered(world: World) -> None:
    begun(world)
    with pytest.raises(NotCovered, match="2026-10 is owed of an earlier month") as caught:
        world.run(DECEMBER, built=False, history=None)
    assert "warehouse deliver --due" in caught.value.next_command
    assert (world.state("dandi/teachers/2026-10"), world.state("dandi/teachers/2026-11")) == ("none", "closed")
    assert [one.state for one in world.run(DECEMBER, built=False, history=history(world))] == [State.CLOSED]


def test_what_replication_has_not_brought_yet_is_not_missed(world: World) -> None:
    world.run()
    with world.building(DECEMBER):
        pass
    know(world.conninfo, FIRST, datetime(2026, 10, 20, tzinfo=UTC))
    then = history(world)
    with pytest.raises(NotCovered, match="knows of no transaction after that"):
        world.run(DECEMBER, built=False, history=then)
    assert world.state("dandi/teachers/2026-10") == "none" and then.asked == []


def test_a_moment_that_has_not_come_or_is_not_on_record_is_none(world: World) -> None:
    edition = Edition(load_contracts(world.exports)[0], Month(2026, 12))
    with psycopg.connect(world.conninfo) as connection:
        with pytest.raises(NotCovered, match="is due on 2027-01-01, and it is 2026-12-05"):
            moment_of(connection, edition, DECEMBER, midnight_in_london)
        with pytest.raises(BeforeHistory, match="When 2027-01-01 began at the source is not on record"):
            moment_of(connection, edition, date(2027, 1, 2), lambda _: None)


def test_models_that_were_not_published_send_nothing(world: World) -> None:
    begun(world)
    with pytest.raises(NotCovered, match="The models have changed since they were last published"):
        world.run(DECEMBER, built=False, history=(then := history(world, project_sha256="another")))
    assert then.asked == [], "before anything is built"
    assert world.state("dandi/teachers/2026-10") == "none"


@pytest.mark.parametrize("step", ["planned", "built", "sending", "uploaded", "committed"])
def test_one_that_was_stopped_is_finished_once(step: str, world: World) -> None:
    begun(world)

    def stop(reached: str) -> None:
        if reached == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.run(DECEMBER, built=False, history=history(world), hook=stop)
    reports = world.run(DECEMBER, built=False, history=history(world))
    assert [(one.period, one.state) for one in reports] == [("2026-10", State.CLOSED), ("2026-11", State.CLOSED)]
    assert sorted(listed(world)) == sorted(
        f"dandi/teachers/{month}/{name}"
        for month in ("2026-09", "2026-10", "2026-11")
        for name in ("datapackage.json", f"teachers-{month}.parquet")
    )


def test_the_days_of_the_change_of_clocks_are_over_at_midnight_in_london() -> None:
    assert midnight_in_london(date(2026, 3, 28)).astimezone(UTC) == datetime(2026, 3, 29, tzinfo=UTC)
    assert midnight_in_london(date(2026, 3, 29)).astimezone(UTC) == datetime(2026, 3, 29, 23, tzinfo=UTC)
    assert midnight_in_london(date(2026, 10, 24)).astimezone(UTC) == datetime(2026, 10, 24, 23, tzinfo=UTC)
    assert midnight_in_london(date(2026, 10, 25)).astimezone(UTC) == datetime(2026, 10, 26, tzinfo=UTC)
