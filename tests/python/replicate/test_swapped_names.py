"""The same names at the source lead to other content: no row changes, so the stream brings nothing of it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from psycopg import sql

from tests.python.replicate.drifting import World, world, writing
from warehouse.core.errors import DriftHeld, MeaningChanged
from warehouse.core.progress import Silent
from warehouse.replicate import replicate, status
from warehouse.replicate.compare.reconcile import reconcile
from warehouse.replicate.repair import repair as repair_replica

__all__ = ["world"]
pytestmark = pytest.mark.slow

SWAP_COLUMNS = """
alter table people rename column nick to _; alter table people rename column note to nick;
alter table people rename column _ to note;
"""
SWAP_TABLES = """
alter table posts rename to _; alter table roles rename to posts; alter table _ rename to roles;
"""


@pytest.fixture
def told(world: World) -> Callable[[], list[tuple[str, int]]]:
    """What `warehouse replicate status` says of names and structure."""

    def reasons() -> list[tuple[str, int]]:
        return [(one.code, one.exit_code) for one in status(world.databases, pause=None).reasons]

    return reasons


def minded(world: World, *statements: str) -> None:
    """Alter people in one transaction that takes it out of the publication first, and puts it back."""
    name = sql.Identifier(world.name)
    columns = ", ".join(world.classification.published["people"])
    with world.trs.transaction():
        world.trs.execute(sql.SQL("alter publication {} drop table people").format(name))
        for statement in statements:
            world.trs.execute(statement.encode())
        world.trs.execute(
            sql.SQL("alter publication {} add table people ({})").format(name, sql.SQL(columns))  # type: ignore[arg-type]
        )


def repair(world: World) -> None:
    """What a person does who has looked at what would be deleted."""
    deadline = time.monotonic() + 120
    # Rows that came a moment ago are left to the next one.
    while repair_replica(world.databases, Silent(), allow_deletes=sorted(world.file)).left:
        assert time.monotonic() < deadline


def test_two_columns_that_swap_their_names_are_filled_by_the_next_run(
    world: World, told: Callable[[], list[tuple[str, int]]]
) -> None:
    world.trs.execute("alter table people add column nick varchar(10)")
    world.trs.execute("update people set nick = 'nick ' || age")
    world.file["people"]["nick"] = "open"
    assert world.apply().error() is None
    with world.trs.transaction():
        world.trs.execute(SWAP_COLUMNS.encode())
    assert world.found() == [("other column", "people.nick"), ("other column", "people.note")]
    assert ("meaning_changed", 64) in told()
    with writing(world) as seen:
        seen["sets"]["value"] = "nick = 'written'"
        outcome = world.apply(by_person=False)
    assert outcome.error() is None
    assert any("people.note: back-filled" in line for line in outcome.done)
    world.assert_equal("people")
    world.assert_history("people")
    assert world.found() == []
    assert told() == []


def test_a_swap_is_found_though_it_was_proven_equal_before(world: World) -> None:
    """A proof holds for rows that were not written since: a change of names writes none."""
    assert not reconcile(world.databases, Silent()).differing
    minded(world, "alter table people drop column age", "alter table people add column age int default 3")
    assert [kind for kind, _ in world.found()] == ["other table"]
    world.apply(by_person=False)
    repair(world)
    world.assert_equal("people")
    assert world.found() == []


def test_two_tables_that_swap_their_names_are_doubted_until_they_are_compared(
    world: World, told: Callable[[], list[tuple[str, int]]]
) -> None:
    world.trs.execute("create table roles (person_id uuid, number int, title text, primary key (person_id, number))")
    world.trs.execute("insert into roles select person_id, 2, 'head' from people")
    world.file["roles"] = dict(world.file["posts"])
    assert world.apply().error() is None
    with world.trs.transaction():
        world.trs.execute(SWAP_TABLES.encode())
    assert world.found() == [("other table", "posts"), ("other table", "roles")]
    _, held = replicate(world.databases, Silent())
    assert isinstance(held.first, MeaningChanged)
    # It is told again and again until somebody has compared.
    _, held = replicate(world.databases, Silent())
    assert isinstance(held.first, MeaningChanged)
    assert "posts" in held.first.what
    assert ("meaning_changed", 64) in told()
    assert reconcile(world.databases, Silent()).differing
    assert ("meaning_changed", 64) in told()
    repair(world)
    for table in ("posts", "roles"):
        world.assert_equal(table)
    assert told() == []
    _, held = replicate(world.databases, Silent())
    assert held.first is None


def test_another_table_in_the_place_of_one_is_doubted(world: World) -> None:
    publication = sql.Identifier(world.name)
    with world.trs.transaction():
        world.trs.execute("alter table posts rename to posts_old")
        world.trs.execute("create table posts (like posts_old including all)")
        world.trs.execute("insert into posts select person_id, 7, 'other' from people")
        world.trs.execute(sql.SQL("alter publication {} drop table posts_old").format(publication))
        world.trs.execute(
            sql.SQL("alter publication {} add table posts (person_id, number, title)").format(publication)
        )
    assert ("other table", "posts") in world.found()
    world.apply(by_person=False)
    repair(world)
    world.assert_equal("posts")


def test_a_comparison_that_finds_the_table_equal_settles_the_doubt(
    world: World, told: Callable[[], list[tuple[str, int]]]
) -> None:
    minded(world)
    replicate(world.databases, Silent())
    assert told() == [("meaning_changed", 64)]
    assert not reconcile(world.databases, Silent()).differing
    assert told() == []


@pytest.mark.parametrize(
    "statements",
    [
        ["alter table people alter column age type int using age * 2"],
        ["alter table people drop column age", "alter table people add column age int default 3"],
        ["alter table people alter column note type varchar(1) using left(note, 1)"],
        ["alter table people alter column name type text using upper(name)"],
        [],
    ],
)
def test_what_a_migration_does_while_it_minds_the_publication_is_compared(world: World, statements: list[str]) -> None:
    world.trs.execute("update people set note = 'longer'")
    minded(world, *statements)
    world.trs.execute("update people set name = 'later' where name = 'n7'")
    assert ("other table", "people") in world.found()
    error = world.apply(by_person=False).error()
    assert isinstance(error, MeaningChanged)
    repair(world)
    if "varchar(1)" in "".join(statements):
        assert isinstance(world.apply("people.note").error(), type(None))
    world.assert_equal("people")


def test_a_type_that_changes_and_changes_back_between_two_looks_is_not_agreed_with(world: World) -> None:
    minded(world, "alter table people alter column age type real")
    world.trs.execute("update people set age = 104 where name = 'n1'")
    minded(world, "alter table people alter column age type int")
    assert world.found() == [("other table", "people")]
    world.apply(by_person=False)
    repair(world)
    world.assert_equal("people")


def test_a_changed_type_is_held_and_the_table_doubted(world: World) -> None:
    minded(world, "alter table people alter column age type real")
    world.trs.execute("update people set age = 104 where name = 'n1'")
    assert {kind for kind, _ in world.found()} == {"other table", "changed type"}
    world.apply(by_person=False)
    assert {kind for kind, _ in world.found()} == {"other table", "changed type"}
    assert world.apply("people.age").error() is not None
    repair(world)
    world.assert_equal("people")
    assert world.found() == []


def test_names_that_were_given_away_and_back_between_two_looks_are_found(world: World) -> None:
    world.trs.execute("alter table people add column nick varchar(10) default 'nick'")
    world.file["people"]["nick"] = "open"
    assert world.apply().error() is None
    world.trs.execute(SWAP_COLUMNS.encode())
    world.trs.execute("update people set nick = 'in other' where age < 9")
    world.trs.execute(SWAP_COLUMNS.encode())
    assert world.found() == [("other column", "people.nick"), ("other column", "people.note")]
    assert world.apply(by_person=False).error() is None
    world.assert_equal("people")


def test_a_table_renamed_and_renamed_back_is_doubted(world: World) -> None:
    world.trs.execute("alter table posts rename to jobs; alter table jobs rename to posts")
    assert world.found() == [("other table", "posts")]


def test_a_label_renamed_at_the_source_is_filled_or_told(world: World) -> None:
    for connection in (world.trs, world.warehouse):
        connection.execute("create type mood as enum ('well', 'unwell')")
    world.trs.execute("alter table people add column mood mood default 'well'")
    world.file["people"]["mood"] = "open"
    assert world.apply().error() is None
    world.trs.execute("alter type mood rename value 'well' to 'fine'")
    assert world.found() == [("other column", "people.mood")]
    error = world.apply(by_person=False).error()
    assert isinstance(error, DriftHeld)
    assert "people.mood: a value of the source does not fit the type in the warehouse" in error.what
    assert "fine" not in error.what
    world.warehouse.execute("alter type mood rename value 'well' to 'fine'")
    assert world.apply().error() is None
    world.assert_equal("people")
    assert world.found() == []


def test_what_is_altered_beside_the_names_is_not_told(world: World) -> None:
    world.trs.execute("alter table people add column extra int default 4, alter column nin set default 'QQ'")
    world.trs.execute("create index on people (name); grant select on people to public; analyze people")
    for statement in ("vacuum full people", "vacuum (freeze) pg_attribute", "vacuum full pg_attribute"):
        world.trs.execute(statement.encode())
    assert world.found() == [("new column", "people.extra")]


def test_a_key_column_that_gives_its_name_away_is_doubted(world: World) -> None:
    world.trs.execute("alter table posts add column second int not null default 9")
    world.trs.execute("alter table posts alter column number set default 1")
    assert ("other table", "posts") in world.found()


def test_a_run_that_may_repair_by_itself_does(world: World) -> None:
    settings = world.databases.settings.model_copy(update={"warehouse_repair": "automatic"})
    world.databases.settings = settings
    minded(world, "alter table people alter column age type int using age * 2")
    report, held = replicate(world.databases, Silent())
    assert held.first is None
    assert any("updated" in note for note in report.notes)
    world.assert_equal("people")
