"""The source's structure changes while it is written to: what is classified is carried out, the rest is held."""

from __future__ import annotations

import threading

import pytest
from psycopg import sql

from tests.python.replicate.drifting import World, world, writing
from warehouse.core.progress import Silent
from warehouse.jobs import rule_changes
from warehouse.replicate import drift
from warehouse.replicate.stream import subscription

__all__ = ["world"]
pytestmark = pytest.mark.slow


def test_nothing_differs_after_the_first_copy(world: World) -> None:
    assert world.found() == []
    assert world.apply().done == []


@pytest.mark.parametrize("default", ["default 7", "default (random() * 1000000)::int", ""])
def test_a_new_column_is_held_then_added_published_and_filled(world: World, default: str) -> None:
    with writing(world):
        world.trs.execute(f"alter table people add column score int {default}".encode())
        world.trs.execute("update people set score = age where age < 20")
        assert world.found() == [("new column", "people.score")]
        assert world.apply().error().exit_code == 41
        world.file["people"]["score"] = "open"
        assert world.found() == [("add column", "people.score")]
        outcome = world.apply()
        assert outcome.error() is None
        assert world.state("people", "score") == "complete"
    world.assert_equal("people")
    world.assert_history("people")
    assert world.found() == []
    assert world.apply().done == []
    # As known before the back-fill there was no value; from it on there is.
    row = world.warehouse.execute(
        "select count(*), count(*) filter (where v.score is null and l.score is not null and l.known_from = v.known_to)"
        " from versions.people as v join versions.people as l using (person_id)"
        " join ledger.transactions as t on t.xid = l.from_xid and t.kind = 'backfill' where v.to_xid = t.xid"
    ).fetchone()
    assert row[0] == row[1] > 0


def test_a_dropped_column_is_held_and_its_values_stay(world: World) -> None:
    world.warehouse.execute("create view mart as select name, age from people")
    with writing(world):
        world.release("people.age")
        assert world.found() == [("released", "people.age")]
        # A run by itself does not take it up again: somebody is about to change it.
        assert world.apply(by_person=False).done == []
        world.trs.execute("alter table people drop column age")
        assert world.found() == [("dropped column", "people.age")]
        error = world.apply().error()
        assert error is not None
        assert (error.exit_code, "people.age" in error.what) == (42, True)
        assert world.state("people", "age") == "retired"
        assert world.apply().done == []
    world.sync()
    kept = world.warehouse.execute("select count(*) from mart where age is not null").fetchone()
    assert kept is not None
    assert kept[0] > 0
    del world.file["people"]["age"]
    assert world.found() == [("retired", "people.age")]
    assert world.apply().error() is None
    world.assert_equal("people")


def test_a_column_dropped_with_cascade_takes_the_table_out_and_that_is_a_gap(world: World) -> None:
    world.trs.execute("alter table people drop column note cascade")
    world.trs.execute("update people set name = 'missed' where age = 30")
    assert ("publish table", "people") in world.found()
    world.apply()
    del world.file["people"]["note"]
    assert ("publish table", "people") not in world.found()
    gap = world.warehouse.execute(
        "select reason, table_name from ledger.gaps join ledger.gap_tables using (gap_id) where repaired_at is null"
    ).fetchall()
    assert [table for _, table in gap] == ["people"]
    world.trs.execute("update people set name = 'seen' where age = 31")
    world.sync()
    seen = world.warehouse.execute("select count(*) from people where name = 'seen'").fetchone()
    assert seen == world.trs.execute("select count(*) from people where name = 'seen'").fetchone()


