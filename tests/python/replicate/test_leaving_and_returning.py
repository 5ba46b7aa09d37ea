"""A table that leaves the publication and comes back: it is taken up again, and what was missed is a gap."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from psycopg import sql

from tests.python.replicate.drifting import World, world
from warehouse.core.errors import DriftHeld, MeaningChanged, RuleChanged, SubscriptionAltered
from warehouse.core.progress import Silent
from warehouse.replicate import Status, replicate, status
from warehouse.replicate.compare.reconcile import reconcile
from warehouse.replicate.repair import repair

__all__ = ["world"]
pytestmark = pytest.mark.slow

Leaving = tuple[Callable[[World], object], Callable[[World], object]]


def run(world: World) -> DriftHeld | RuleChanged | None:
    """A table that was out by somebody else's doing is doubted, too, until it is repaired."""
    _, held = replicate(world.databases, Silent())
    if isinstance(held.first, MeaningChanged):
        return None
    assert held.first is None or isinstance(held.first, DriftHeld | RuleChanged)
    return held.first


def told(world: World) -> Status:
    return status(world.databases, pause=0.2)


def reasons(world: World) -> list[str]:
    return [one.code for one in told(world).reasons]


def at_source(statement: str) -> Callable[[World], object]:
    return lambda world: world.trs.execute(statement.encode())


def publication(world: World, change: str) -> None:
    world.trs.execute(sql.SQL("alter publication {} {}").format(sql.Identifier(world.name), sql.SQL(change)))


def subscription(world: World, change: str) -> None:
    world.warehouse.execute(sql.SQL("alter subscription {} {}").format(sql.Identifier(world.name), sql.SQL(change)))


def subscription_is_on(world: World) -> bool:
    row = world.warehouse.execute("select subenabled from pg_subscription where subname = %s", (world.name,)).fetchone()
    return row == (True,)


def leave_and_return_by_hand(world: World, change: str = "people (person_id, name, note, age)") -> None:
    """Out of the publication, the subscription refreshed by hand, and back; the worker forgets what it knew."""
    names = ", ".join(part.split(" (")[0] for part in change.split("), "))
    publication(world, f"drop table {names}")
    subscription(world, "refresh publication")
    world.warehouse.execute(
        "select pg_terminate_backend(pid, 60000) from pg_stat_subscription where subname = %s and pid is not null",
        (world.name,),
    )
    publication(world, f"add table {change}")


