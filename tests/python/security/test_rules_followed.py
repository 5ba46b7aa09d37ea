"""A changed rule of replication/trs.yml is noticed, and followed back to the first version that came in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest

from tests.python.replicate.drifting import World, world, writing
from tests.python.replicate.trouble import lose_slot
from warehouse.core.errors import ReplicaAltered, RuleChanged, WarehouseError
from warehouse.core.progress import Silent
from warehouse.erase import storage
from warehouse.jobs import own_copies, rule_changes
from warehouse.replicate import replicate, status
from warehouse.replicate.compare.reconcile import reconcile
from warehouse.replicate.drift import backfill, columns, cutting
from warehouse.replicate.history import seals
from warehouse.replicate.history.digest import digest
from warehouse.replicate.history.months import months_of
from warehouse.replicate.history.prove import prove
from warehouse.replicate.history.tables import key_of
from warehouse.replicate.ledger import rules
from warehouse.replicate.repair import repair
from warehouse.replicate.stream.mark import wait_until_applied

__all__ = ["world"]
pytestmark = pytest.mark.slow

MARKER = "tell-tale"
EVERY = ("kept", "link")
RELATIONS = ("{}", "history.{}", "history.{}_log", "versions.{}")

LETTERS = """
create table letters (letter_id int primary key, kind text, body jsonb);
insert into letters select n, 'sent', jsonb_build_object('link', 'tell-tale' || n, 'kept', n)
from generate_series(1, 60) as n;
"""


def with_letters(world: World, *, keys: Sequence[str] = EVERY) -> None:
    """A table with JSON whose values have history: settled in a sealed month, in an open one, and in the log."""
    world.trs.execute(LETTERS.encode())
    world.file["letters"] = {"letter_id": "open", "kind": "open", "body": {"class": "sensitive", "keys": "letters"}}
    lists(world, keys)
    assert followed(world) is None
    world.trs.execute("update letters set body = body || '{\"kept\": 0}' where letter_id <= 40")
    world.sync()
    # As if a month were over: versions of long ago, with their seal.
    aged(world, "letters")
    world.trs.execute("update letters set body = body || '{\"kept\": 1}' where letter_id <= 20")
    arrived(world)


def arrived(world: World) -> None:
    """What is committed is in the replica and in the log, and not settled; autovacuum has looked at all of it."""
    wait_until_applied(world.trs, world.warehouse, world.name, Silent())
    world.warehouse.execute("analyze")


def lists(world: World, keys: Sequence[str]) -> None:
    """Which keys of the letters are replicated."""
    world.listed["letters"] = {"keys": dict.fromkeys(keys)}


def aged(world: World, table: str) -> None:
    """The months of a table are sealed, as they are when they are over."""
    for month in months_of(world.warehouse, table):
        found = digest(world.warehouse, month.partition, key_of(world.warehouse, "public", table))
        seals.add(world.warehouse, month, found, "complete", matched=True)


def leaks(world: World, table: str, marker: str = MARKER) -> dict[str, int]:
    """Where a marker still is: relations, and the planner's samples."""
    found = {}
    for relation in (form.format(table) for form in RELATIONS):
        query = f"select count(*) from {relation} as t where t::text like '%{marker}%'".encode()
        row = world.warehouse.execute(query).fetchone()
        assert row is not None
        if row[0]:
            found[relation] = row[0]
    samples = world.warehouse.execute(
        "select count(*) from pg_stats where tablename ~ %s and (most_common_vals::text like %s"
        " or histogram_bounds::text like %s)",
        (f"^{table}", f"%{marker}%", f"%{marker}%"),
    ).fetchone()
    assert samples is not None
    return found | ({"pg_stats": samples[0]} if samples[0] else {})


def followed(world: World, *to_do: str) -> WarehouseError | None:
    """What `warehouse replicate apply` does, and what it leaves for a person to do."""
    outcome = world.apply()
    assert rule_changes.finish(world.databases, Silent()) == list(to_do)
    return outcome.finished().error()


def proven(world: World) -> None:
    world.sync()
    assert prove(world.databases, Silent()).mismatches == []
    assert reconcile(world.databases, Silent()).differing == []
    assert world.found() == []


def codes(world: World) -> list[str]:
    return [one.code for one in status(world.databases, pause=0.2).reasons]


