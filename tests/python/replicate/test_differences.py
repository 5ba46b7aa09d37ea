"""What differs stays known; gaps close whatever is found; a repair deletes no table without a person's word."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import psycopg
import pytest

from tests.python.replicate.trouble import Writer, equal, history_is_sound, lose_slot, one, populate
from tests.python.replicate.world import insert
from warehouse.cli import main
from warehouse.core.databases import Databases
from warehouse.core.errors import ReplicationError
from warehouse.core.progress import Silent
from warehouse.core.settings import Settings
from warehouse.jobs import standing
from warehouse.replicate import replicate, status
from warehouse.replicate.compare.reconcile import reconcile
from warehouse.replicate.guard.watch import Event, Watch
from warehouse.replicate.ledger.differences import Limit, refused
from warehouse.replicate.repair import repair

pytestmark = pytest.mark.slow

PEOPLE = 300


@pytest.fixture
def world(prepared: Databases) -> Iterator[Databases]:
    populate(prepared, PEOPLE)
    replicate(prepared, Silent())
    yield prepared


def damage(databases: Databases, statement: str) -> None:
    """Change the replica as a defect would: no trigger notes it."""
    with databases.at_warehouse() as warehouse, warehouse.transaction():
        warehouse.execute("set local session_replication_role = replica")
        warehouse.execute(statement.encode())


def codes(databases: Databases) -> dict[str, int]:
    """The reasons of status, each with its exit code."""
    return {reason.code: reason.exit_code for reason in status(databases).reasons if reason.exit_code}


def test_a_difference_stays_until_that_table_is_equal(world: Databases) -> None:
    with world.at_source() as trs:
        insert(trs, "users", {"user_id": uuid.uuid4(), "active": True, "user_type": 2, "name": "Register"})
    replicate(world, Silent())
    damage(world, "update persons set last_name = 'Wrong' where trn = '0000007'")
    damage(world, "delete from users")
    assert codes(world) == {}, "nobody has looked yet"
    assert len(reconcile(world, Silent()).differing) == 2
    assert codes(world)["differs"] == 59
    reason = next(one for one in status(world).reasons if one.code == "differs")
    assert "persons (0 missing, 0 too many, 1 different)" in reason.what and "users" in reason.what
    # Neither a run nor an equal comparison of another table forgets it.
    report, _ = replicate(world, Silent())
    assert any("differs from the source: persons" in note for note in report.notes)
    assert reconcile(world, Silent(), ["countries"]).differing == []
    assert codes(world)["differs"] == 59
    with pytest.raises(ReplicationError):
        standing.replication(world)
    events: list[Event] = []
    Watch(world, replicate, Silent(), events.append, every=1).once()
    assert 59 in [event.exit_code for event in events]
    # Nor does an equal comparison of one of the two.
    with world.at_source() as trs:
        trs.execute("update persons set last_name = 'Wrong' where trn = '0000007'")
    replicate(world, Silent())
    assert reconcile(world, Silent(), ["persons"]).differing == []
    left = next(reason for reason in status(world).reasons if reason.code == "differs")
    assert "persons" not in left.what and "users" in left.what
    done = repair(world, Silent())
    assert done.gap is not None and done.gap.rows_inserted == 1
    assert codes(world) == {} and equal(world)
    recorded = one(
        world.at_warehouse,
        "select count(*), count(cleared_at), count(*) filter (where cleared_at > found_at) from ledger.differences",
    )
    assert recorded == (2, 2, 2), "what was found once stays on record"


def test_the_bounds_of_damage_are_those_of_its_own_table(world: Databases) -> None:
    """An equal comparison of another table does not move the beginning of the gap behind the damage."""
    before = one(world.at_source, "select clock_timestamp()")[0]
    damage(world, "update persons set last_name = 'Wrong' where trn = '0000007'")
    reconcile(world, Silent(), ["countries"])
    done = repair(world, Silent(), depth="all")
    assert done.gap is not None and done.gap.from_time < before


def test_any_number_of_gaps_is_closed_by_one_repair_whatever_it_finds(world: Databases) -> None:
    name = world.settings.warehouse_replication_name
    with world.at_source() as trs:
        for table in ("notes", "persons", "countries"):
            trs.execute(f"alter publication {name} drop table {table}".encode())
            if table == "persons":
                trs.execute("update persons set last_name = 'Jones' where trn = '0000050'")
            replicate(world, Silent())
    assert one(world.at_warehouse, "select count(*) from ledger.gaps where repaired_at is null") == (3,)
    assert codes(world) == {"gap": 50}
    done = repair(world, Silent())
    assert [gap.rows for gap in (*done.further, done.gap) if gap] == [0, 1, 0], "in two of them nothing differed"
    assert codes(world) == {} and equal(world)
    assert one(world.at_warehouse, "select count(*) from ledger.gaps where repaired_at is null or to_time is null") == (
        0,
    )
    history_is_sound(world)


def test_open_gaps_are_carried_over_when_the_slot_is_lost_as_well(world: Databases) -> None:
    name = world.settings.warehouse_replication_name
    with world.at_source() as trs:
        for table in ("notes", "countries"):
            trs.execute(f"alter publication {name} drop table {table}".encode())
            replicate(world, Silent())
    lose_slot(world)
    with world.at_source() as trs:
        trs.execute("update persons set last_name = 'Jones' where trn = '0000050'")
    done = repair(world, Silent())
    assert len(done.further) == 2 and done.gap is not None
    assert (done.gap.tables, done.gap.rows_updated) == (None, 1)
    assert one(world.at_warehouse, "select count(*) from ledger.gaps where repaired_at is null") == (0,)
    replicate(world, Silent())
    assert codes(world) == {} and equal(world)


def test_the_limit_of_what_a_repair_deletes() -> None:
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    assert Limit.of(settings).percent == 1.0
    assert refused([], 1.0).exit_code == 67


@pytest.mark.parametrize("lost", [True, False], ids=["slot lost", "in place"])
def test_a_repair_deletes_no_large_share_without_a_persons_word(
    prepared: Databases, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lost: bool
) -> None:
    """The source's table is emptied where the stream does not see it; other tables are repaired."""
    prepared.settings.warehouse_repair_deletes_percent = 1.0
    populate(prepared, PEOPLE)
    replicate(prepared, Silent())
    if lost:
        lose_slot(prepared)
        with prepared.at_source() as trs:
            trs.execute("delete from persons")
            insert(trs, "users", {"user_id": uuid.uuid4(), "active": True, "user_type": 2, "name": "Register"})
    else:
        with prepared.at_source() as trs:
            insert(trs, "users", {"user_id": uuid.uuid4(), "active": True, "user_type": 2, "name": "Register"})
            trs.execute(f"alter publication {prepared.settings.warehouse_replication_name} drop table persons".encode())
            trs.execute("delete from persons")
        replicate(prepared, Silent())
        damage(prepared, "delete from users")
    monkeypatch.setattr("warehouse.cli.opening.Databases", lambda _: prepared)
    assert main._main(["replicate", "repair"]) == 67
    said = capsys.readouterr().err
    assert "300 of 300 rows of persons (100.0 %)" in said and "--allow-deletes persons" in said
    assert one(prepared.at_warehouse, "select count(*) from persons") == (PEOPLE,), "left as it is"
    assert equal(prepared, "users"), "all other tables are repaired"
    told = {reason.code: reason for reason in status(prepared).reasons}
    assert (told["deletes_held"].exit_code, told["gap"].exit_code) == (67, 50)
    # The stream goes on, and the next repair asks again.
    with prepared.at_source() as trs:
        insert(trs, "users", {"user_id": uuid.uuid4(), "active": True, "user_type": 2, "name": "Apply"})
    replicate(prepared, Silent())
    assert equal(prepared, "users")
    assert main._main(["replicate", "repair"]) == 67
    assert main._main(["replicate", "repair", "--allow-deletes", "person"]) == 2, "no such table"
    assert main._main(["replicate", "repair", "--allow-deletes", "persons"]) == 0
    assert equal(prepared)
    replicate(prepared, Silent())
    assert codes(prepared) == {}
    history_is_sound(prepared)
    assert one(prepared.at_warehouse, "select count(*) from versions.persons where known_to is not null") == (PEOPLE,)