WAYS: dict[str, Leaving] = {
    "its identity": (
        at_source("alter table people replica identity full"),
        at_source("alter table people replica identity default"),
    ),
    "the file": (
        lambda world: world.left_behind.add("people"),
        lambda world: world.left_behind.remove("people"),
    ),
    "its key": (
        at_source("alter table people drop constraint people_pkey"),
        at_source("alter table people add constraint people_pkey primary key (person_id)"),
    ),
    "its schema": (
        at_source("create schema archive; alter table people set schema archive"),
        at_source("alter table archive.people set schema public"),
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_table_that_left_and_came_back_is_applied_again(world: World, way: str) -> None:
    leave, come_back = WAYS[way]
    leave(world)
    run(world)
    assert "people" not in world.classification.published or reasons(world) != []
    come_back(world)
    world.trs.execute("update people set note = 'gap' where age = 1")
    assert run(world) is None
    assert [code for code in reasons(world) if code != "meaning_changed"] == ["gap"]
    repair(world.databases, Silent())
    world.assert_equal("people")
    world.trs.execute("update people set note = 'after' where age = 2")
    world.trs.execute("delete from people where age = 3")
    run(world)
    world.assert_equal("people")
    assert told(world).reasons == []
    # A table that comes later is copied, and nothing else is.
    world.trs.execute("create table later as select n as id from generate_series(1, 50) as n")
    world.trs.execute("alter table later add primary key (id)")
    world.file["later"] = {"id": "open"}
    assert run(world) is None
    world.assert_equal("people")
    assert world.warehouse.execute("select count(*) from later").fetchone() == (50,)
    assert told(world).reasons == []


def test_a_table_that_was_let_go_of_by_hand_is_a_difference_and_a_reason(world: World) -> None:
    """Out of the publication, the subscription refreshed by hand, and back: the publication is as it should be."""
    leave_and_return_by_hand(world)
    world.trs.execute("update people set note = 'lost' where age = 1")
    world.sync()
    assert ("subscribe", "people") in world.found()
    now = told(world)
    assert now.exit_code == SubscriptionAltered.exit_code
    assert "people" in now.reasons[0].what
    outcome = world.apply()
    assert "people: taken up again by the subscription" in outcome.done
    assert "gap" in reasons(world)
    repair(world.databases, Silent())
    world.assert_equal("people")
    world.trs.execute("update people set note = 'after' where age = 2")
    world.assert_equal("people")


def test_a_copy_that_was_broken_off_beside_it_is_still_copied(world: World) -> None:
    """Taking a table up without copying it must not let another one pass for whole."""
    world.trs.execute("create table later as select n as id from generate_series(1, 50) as n")
    world.trs.execute("alter table later add primary key (id)")
    world.file["later"] = {"id": "open"}
    run(world)
    world.warehouse.execute("truncate later")
    world.warehouse.execute(
        "insert into ledger.column_states (table_name, column_name, state, reason)"
        " values ('later', '', 'copying', 'broken off')"
        " on conflict (table_name, column_name) do update"
        " set state = 'copying', since = clock_timestamp(), complete_at = null"
    )
    leave_and_return_by_hand(world, "people (person_id, name, note, age), later (id)")
    world.trs.execute("update people set note = 'gap' where age = 1")
    world.sync()
    assert run(world) is None
    assert world.warehouse.execute("select count(*) from later").fetchone() == (50,)
    world.trs.execute("update people set note = 'after' where age = 2")
    repair(world.databases, Silent())
    world.assert_equal("people")


def test_a_stream_that_a_second_copy_has_stopped_has_a_way_out_that_keeps_the_history(world: World) -> None:
    world.trs.execute("update people set note = 'first' where age = 1")
    world.sync()
    versions = world.warehouse.execute("select count(*) from versions.people").fetchone()
    leave_and_return_by_hand(world)
    subscription(world, "refresh publication with (copy_data = true)")
    deadline = time.monotonic() + 120
    while subscription_is_on(world):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    world.trs.execute("update people set note = 'gap' where age = 2")
    now = told(world)
    assert now.exit_code == SubscriptionAltered.exit_code
    assert "people" in now.reasons[0].what
    with pytest.raises(SubscriptionAltered) as caught:
        run(world)
    assert "repair" in caught.value.next_command
    repair(world.databases, Silent())
    world.assert_equal("people")
    after = world.warehouse.execute("select count(*) from versions.people").fetchone()
    assert versions is not None and after is not None and after[0] > versions[0]
    run(world)
    assert told(world).reasons == []
    assert not reconcile(world.databases, Silent()).differing


@pytest.mark.parametrize("taken_out", ["by the run", "by somebody before it"])
def test_a_table_that_was_moved_while_it_was_written_to_does_not_stop_the_others(world: World, taken_out: str) -> None:
    """The publication goes on sending it, under a name that is not here."""
    world.trs.execute("create schema archive")
    world.trs.execute("alter table people set schema archive")
    world.trs.execute("update archive.people set note = 'elsewhere' where age = 1")
    world.trs.execute("update posts set title = 'on'")
    deadline = time.monotonic() + 120
    while subscription_is_on(world):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    if taken_out == "by somebody before it":
        publication(world, "drop table archive.people")
        what = ""
        while "archive.people" not in what:
            assert time.monotonic() < deadline
            what = next((one.what for one in told(world).reasons if one.code == "conflict"), "")
    error = run(world)
    assert error is not None
    assert "people" in error.what
    assert not [failure for failure in reasons(world) if failure in ("conflict", "stopped")]
    world.assert_equal("posts")
    assert world.warehouse.execute("select count(*) from archive.people").fetchone() == (0,), "nothing of it is stored"
    world.trs.execute("update archive.people set note = 'still' where age = 2")
    world.trs.execute("update posts set title = 'further'")
    world.assert_equal("posts")
    world.trs.execute("alter table archive.people set schema public")
    assert run(world) is None
    repair(world.databases, Silent())
    world.assert_equal("people")