def test_a_key_of_json_that_is_cut_now_is_gone_from_every_version(world: World) -> None:
    with_letters(world)
    assert set(leaks(world, "letters")) >= {"letters", "history.letters", "history.letters_log"}
    with writing(world):
        lists(world, ["kept"])
        assert world.found() == [("cut", "letters.body")]
        first = status(world.databases, pause=0.2).reasons[0]
        assert (first.code, first.exit_code) == ("rule_changed", RuleChanged.exit_code)
        # A run lets nothing more in, and leaves what cannot be undone to a person.
        _, held = replicate(world.databases, Silent())
        assert isinstance(held.first, RuleChanged)
        before = leaks(world, "letters")
        world.trs.execute('insert into letters values (100, \'sent\', \'{"link": "tell-tale100", "kept": 1}\')')
        world.trs.execute("update letters set kind = 'again' where letter_id = 50")
        world.sync()
        assert leaks(world, "letters")["letters"] < before["letters"]
        assert codes(world) == ["rule_changed"]
        # What is stored by the former rule is not called different from the source.
        assert reconcile(world.databases, Silent()).differing == []
        assert followed(world) is None
    assert leaks(world, "letters") == {}
    assert codes(world) == []
    proven(world)
    world.assert_history("letters", "letter_id")
    kept = world.warehouse.execute("select count(*) from versions.letters where body ? 'kept'").fetchone()
    every = world.warehouse.execute("select count(*) from versions.letters").fetchone()
    assert kept == every
    change = world.warehouse.execute(
        "select was ->> 'listed' <> (is_now ->> 'listed'), rows_rewritten > 0, versions_rewritten > 0,"
        " followed_at is not null, length(file_sha256)"
        " from ledger.rule_changes where column_name = 'body' and is_now is not null and was is not null"
    ).fetchall()
    assert change == [(True, True, True, True, 64)]
    sealed = world.warehouse.execute("select reason, matched from ledger.history_seals order by seal_id").fetchall()
    assert ("rule", True) in sealed
    assert MARKER not in json.dumps(
        world.warehouse.execute("select to_jsonb(c) from ledger.rule_changes as c").fetchall()
    )


def test_a_key_of_json_that_is_allowed_again_is_fetched_without_a_person(world: World) -> None:
    with_letters(world, keys=["kept"])
    assert leaks(world, "letters") == {}
    lists(world, EVERY)
    assert world.found() == [("cut", "letters.body")]
    _, held = replicate(world.databases, Silent())
    assert held.first is None
    proven(world)
    rows = world.warehouse.execute("select count(*) from letters where body ? 'link'").fetchone()
    assert rows == (60,)
    # As known before it was allowed, it is not there, and that is said.
    past = world.warehouse.execute("select count(*) from history.letters where body ? 'link'").fetchone()
    assert past == (0,)
    said = world.warehouse.execute("select what from ledger.structure_changes where kind = 'cut'").fetchall()
    assert any("earlier versions stay without" in what for (what,) in said)


def test_a_column_that_is_left_behind_now_is_gone_and_may_come_back(world: World) -> None:
    world.trs.execute("update people set note = 'tell-tale'")
    world.trs.execute("update people set note = 'tell-tal2', name = name || 'x' where age < 20")
    world.sync()
    aged(world, "people")
    world.trs.execute("update people set note = 'tell-tal3' where age < 10")
    arrived(world)
    world.warehouse.execute("create schema theirs; create table theirs.saved as select age, note from people")
    world.warehouse.execute("create table theirs.other as select age from people")
    saved = f"theirs.saved of {world.warehouse.info.user} (note)"
    with writing(world):
        world.file["people"]["note"] = {"class": "open", "replicate": False, "because": "nothing uses it"}
        assert world.found() == [("left behind", "people.note")]
        assert codes(world) == ["rule_changed"]
        _, held = replicate(world.databases, Silent())
        assert isinstance(held.first, RuleChanged)
        asked = f"ask the owner of {saved} to drop it or make it again: it is older than a rule that changed"
        assert followed(world, asked) is None
    assert saved in own_copies.examined(world.warehouse)[0].what
    world.warehouse.execute("drop table theirs.saved; create table theirs.saved as select age, note from people")
    assert own_copies.examined(world.warehouse) == [], "it was made since, of what is allowed"
    assert leaks(world, "people", "tell-tal") == {}
    assert codes(world) == []
    proven(world)
    world.assert_history("people")
    world.file["people"]["note"] = "open"
    _, held = replicate(world.databases, Silent())
    assert held.first is None
    world.assert_equal("people")
    proven(world)