def test_a_renamed_column_does_not_stop_the_stream_and_stores_nothing(world: World) -> None:
    # Published columns can be renamed, and changes come by the new name at once: the stream stops at the first.
    world.trs.execute("alter table people rename column age to years")
    world.trs.execute("update people set years = years + 1")
    found = drift.differences(world.trs, world.warehouse, world.name, world.classification)
    assert any("it is called years now" in one.what for one in found)
    work = world.work(by_person=False)
    drift.make_ready(work)
    assert work.failures == []
    subscription.enable(world.warehouse, world.name)
    with writing(world):
        error = drift.finish(work).error()
    assert error is not None
    assert error.exit_code == 42
    world.sync()
    assert world.warehouse.execute("select count(*) from people where years is not null").fetchone() == (0,)
    assert world.warehouse.execute("select count(*) from people where age is not null").fetchone() != (0,)
    assert [kind for kind, _ in world.found()] == ["dropped column", "new column"]
    # Somebody moves the line in the file.
    world.file["people"]["years"] = world.file["people"].pop("age")
    with writing(world):
        assert world.apply().error() is None
    world.assert_equal("people")
    world.assert_history("people")


def test_a_widened_type_is_taken_over_with_the_views_on_it(world: World) -> None:
    world.warehouse.execute("create role reader_of_marts")
    try:
        world.warehouse.execute("create view mart as select age, note from people")
        world.warehouse.execute("create view upon as select age + 1 as next, note from mart")
        world.warehouse.execute("create view past as select age from versions.people")
        world.warehouse.execute("grant select on upon to reader_of_marts")
        world.warehouse.execute("grant select (note) on mart to reader_of_marts with grant option")
        world.warehouse.execute("grant select (age, note) on versions.people to reader_of_marts")
        world.warehouse.execute("comment on column upon.note is 'kept'")
        with writing(world) as seen:
            seen["sets"]["value"] = "note = 'y'"
            world.release("people.age", "people.note")
            world.trs.execute("alter table people alter column age type bigint using age * 2")
            world.trs.execute("alter table people alter column note type varchar(40)")
            seen["sets"]["value"] = "age = 5000000000, note = 'longer than ten characters'"
            assert [kind for kind, _ in world.found()] == ["widened", "widened"]
            assert world.apply(by_person=False).done == []
            assert world.apply().error() is None
        world.assert_equal("people")
        world.assert_history("people")
        types = world.warehouse.execute(
            "select format_type(atttypid, atttypmod) from pg_attribute where attname in ('age', 'note') and attrelid in"
            " ('people'::regclass, 'history.people'::regclass, 'mart'::regclass, 'past'::regclass) order by 1"
        ).fetchall()
        assert [row[0] for row in types] == ["bigint"] * 4 + ["character varying(40)"] * 3
        granted = world.warehouse.execute("select has_table_privilege('reader_of_marts', 'upon', 'select')").fetchone()
        on_columns = world.warehouse.execute(
            "select attname, attacl::text from pg_attribute where attrelid = 'mart'::regclass and attacl is not null"
        ).fetchall()
        may = "select has_column_privilege('reader_of_marts', 'versions.people', %s, 'select')"
        seen_columns = [world.warehouse.execute(may, (name,)).fetchone() for name in ("age", "note", "known_from")]
        assert seen_columns == [(True,), (True,), (False,)]
        assert [(name, "reader_of_marts=r*/" in acl) for name, acl in on_columns] == [("note", True)]
        comment = world.warehouse.execute("select col_description('upon'::regclass, 2)").fetchone()
        assert (granted, comment) == ((True,), ("kept",))
    finally:
        world.warehouse.execute("drop owned by reader_of_marts")
        world.warehouse.execute("drop role reader_of_marts")


def test_a_narrowed_type_goes_on_and_is_taken_when_a_person_says_so(world: World) -> None:
    with writing(world):
        world.release("people.note")
        world.trs.execute("alter table people alter column note type varchar(5)")
        error = world.apply().error()
        assert error is not None
        assert error.exit_code == 42
        assert world.found() == [("narrowed", "people.note")]
        assert world.state("people", "note") == "complete"
        assert world.apply("people.note").error() is None
    world.assert_equal("people")
    assert world.found() == []


def test_a_changed_type_is_held_until_a_person_accepts_it(world: World) -> None:
    with writing(world):
        world.release("people.age")
        world.trs.execute("alter table people alter column age type text using 'a' || age")
        assert world.apply().error().exit_code == 42
        assert world.found() == [("changed type", "people.age")]
        world.sync()
        assert world.warehouse.execute("select count(*) from people where age is not null").fetchone() != (0,)
        outcome = world.apply("people.age")
        assert outcome.error() is None
    world.assert_equal("people")
    world.assert_history("people")


