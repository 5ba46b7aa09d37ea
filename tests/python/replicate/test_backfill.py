"""The back-fill of a column: every row's value, none that is older than what the stream brought, none twice."""

from __future__ import annotations

import random
import threading
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.python.replicate.drifting import SEED, World, world, writing
from warehouse.core.errors import DriftHeld
from warehouse.replicate.catalog.types import type_change
from warehouse.replicate.drift import backfill, publishing

__all__ = ["world"]


@pytest.mark.slow
def test_rows_that_change_all_the_while_are_right(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few keys, changed, deleted and made again between the reading and the writing of each small chunk."""
    monkeypatch.setattr(backfill, "CHUNK_ROWS", 7)
    print(f"seed {SEED}")
    world.trs.execute("alter table posts add column grade int default 1")
    world.file["posts"]["grade"] = "open"
    people = [row[0] for row in world.trs.execute("select person_id from people limit 40")]
    world.trs.execute("delete from posts where person_id <> all(%s)", (people,))
    stop = threading.Event()
    changes: list[int] = []
    meanwhile = 0

    def change() -> None:
        chance = random.Random(SEED)
        with world.databases.at_source() as trs:
            # Some hundreds a second: each has to be applied, kept and compared afterwards.
            while not stop.wait(0.002):
                changes.append(1)
                person = chance.choice(people)
                with trs.transaction():
                    if chance.random() < 0.5:
                        trs.execute("update posts set grade = grade + 1 where person_id = %s", (person,))
                    else:
                        trs.execute("delete from posts where person_id = %s", (person,))
                        if chance.random() < 0.8:
                            trs.execute("insert into posts values (%s, 1, 'again', %s)", (person, chance.randrange(99)))

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(4):
            before = len(changes)
            assert world.apply().error() is None
            meanwhile += len(changes) - before
            # Once more from the beginning, over rows that are filled already.
            world.warehouse.execute(
                "update ledger.column_states set state = 'adding', complete_at = null where column_name = 'grade'"
            )
        assert world.apply().error() is None
    finally:
        stop.set()
        thread.join()
    assert meanwhile > 0, "nothing changed meanwhile"
    world.assert_equal("posts")
    world.assert_history("posts")
    assert world.warehouse.execute("select count(*) from posts where grade is null").fetchone() == (0,)


@pytest.mark.slow
def test_a_back_fill_that_was_killed_goes_on_where_it_was(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "CHUNK_ROWS", 50)
    write, calls = backfill._write, 0

    def dies(*arguments: Any) -> int:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return write(*arguments)

    world.trs.execute("alter table people add column score int default 7")
    world.file["people"]["score"] = "open"
    with writing(world):
        monkeypatch.setattr(backfill, "_write", dies)
        with pytest.raises(KeyboardInterrupt):
            world.apply()
        state = world.warehouse.execute(
            "select state, reason, rows_filled > 0, filled_up_to is not null from ledger.column_states"
        ).fetchall()
        assert state == [("backfilling", "not yet back-filled", True, True)]
        assert world.found() == [("back-fill", "people.score")]
        read: list[list[str] | None] = []
        really_read = backfill._read

        def noted(*arguments: Any) -> Any:
            read.append(arguments[-1])
            return really_read(*arguments)

        monkeypatch.setattr(backfill, "_write", write)
        monkeypatch.setattr(backfill, "_read", noted)
        # A run goes on with it, too.
        assert world.apply(by_person=False).error() is None
    assert read[0] is not None
    world.assert_equal("people")
    world.assert_history("people")
    assert world.state("people", "score") == "complete"


@pytest.mark.slow
def test_an_old_transaction_is_waited_for_because_its_rows_come_without_the_column(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "OLD_TRANSACTION_SECONDS", 0.3)
    world.trs.execute("alter table people add column score int default 7")
    world.file["people"]["score"] = "open"
    with world.databases.at_source() as old:
        old.execute("begin")
        old.execute("insert into people (name, score) values ('early', 1)")
        error = world.apply().error()
        assert isinstance(error, DriftHeld)
        assert "has been open since before" in error.what
        assert world.state("people", "score") == "backfilling"
        old.execute("insert into people (name, score) values ('late', 2)")
        old.execute("commit")
    assert world.apply().error() is None
    world.assert_equal("people")


@pytest.mark.slow
def test_values_of_every_kind_arrive_as_they_are(world: World) -> None:
    world.trs.execute(
        "alter table people add column j json default '{\"a\":  1}', add column b bytea default '\\x00ff',"
        " add column t timestamptz default 'infinity', add column d date default '9999-12-31'::date + 9999,"
        " add column f float8 default 0.1 + 0.2, add column l text[] default array['a,b', null, '\"']"
    )
    for column in "jbtdfl":
        world.file["people"][column] = "open"
    assert world.apply().error() is None
    world.assert_equal("people")


@pytest.mark.parametrize(
    ("here", "there", "change"),
    [
        ("character varying(10)", "character varying(20)", "widened"),
        ("character varying(10)", "text", "widened"),
        ("character varying(20)", "character varying(10)", "narrowed"),
        ("text", "character varying", "widened"),
        ("smallint", "integer", "widened"),
        ("bigint", "integer", "narrowed"),
        ("integer", "text", "changed"),
        ("integer", "numeric", "widened"),
        ("integer", "numeric(9,2)", "changed"),
        ("numeric(10,2)", "numeric(12,4)", "widened"),
        ("numeric(10,2)", "numeric(10,4)", "changed"),
        ("numeric(10,2)", "numeric", "widened"),
        ("real", "double precision", "widened"),
        ("timestamp(3) without time zone", "timestamp without time zone", "widened"),
        ("timestamp without time zone", "timestamp with time zone", "changed"),
        ("date", "timestamp without time zone", "widened"),
        ("date", "timestamp with time zone", "changed"),
        ("character varying(10)[]", "text[]", "widened"),
        ("text", "text[]", "changed"),
        ("json", "jsonb", "changed"),
        ("citext", "citext", "same"),
    ],
)
def test_what_became_of_a_type(here: str, there: str, change: str) -> None:
    assert type_change(here, there) == change


NUMERICS = st.integers(1, 20).flatmap(lambda p: st.tuples(st.just(p), st.integers(0, p)))


@given(NUMERICS, NUMERICS)
def test_a_widened_numeric_holds_the_largest_and_the_finest(narrow: tuple[int, int], wide: tuple[int, int]) -> None:
    change = type_change(f"numeric({narrow[0]},{narrow[1]})", f"numeric({wide[0]},{wide[1]})")
    fits = wide[1] >= narrow[1] and wide[0] - wide[1] >= narrow[0] - narrow[1]
    assert (change in ("same", "widened")) == fits


@pytest.mark.slow
@pytest.mark.parametrize(
    ("here", "there", "value"),
    [
        ("smallint", "bigint", "32767"),
        ("numeric(4,2)", "numeric(7,4)", "99.99"),
        ("real", "double precision", "0.1"),
        ("date", "timestamp without time zone", "9999-12-31"),
        ("character(4)", "text", "ab  "),
        ("integer", "numeric(10,0)", "2147483647"),
    ],
)
def test_the_engine_casts_what_is_called_widened(world: World, here: str, there: str, value: str) -> None:
    assert type_change(here, there) == "widened"
    with world.warehouse.transaction() as transaction:
        world.warehouse.execute(f"create table cast_here (v {here})".encode())
        world.warehouse.execute("insert into cast_here values (%s)", (value,))
        world.warehouse.execute(f"alter table cast_here alter column v type {there} using v::{there}".encode())
        raise psycopg.Rollback(transaction)
