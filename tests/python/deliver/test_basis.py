"""A delivery rests on the published build: only its tables leave, and only for periods that its day covers."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import psycopg
import pytest

from tests.python.deliver.delivering import OCTOBER, World, listed
from tests.python.deliver.killed import no_check
from warehouse.core.errors import NotCovered
from warehouse.core.progress import Silent
from warehouse.deliver import State, deliver
from warehouse.deliver import World as DeliveryWorld

pytestmark = pytest.mark.slow

NOVEMBER, DECEMBER = date(2026, 11, 5), date(2026, 12, 5)


def refused(world: World, today: date, calendar: date | None = None) -> NotCovered:
    """A run that is refused, and leaves nothing anywhere."""
    before = listed(world), world.query("select count(*) from ledger.deliveries")
    with pytest.raises(NotCovered) as caught:
        deliver(world.at(today, calendar), Silent(), check=no_check)
    assert caught.value.exit_code == 34
    assert (listed(world), world.query("select count(*) from ledger.deliveries")) == before
    return caught.value


def test_a_build_from_before_the_end_of_the_period(world: World) -> None:
    world.run(NOVEMBER)
    assert "2026-11 ends on 2026-11-30, but build 2 is as at 2026-11-05" in refused(world, DECEMBER).what
    assert world.run(DECEMBER)[0].delivery_id == "dandi/teachers/2026-11"


def test_a_business_date_that_is_still_to_come(world: World) -> None:
    """WAREHOUSE_TODAY of a month ahead, for the build too."""
    with world.building(DECEMBER):
        pass
    assert "is not over: it is 2026-11-05 at the source" in refused(world, DECEMBER, NOVEMBER).what


@pytest.mark.parametrize("as_at", [NOVEMBER, DECEMBER])
def test_a_business_date_that_is_past_gets_no_rows_of_today(as_at: date, world: World) -> None:
    """WAREHOUSE_TODAY of a month ago: what is known now is not sent under the name of then."""
    with world.building(as_at):
        pass
    assert "under the name of an earlier month" in refused(world, NOVEMBER, DECEMBER).what


def test_a_build_of_a_business_date_made_before_the_period_was_over(world: World) -> None:
    """As at December by WAREHOUSE_TODAY, and made in November by the clock."""
    with world.building(DECEMBER), psycopg.connect(world.conninfo) as connection:
        connection.execute("update ledger.builds set started_at = '2026-11-20'")
    at = DeliveryWorld(world.conninfo, world.settings, DECEMBER, DECEMBER, by_the_clock=True, exports=world.exports)
    with pytest.raises(NotCovered, match="was made on 2026-11-20, before that"):
        deliver(at, Silent(), check=no_check)
    assert listed(world) == {}


def test_a_build_of_the_day_by_the_clock(world: World) -> None:
    today = datetime.now(ZoneInfo("Europe/London")).date()
    with world.building(today):
        pass
    at = DeliveryWorld(world.conninfo, world.settings, today, today, by_the_clock=True, exports=world.exports)
    (report,) = deliver(at, Silent(), check=no_check)
    assert report.state is State.CLOSED


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        ("update extracts.dandi_teachers set last_name = 'EVALUATOR' where urn = 1", "has 1 rows that no build wrote"),
        ("delete from extracts.dandi_teachers where urn = 1", "has 199 rows instead of 200"),
        # As `dbt run` makes a table: another one takes its name.
        (
            "create table extracts.made as table extracts.dandi_teachers; drop table extracts.dandi_teachers;"
            " alter table extracts.made rename to dandi_teachers",
            "was made by somebody else",
        ),
        ("alter table extracts.dandi_teachers add column more text", "has other columns"),
        (
            "alter table extracts.dandi_teachers rename to kept;"
            " create view extracts.dandi_teachers as select * from extracts.kept",
            "was made by somebody else",
        ),
    ],
)
def test_a_table_that_is_not_what_the_build_made(statements: str, words: str, world: World) -> None:
    with psycopg.connect(world.conninfo, autocommit=True) as connection:
        connection.execute(statements.encode())
    assert words in refused(world, OCTOBER).what


def test_a_table_that_is_changed_after_it_was_looked_at(world: World) -> None:
    """What holds is what the snapshot says from which the rows are read."""

    def change(step: str) -> None:
        if step == "planned":
            with psycopg.connect(world.conninfo) as connection:
                connection.execute("update extracts.dandi_teachers set urn = 0 where urn = 1")

    with pytest.raises(NotCovered, match="no build wrote"):
        world.run(hook=change)
    assert listed(world) == {} and world.state() == "failed"


def test_a_build_that_is_published_meanwhile(world: World) -> None:
    def build(step: str) -> None:
        if step == "planned":
            with world.building(OCTOBER):
                pass

    with pytest.raises(NotCovered, match="Another build was published"):
        world.run(hook=build)
    assert listed(world) == {}


def test_no_build_at_all(world: World) -> None:
    with psycopg.connect(world.conninfo) as connection:
        connection.execute("update ledger.builds set state = 'failed'")
    assert "no published build" in refused(world, OCTOBER).what


def test_what_it_rests_on_is_said(world: World) -> None:
    with psycopg.connect(world.conninfo) as connection:
        connection.execute(
            "with epoch as (insert into ledger.epochs"
            " (slot_name, replication_name, source_system_id, source_database, timeline)"
            " values ('s', 's', '1', 'trs', 1) returning epoch_id)"
            " insert into ledger.transactions (xid, epoch_id, committed_at)"
            " select '900', epoch_id, '2026-10-02 22:14:00+00' from epoch"
        )
        connection.execute("update ledger.builds set known_up_to = '900'")
    (report,) = world.run(built=False)
    manifest = json.loads((world.place / "2026-09" / "datapackage.json").read_text())["delivery"]
    assert (report.build_id, report.as_at, report.known_up_to) == (
        1,
        OCTOBER,
        datetime(2026, 10, 2, 22, 14, tzinfo=UTC),
    )
    assert (manifest["build_id"], manifest["as_at"]) == (1, OCTOBER.isoformat())
    assert manifest["known_up_to"] == "2026-10-02T22:14:00+00:00"
    assert world.query("select known_up_to::text from ledger.deliveries") == [("900",)]