def test_a_new_table_is_held_then_copied_beside_the_stream(world: World) -> None:
    with writing(world):
        world.trs.execute("create table schools (urn int primary key, person_id uuid, name text, facts jsonb)")
        world.trs.execute(
            'insert into schools select n, null, \'s\' || n, \'{"secret": "x", "kept": 1}\''
            " from generate_series(1, 20000) as n"
        )
        assert world.found() == [("new table", "schools")]
        assert world.apply().error().exit_code == 41
        world.file["schools"] = {
            "urn": "open",
            "person_id": "secret",
            "name": "open",
            "facts": {"class": "open", "keys": "facts"},
        }
        world.listed["facts"] = {"keys": {"kept": None}}
        stop = threading.Event()

        def change() -> None:
            with world.databases.at_source() as trs:
                for number in range(1, 10_000):
                    if stop.is_set():
                        return
                    trs.execute("update schools set name = name || 'z' where urn = %s", (number * 7 % 20_000,))
                    trs.execute("delete from schools where urn = %s", (number * 13 % 20_000,))
                    trs.execute("insert into schools values (%s, null, 'n', '{\"secret\": 1}')", (20_000 + number,))

        thread = threading.Thread(target=change)
        thread.start()
        try:
            assert world.apply().error() is None
        finally:
            stop.set()
            thread.join()
    world.sync()
    query = b"select urn, name, (facts - 'secret')::text from schools order by urn"
    assert world.trs.execute(query).fetchall() == world.warehouse.execute(query).fetchall()
    leaked = "select count(*) from versions.schools where facts ? 'secret'"
    assert world.warehouse.execute(leaked.encode()).fetchone() == (0,)
    world.assert_history("schools", "urn")
    world.assert_equal("people")
    assert world.found() == []
    assert world.apply().done == []


def test_a_dropped_table_keeps_its_rows_and_the_others_go_on(world: World) -> None:
    # Nothing hinders the source from dropping a published table.
    world.trs.execute("drop table posts")
    world.trs.execute("update people set name = 'on'")
    error = world.apply().error()
    assert error is not None
    assert (error.exit_code, "posts" in error.what) == (42, True)
    world.assert_equal("people")
    assert world.warehouse.execute("select count(*) from posts").fetchone() == (400,)
    assert world.apply().done == []
    del world.file["posts"]
    assert world.apply().error() is None


def test_a_renamed_table_does_not_stop_the_stream(world: World) -> None:
    world.trs.execute("alter table posts rename to jobs")
    world.trs.execute("update jobs set title = 'head'")
    found = drift.differences(world.trs, world.warehouse, world.name, world.classification)
    assert any("it may be jobs now" in one.what for one in found)
    work = world.work(by_person=False)
    drift.make_ready(work)
    subscription.enable(world.warehouse, world.name)
    assert drift.finish(work).error().exit_code == 42
    world.assert_equal("people")
    assert world.warehouse.execute("select count(*) from jobs").fetchone() == (0,)
    assert world.warehouse.execute("select count(*) from posts where title = 'teacher'").fetchone() == (400,)
    world.file["jobs"] = world.file.pop("posts")
    assert world.apply().error() is None
    world.assert_equal("jobs")


def test_a_changed_key_is_held_and_copied_anew_when_accepted(world: World) -> None:
    world.trs.execute("alter table posts drop constraint posts_pkey, add primary key (person_id, title)")
    assert world.found() == [("key", "posts")]
    error = world.apply(by_person=False).error()
    assert error is not None
    assert error.exit_code == 42
    with world.databases.at_source() as trs:
        trs.execute("update posts set number = 2")
    world.assert_equal("people")
    assert world.apply("posts").error() is None
    assert world.found() == []
    world.trs.execute("update posts set number = 3 where number = 2")
    world.assert_equal("posts")
    ended = world.warehouse.execute("select count(*) from versions.posts where ended_by = 'T'").fetchone()
    assert ended == (400,)


