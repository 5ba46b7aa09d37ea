"""Values travel in binary where both sides have the same types of the engine's own, and as text where not."""

from __future__ import annotations

import threading
import time

import pytest

from tests.python.replicate.drifting import World, world, writing
from warehouse.core.errors import StreamStuck
from warehouse.core.progress import Silent
from warehouse.replicate import replicate, subscription, wire

__all__ = ["world"]
pytestmark = pytest.mark.slow


def only_as_text(world: World) -> list[str]:
    return wire.only_as_text(world.trs, world.warehouse, world.name, "public")


def test_the_stream_begins_in_binary(world: World) -> None:
    assert only_as_text(world) == []
    assert wire.is_binary(world.warehouse, world.name)
    world.trs.execute("update people set name = 'Ünïcode', age = -1")
    world.assert_equal("people")


def test_another_type_here_turns_to_text_and_what_stopped_the_stream_goes_on(world: World) -> None:
    # By hand, behind the back of everything: in binary four bytes meet a column of eight.
    world.warehouse.execute("drop view versions.people; drop table history.people_log cascade")
    world.warehouse.execute("alter table people disable trigger user")
    world.warehouse.execute("alter table people alter column age type bigint")
    world.trs.execute("insert into people (name, age) values ('after', 41)")
    with pytest.raises(StreamStuck):
        world.sync()
    assert only_as_text(world) == ["people.age"]
    wire.as_text(world.warehouse, world.name)
    assert not wire.is_binary(world.warehouse, world.name)
    subscription.enable(world.warehouse, world.name)
    subscription.wait_until_applied(world.trs, world.warehouse, world.name, Silent())
    assert world.warehouse.execute("select age from people where name = 'after'").fetchone() == (41,)


def test_a_type_of_their_own_travels_as_text(world: World) -> None:
    for connection in (world.trs, world.warehouse):
        connection.execute("create type mood as enum ('well', 'unwell')")
    world.trs.execute("alter table people add column mood mood default 'well'")
    world.file["people"]["mood"] = "open"
    replicate(world.databases, Silent())
    assert only_as_text(world) == ["people.mood"]
    replicate(world.databases, Silent())
    assert not wire.is_binary(world.warehouse, world.name)
    world.trs.execute("update people set mood = 'unwell'")
    world.assert_equal("people")


def test_a_backlog_of_the_former_type_arrives_as_the_new_one(world: World) -> None:
    subscription.stop(world.warehouse, world.name)
    world.trs.execute("update people set age = 7 where note = 'x'")
    world.release("people.age")
    world.trs.execute("alter table people alter column age type bigint")
    world.trs.execute("update people set age = 5000000000 where name = 'n1'")
    assert wire.is_binary(world.warehouse, world.name)
    with writing(world):
        # The type changes here while the stream is off, so that all of the backlog comes after it; only the back-fill
        # has to wait for the stream.
        assert isinstance(world.apply().error(), StreamStuck)
        assert not wire.is_binary(world.warehouse, world.name)
        subscription.enable(world.warehouse, world.name)
        assert world.apply().error() is None
        replicate(world.databases, Silent())
    world.assert_equal("people")
    world.assert_history("people")
    assert wire.is_binary(world.warehouse, world.name)


def test_a_pass_that_turns_to_binary_ends_when_the_new_worker_streams(world: World) -> None:
    wire.as_text(world.warehouse, world.name)
    world.trs.execute("update people set age = 9")
    replicate(world.databases, Silent())
    assert wire.is_binary(world.warehouse, world.name)
    assert world.trs.execute("select active from pg_replication_slots").fetchall() == [(True,)]
    world.assert_equal("people")


def test_text_is_certain_only_when_the_worker_that_had_binary_has_gone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.databases.warehouse() as analyst:
        analyst.execute("begin")
        analyst.execute("lock table people in share mode")
        world.trs.execute("update people set age = 8")
        while not world.warehouse.execute("select 1 from pg_locks where not granted").fetchone():
            time.sleep(0.02)
        monkeypatch.setattr(subscription, "STALLED_SECONDS", 0.5)
        with pytest.raises(StreamStuck, match="in one transaction"):
            wire.as_text(world.warehouse, world.name)
        monkeypatch.undo()
        wire.in_binary(world.trs, world.warehouse, world.name)
        done = threading.Event()

        def turn() -> None:
            with world.databases.warehouse() as other:
                wire.as_text(other, world.name)
            done.set()

        thread = threading.Thread(target=turn)
        thread.start()
        assert not done.wait(0.3)
        analyst.execute("rollback")
        thread.join()
    assert done.is_set()
    world.assert_equal("people")
