"""Relations and keys that a publication treats otherwise: refused or held, told, and never called equal."""

from __future__ import annotations

import json

import psycopg
import pytest
from typer.testing import CliRunner

from tests.python.conftest import fresh_databases
from tests.python.replicate.drifting import SCHEMA, World, world
from tests.python.replicate.own_file import read_in_place_of_the_file
from tests.python.replicate.trouble import end_and_drop
from warehouse.cli.replicate import app
from warehouse.core.databases import Databases
from warehouse.core.errors import DriftHeld, NotCompared, ReplicationError, SlotLost
from warehouse.core.progress import Silent
from warehouse.replicate import replicate, status
from warehouse.replicate.compare.reconcile import raise_if_different, reconcile
from warehouse.replicate.link import Ends
from warehouse.replicate.preflight.preflight import examined
from warehouse.replicate.repair import repair

__all__ = ["world"]
pytestmark = pytest.mark.slow

UNFIT = {
    "deferrable key": (
        "alter table posts drop constraint posts_pkey, add primary key (person_id, number) deferrable",
        "deferrable",
    ),
    "identity nothing": ("alter table posts replica identity nothing", "NOTHING"),
    "identity full": ("alter table posts replica identity full", "FULL"),
    "no key": ("alter table posts drop constraint posts_pkey", "no primary key"),
    "another identity": (
        "create unique index by_it on posts (person_id, number);"
        " alter table posts replica identity using index by_it;"
        " alter table posts drop constraint posts_pkey",
        "no primary key",
    ),
    "an invalid index": (
        "create unique index by_it on posts (person_id, number);"
        " alter table posts replica identity using index by_it;"
        " update pg_index set indisvalid = false where indexrelid = 'by_it'::regclass",
        "not valid",
    ),
    "a child": ("create table posts_2027 () inherits (posts)", "posts_2027 inherits from it"),
    "a partition": (
        "create table every_post (like posts including constraints, primary key (person_id, number))"
        " partition by hash (person_id);"
        " alter table every_post attach partition posts for values with (modulus 1, remainder 0)",
        "a partition of every_post",
    ),
    "a view in its place": (
        "alter table posts rename to real_posts; create view posts as select * from real_posts",
        "a view",
    ),
}
AT_THE_START = {
    **{name: UNFIT[name] for name in ("deferrable key", "another identity", "an invalid index", "a child")},
    "a view in its place": UNFIT["a view in its place"],
    "unlogged": ("alter table posts set unlogged", "unlogged"),
    "partitioned": (
        "drop table posts; create table posts (person_id uuid, number int, title text, primary key (person_id, number))"
        " partition by hash (person_id);"
        " create table posts_0 partition of posts for values with (modulus 1, remainder 0)",
        "partitioned",
    ),
    "a foreign table": (
        "drop table posts; create extension if not exists postgres_fdw; create server other foreign data wrapper"
        " postgres_fdw; create foreign table posts (person_id uuid, number int, title text) server other",
        "a foreign table",
    ),
}


def told(world: World) -> dict[str, str]:
    now = status(world.databases, pause=0.2)
    return {reason.code: reason.what for reason in now.reasons}


@pytest.mark.parametrize("kind", UNFIT)
def test_a_table_that_became_unfit_is_held_and_the_others_go_on(world: World, kind: str) -> None:
    change, expected = UNFIT[kind]
    world.trs.execute(change.encode())
    before = told(world)
    assert expected in str(before), "before a run, too"
    _, held = replicate(world.databases, Silent())
    assert isinstance(held.first, DriftHeld)
    assert "posts" in held.first.what and expected in held.first.what
    # The source's own writes work, and what is left of replication goes on.
    if kind != "a view in its place":
        world.trs.execute("update posts set title = 'b'")
        world.trs.execute("delete from posts where number = 2")
    world.trs.execute("update people set note = 'on' where age = 1")
    replicate(world.databases, Silent())
    world.assert_equal("people")
    now = status(world.databases, pause=0.2)
    assert now.exit_code == DriftHeld.exit_code
    assert expected in now.reasons[0].what