def test_what_becomes_a_secret_is_gone_everywhere(world: World) -> None:
    with writing(world):
        world.trs.execute("update people set note = 'tell-tale' where age < 30")
        world.sync()
        world.trs.execute("update people set note = 'tell-tal2' where age < 20")
        world.file["people"]["note"] = "secret"
        # A run takes it out of the publication at once, and leaves what cannot be undone to a person.
        assert world.apply(by_person=False).error().exit_code == 26
        world.trs.execute("update people set note = 'tell-tal3' where age < 10")
        assert world.apply().finished().error() is None
        assert rule_changes.finish(world.databases, Silent()) == []
    world.sync()
    for relation in ("people", "history.people", "history.people_log", "versions.people"):
        leaked = f"select count(*) from {relation} as t where t::text like '%tell-tal%'".encode()
        assert world.warehouse.execute(leaked).fetchone() == (0,), relation
    assert world.state("people", "note") == "removed"
    assert world.found() == []
    told = world.warehouse.execute(
        "select count(*) from ledger.structure_changes where kind = 'left behind'"
    ).fetchone()
    assert told is not None
    assert told[0] >= 1


def test_an_identity_that_the_columns_do_not_cover_is_never_published(world: World) -> None:
    world.trs.execute("create table badges (badge_id int primary key, token text not null unique, colour text)")
    world.trs.execute("insert into badges values (1, 'a', 'red')")
    world.trs.execute("alter table badges replica identity using index badges_token_key")
    world.file["badges"] = {"badge_id": "open", "token": "secret", "colour": "open"}
    error = world.apply().error()
    assert error is not None
    assert (error.exit_code, "token" in error.what) == (42, True)
    world.trs.execute("update badges set colour = 'blue'")
    # Changed under us: the source's updates fail until we let go, which is at once.
    world.trs.execute("alter table posts replica identity full")
    world.apply(by_person=False)
    world.trs.execute("update posts set title = 'free'")
    assert ("identity", "posts") in world.found()
    world.trs.execute("alter table posts replica identity default")
    world.apply()
    gaps = world.warehouse.execute("select table_name from ledger.gap_tables").fetchall()
    assert ("posts",) in gaps


def test_a_publication_that_was_altered_by_hand_is_put_right(world: World) -> None:
    publication = sql.Identifier(world.name)
    world.trs.execute(
        sql.SQL(
            "alter publication {} set table people (person_id, name, nin), posts (person_id, number, title)"
            " where (number < 5)"
        ).format(publication)
    )
    world.trs.execute(sql.SQL("alter publication {} set (publish = 'insert')").format(publication))
    world.trs.execute("update people set age = 99, nin = 'leak' where age = 10")
    kinds = world.found()
    assert ("publication", "publication") in kinds
    assert ("publish", "people.age") in kinds
    assert ("unpublish", "people.nin") in kinds
    assert ("publish table", "posts") in kinds
    work = world.work()
    drift.make_ready(work)
    subscription.enable(world.warehouse, world.name)
    drift.finish(work)
    # Somebody had them out of the publication, and who knows for how long.
    assert world.found() == [("other table", "people"), ("other table", "posts")]
    world.assert_equal("people")
    leaked = world.warehouse.execute("select count(*) from people as p where p::text like '%leak%'").fetchone()
    assert leaked == (0,)
    gaps = world.warehouse.execute("select count(*) from ledger.gaps where repaired_at is null").fetchone()
    assert gaps is not None
    assert gaps[0] >= 1


def test_a_type_that_the_warehouse_lacks_is_told(world: World) -> None:
    world.trs.execute("create type mood as enum ('well', 'ill')")
    world.trs.execute("alter table people add column mood mood")
    world.file["people"]["mood"] = "open"
    error = world.apply().error()
    assert error is not None
    assert (error.exit_code, "no type mood" in error.what) == (42, True)
    world.assert_equal("posts")


def test_a_column_that_the_source_computes_is_told(world: World) -> None:
    world.trs.execute("alter table people add column doubled int generated always as (age * 2) virtual")
    world.file["people"]["doubled"] = "open"
    assert world.found() == [("generated", "people.doubled")]
    assert world.apply().error().exit_code == 42
