"""Values travel as text, always: in binary, one whose type changed at the source unseen would be misread in silence."""

from __future__ import annotations

import pytest
from psycopg import sql

from tests.python.replicate.drifting import World, world, writing
from warehouse.core.errors import StreamStuck
from warehouse.core.progress import Silent
from warehouse.replicate import replicate
from warehouse.replicate.stream import subscription

__all__ = ["world"]
pytestmark = pytest.mark.slow


def is_binary(world: World) -> bool:
    row = world.warehouse.execute("select subbinary from pg_subscription where subname = %s", (world.name,)).fetchone()
    assert row is not None
    return bool(row[0])


def test_values_travel_as_text_and_a_run_sees_to_it(world: World) -> None:
    assert not is_binary(world)
    world.warehouse.execute(sql.SQL("alter subscription {} set (binary = true)").format(sql.Identifier(world.name)))
    replicate(world.databases, Silent())
    assert not is_binary(world)
    world.trs.execute("update people set name = 'Ünïcode', age = -1")
    world.assert_equal("people")


def test_a_value_of_another_type_is_converted_or_stops_the_stream_but_is_never_misread(world: World) -> None:
    """The publication is minded in the same transaction: PostgreSQL refuses to retype a published column otherwise."""
    name = sql.Identifier(world.name)
    with world.trs.transaction():
        world.trs.execute(sql.SQL("alter publication {} drop table people").format(name))
        world.trs.execute("alter table people alter column age type real")
        world.trs.execute(sql.SQL("alter publication {} add table people (person_id, name, note, age)").format(name))
    # As four binary bytes this would be 1120927744 here.
    world.trs.execute("update people set age = 104 where name = 'n1'")
    world.sync()
    assert world.warehouse.execute("select age from people where name = 'n1'").fetchone() == (104,)


def test_a_type_of_their_own_travels_too(world: World) -> None:
    for connection in (world.trs, world.warehouse):
        connection.execute("create type mood as enum ('well', 'unwell')")
    world.trs.execute("alter table people add column mood mood default 'well'")
    world.file["people"]["mood"] = "open"
    replicate(world.databases, Silent())
    world.trs.execute("update people set mood = 'unwell'")
    world.assert_equal("people")


def test_a_backlog_of_the_former_type_arrives_as_the_new_one(world: World) -> None:
    subscription.stop(world.warehouse, world.name)
    world.trs.execute("update people set age = 7 where note = 'x'")
    world.release("people.age")
    world.trs.execute("alter table people alter column age type bigint")
    world.trs.execute("update people set age = 5000000000 where name = 'n1'")
    with writing(world):
        # The type changes here while the stream is off, so that all of the backlog comes after it; only the back-fill
        # has to wait for the stream.
        assert isinstance(world.apply().error(), StreamStuck)
        subscription.enable(world.warehouse, world.name)
        assert world.apply().error() is None
    world.assert_equal("people")
    world.assert_history("people")