@pytest.mark.parametrize("kind", ["deferrable key", "no key"])
def test_a_source_that_we_harm_is_told_as_that(world: World, kind: str) -> None:
    world.trs.execute(UNFIT[kind][0].encode())
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
        world.trs.execute("update posts set title = 'b'")
    assert "updates and deletes fail" in told(world)["source_harmed"]
    replicate(world.databases, Silent())
    assert "source_harmed" not in told(world)
    world.trs.execute("update posts set title = 'b'")


@pytest.mark.parametrize("kind", AT_THE_START)
def test_a_table_that_is_unfit_is_refused_before_anything_is_made(
    clusters: Databases, templates: dict[str, str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    change, expected = AT_THE_START[kind]
    with (
        fresh_databases(clusters, {"warehouse": templates["warehouse"]}) as databases,
        databases.at_source() as trs,
        databases.warehouse() as warehouse,
    ):
        trs.execute(SCHEMA.encode())
        trs.execute(change.encode())
        made = World(databases, trs, warehouse)
        read_in_place_of_the_file(monkeypatch, lambda: made.classification)
        checks = examined(Ends(databases, trs, warehouse, made.classification))
        assert [one.what for one in checks if one.state == "failed" and expected in one.what]
        with pytest.raises(ReplicationError) as caught:
            replicate(databases, Silent())
        assert "posts" in caught.value.what and expected in caught.value.what
        assert "trs.yml" in caught.value.next_command
        assert trs.execute("select count(*) from pg_publication").fetchone() == (0,)
        assert warehouse.execute("select to_regclass('public.people')").fetchone() == (None,)


def test_what_was_not_compared_is_never_called_equal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.trs.execute(UNFIT["another identity"][0].encode())
    with world.warehouse.transaction():
        world.warehouse.execute("set local session_replication_role = replica")
        world.warehouse.execute("update posts set title = 'tampered'")
    monkeypatch.setattr("warehouse.cli.opening.Databases", lambda _: world.databases)
    monkeypatch.setattr(type(world.databases), "start", lambda _: [])

    done = reconcile(world.databases, Silent())
    assert list(done.left_out) == ["posts"]
    assert done.result == "incomplete"
    row = world.warehouse.execute(
        "select result, left_out from ledger.reconciliations order by reconciliation_id desc limit 1"
    ).fetchone()
    assert row is not None and row[0] == "incomplete" and "no primary key" in row[1]["posts"]
    with pytest.raises(NotCompared) as caught:
        raise_if_different(done)
    assert "posts: it has no primary key" in caught.value.what

    shown = CliRunner().invoke(app, ["reconcile", "--json"])
    assert json.loads(shown.stdout)["result"] == "incomplete"
    assert isinstance(shown.exception, NotCompared)
    shown = CliRunner().invoke(app, ["repair", "--compare"])
    assert isinstance(shown.exception, NotCompared)
    assert "Not compared: posts" in shown.stdout
    assert "All rows are equal" not in shown.stdout
    # Only what was looked into is settled.
    only = reconcile(world.databases, Silent(), only=["people"])
    assert only.result == "equal"


def test_a_column_that_one_side_lacks_is_not_called_equal(world: World) -> None:
    # Nobody can drop a column that we publish; this is what is found after somebody has taken it out by hand.
    world.trs.execute(f"alter publication {world.name} drop table people".encode())
    world.trs.execute("alter table people drop column age")
    done = reconcile(world.databases, Silent())
    assert done.left_out == {"people.age": "the source does not have it"}
    assert done.result == "incomplete"


def test_an_unfit_table_does_not_keep_the_others_from_being_repaired(world: World) -> None:
    world.trs.execute("alter table posts drop constraint posts_pkey")
    world.warehouse.execute(f"alter subscription {world.name} disable".encode())
    slot = world.epoch.slot_name
    end_and_drop(world.trs, slot)
    world.trs.execute("update people set note = 'gap' where age = 1")
    with pytest.raises(SlotLost):
        replicate(world.databases, Silent())
    done = repair(world.databases, Silent())
    assert list(done.left_out) == ["posts"]
    world.assert_equal("people")
    world.trs.execute("update posts set title = 'x'")
    world.trs.execute("alter table posts add primary key (person_id, number)")
    replicate(world.databases, Silent())
    repair(world.databases, Silent())
    world.assert_equal("posts")