def test_a_table_that_is_left_behind_now_is_emptied_and_may_come_back(world: World) -> None:
    world.warehouse.execute("create view mart as select title from posts")
    world.trs.execute("update posts set title = 'tell-tale'")
    world.trs.execute("update posts set title = 'tell-tale2'")
    world.sync()
    aged(world, "posts")
    world.trs.execute("update posts set title = 'tell-tale3'")
    arrived(world)
    world.left_behind.add("posts")
    assert world.found() == [("left behind", "posts")]
    assert codes(world) == ["rule_changed"]
    _, held = replicate(world.databases, Silent())
    assert isinstance(held.first, RuleChanged)
    with writing(world):
        assert followed(world) is None
    assert leaks(world, "posts") == {}
    assert world.warehouse.execute("select count(*) from mart").fetchone() == (0,)
    assert codes(world) == []
    proven(world)
    dropped = world.warehouse.execute("select sum(versions) > 0 from ledger.dropped_history").fetchone()
    assert dropped == (True,)
    world.left_behind.remove("posts")
    with writing(world):
        _, held = replicate(world.databases, Silent())
        assert held.first is None
    world.assert_equal("posts")
    proven(world)
    world.assert_history("posts", "person_id, number")


def test_an_edit_that_is_taken_back_before_it_is_followed_loses_nothing(world: World) -> None:
    with_letters(world)
    lists(world, ["kept"])
    replicate(world.databases, Silent())
    world.trs.execute('insert into letters values (100, \'sent\', \'{"link": "tell-tale100", "kept": 1}\')')
    world.sync()
    lists(world, EVERY)
    _, held = replicate(world.databases, Silent())
    assert held.first is None
    proven(world)
    assert leaks(world, "letters")["letters"] == 61


STEPS: tuple[tuple[Any, str], ...] = (
    (rules, "notice"),
    (columns, "filter_values"),
    (cutting, "_rewrite_log"),
    (rules, "stored"),
    (rules, "rewritten"),
    (cutting, "_refresh_statistics"),
    (backfill, "fill"),
    (rule_changes, "rebuild"),
    (storage, "rewrite"),
    (rules, "finish"),
)


def test_killed_at_any_step_the_same_command_finishes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with_letters(world)
    for place, name in STEPS:
        before = leaks(world, "letters")
        assert "letters" in before, name
        lists(world, ["kept"])
        with monkeypatch.context() as patch:

            def dies(*_: object, **__: object) -> None:
                raise psycopg.OperationalError("killed")

            patch.setattr(place, name, dies)
            with pytest.raises(psycopg.OperationalError, match="killed"):
                followed(world)
        assert {code for code, _ in world.found()} & {"cut", "unfinished", "back-fill"}, name
        assert followed(world) is None
        assert leaks(world, "letters") == {}, name
        proven(world)
        # Allowed again, it comes again: the next step has something to cut out.
        lists(world, EVERY)
        assert followed(world) is None
        world.trs.execute("update letters set kind = kind || 'x'")
        proven(world)


def test_what_somebody_alters_is_still_told_from_a_rule_that_changed(world: World) -> None:
    with_letters(world, keys=["kept"])
    world.warehouse.execute(
        "create or replace function history.letters_listed_keys() returns trigger language plpgsql as"
        " $$ begin return new; end $$"
    )
    assert set(codes(world)) == {"replica_altered", "altered_meanwhile"}
    lists(world, EVERY)
    assert set(codes(world)) == {"replica_altered", "altered_meanwhile", "rule_changed"}
    with pytest.raises(ReplicaAltered):
        replicate(world.databases, Silent())
    repair(world.databases, Silent())
    assert followed(world) is None
    proven(world)


def test_a_lost_slot_and_a_changed_rule_at_once(world: World) -> None:
    """The repair writes by the new rule, and what is stored by the former one is still cut out afterwards."""
    with_letters(world)
    lists(world, ["kept"])
    lose_slot(world.databases)
    world.trs.execute("update letters set body = body || '{\"kept\": 7}' where letter_id = 3")
    repair(world.databases, Silent())
    assert "rule_changed" in codes(world)
    assert followed(world) is None
    assert leaks(world, "letters") == {}
    proven(world)