def test_a_few_deletes_need_nobody(world: Databases) -> None:
    world.settings.warehouse_repair_deletes_percent = 1.0
    writer = Writer(world)
    lose_slot(world)
    with world.at_source() as trs:
        for _ in range(20):
            writer.one(trs)
    done = repair(world, Silent())
    assert done.held == [] and done.gap is not None and done.gap.rows_deleted > 0
    assert equal(world)


def test_a_first_copy_that_goes_on_deletes_no_large_share_either(
    prepared: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared.settings.warehouse_repair_deletes_percent = 1.0
    populate(prepared, PEOPLE)
    with monkeypatch.context() as patch:

        def broken(*_: object) -> None:
            raise psycopg.OperationalError("the connection is lost")

        patch.setattr("warehouse.replicate.sync.begin._hand_over", broken)
        with pytest.raises(psycopg.OperationalError):
            replicate(prepared, Silent())
    assert codes(prepared) == {"broken_off": 18}
    assert "warehouse replicate run" in str(status(prepared).reasons)
    with prepared.at_source() as trs:
        trs.execute("delete from persons")
    replicate(prepared, Silent())
    assert one(prepared.at_warehouse, "select count(*) from persons") == (PEOPLE,)
    assert codes(prepared) == {"deletes_held": 67, "gap": 50}
    repair(prepared, Silent(), allow_deletes=["persons"])
    replicate(prepared, Silent())
    assert codes(prepared) == {} and equal(prepared)
