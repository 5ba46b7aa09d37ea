"""Commit times that cannot be true: history keeps its order, nothing is dropped for them, and a person is told."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.python.replicate.conftest import Sync
from tests.python.replicate.forging import committed_at
from tests.python.replicate.world import PERSON, insert
from warehouse.core.databases import Databases
from warehouse.core.errors import ClocksDisagree, UsageError
from warehouse.core.keep import Keep
from warehouse.core.progress import Silent
from warehouse.replicate import status
from warehouse.replicate.history import clocks, prove, retention, times

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
SECONDS = st.integers(-(10**8), 10**8)


@given(st.lists(SECONDS, max_size=40), st.integers(-100, 100))
def test_a_time_is_only_replaced_by_one_that_can_be_true(offsets: list[int], before: int) -> None:
    said = [(number, NOON + timedelta(seconds=offset)) for number, offset in enumerate(offsets)]
    floor, latest = NOON + timedelta(seconds=before), NOON + timedelta(hours=1)
    changed, jumps = times.placed(said, floor, latest)
    now = [changed.get(number, at) for number, at in said]
    assert all(at <= latest + times.TOLERANCE for at in now)
    reached = floor
    for at in now:
        assert at >= reached - times.TOLERANCE
        reached = max(reached, at)
    assert sum(jump.transactions for jump in jumps) == len(changed)
    assert times.placed(list(enumerate(now)), floor, latest) == ({}, []), "what was put right stays"


@given(st.lists(st.integers(0, 3_000), max_size=40))
def test_times_of_a_right_clock_stay(waits: list[int]) -> None:
    """Sessions that have nothing to do with each other commit a little out of order."""
    said, at = [], NOON
    for number, wait in enumerate(waits):
        at += timedelta(milliseconds=wait)
        said.append((number, at - timedelta(milliseconds=wait % 1_000)))
    assert times.placed(said, NOON - timedelta(seconds=1), at) == ({}, [])


def test_one_time_that_is_ahead_does_not_move_those_after_it() -> None:
    said = [(number, NOON + timedelta(minutes=number)) for number in range(20)]
    said[7] = (7, NOON + timedelta(minutes=18))
    changed, jumps = times.placed(said, NOON, NOON + timedelta(hours=1))
    assert changed == {7: NOON + timedelta(minutes=6)}
    assert [(jump.kind, jump.seconds) for jump in jumps] == [("ahead", 720.0)]


def test_a_clock_that_is_far_ahead_is_not_asked() -> None:
    assert times.ceiling(NOON + timedelta(minutes=10), NOON) == NOON + timedelta(minutes=10)
    assert times.ceiling(NOON + timedelta(days=1), NOON) == NOON
    assert times.ceiling(NOON - timedelta(days=1), NOON) == NOON - timedelta(days=1)


# ---- on real servers


def person(databases: Databases) -> uuid.UUID:
    made = uuid.uuid4()
    with databases.at_source() as trs:
        insert(trs, "persons", {**PERSON, "person_id": made, "trn": made.hex[:7]})
    return made


def rename(trs: psycopg.Connection, who: uuid.UUID, name: str) -> None:
    trs.execute("update persons set last_name = %s where person_id = %s", (name, who))


@pytest.mark.slow
@pytest.mark.parametrize("moment", [datetime(2016, 3, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)])
def test_a_jump_drops_nothing_and_is_told_until_it_is_acknowledged(
    world: Databases, sync: Sync, moment: datetime
) -> None:
    who = person(world)
    sync()
    with committed_at(world, moment) as trs:
        rename(trs, who, "Jumped")
    sync()
    with world.at_source() as trs:
        rename(trs, who, "After")
        after = trs.execute("select clock_timestamp()").fetchone()
    sync()
    with world.at_warehouse() as warehouse:
        told = warehouse.execute(
            "select last_name, known_to is null, known_from <= %s from versions.persons order by from_xid",
            after,
        ).fetchall()
        assert told == [("Smith", False, True), ("Jumped", False, True), ("After", True, True)]
        known = "select last_name from versions.persons where known_from <= %s and (known_to > %s or known_to is null)"
        assert warehouse.execute(known, (after[0], after[0])).fetchall() == [("After",)]
        said = warehouse.execute(
            "select source_committed_at from ledger.transactions where source_committed_at is not null"
        ).fetchall()
        assert said == [(moment,)]
        assert warehouse.execute("select count(*) from ledger.dropped_history").fetchone() == (0,)
        # The next right commit does not make it right.
        reason = next(one for one in status(world, pause=0.2).reasons if one.code == "clocks_disagree")
        assert reason.exit_code == ClocksDisagree.exit_code
        with pytest.raises(UsageError):
            clocks.acknowledge(warehouse, " ")
        assert clocks.acknowledge(warehouse, "the battery of the board") == 1
        assert [one.code for one in status(world, pause=0.2).reasons] == []
    assert prove.prove(world, Silent()).mismatches == []


@pytest.mark.slow
def test_a_clock_that_steps_back_never_makes_intervals_overlap(world: Databases, sync: Sync) -> None:
    """Steps of a few seconds are below every tolerance; the order of a row's versions is certain all the same."""
    seed = 20_261_128
    print(f"seed {seed}")
    chance = random.Random(seed)
    who = [person(world) for _ in range(3)]
    sync()
    with world.at_source() as trs:
        row = trs.execute("select clock_timestamp()").fetchone()
        assert row is not None
    now: datetime = row[0]
    for step in range(24):
        moment = now + timedelta(seconds=chance.uniform(-4, 0))
        chosen = chance.choice(who)
        with committed_at(world, moment) as trs:
            exists = trs.execute("select 1 from persons where person_id = %s", (chosen,)).fetchone()
            if not exists:
                insert(trs, "persons", {**PERSON, "person_id": chosen, "trn": chosen.hex[:7]})
            elif chance.random() < 0.3:
                trs.execute("delete from persons where person_id = %s", (chosen,))
            else:
                rename(trs, chosen, f"n{step}")
        if step % 7 == 6:
            sync()
    sync()
    with world.at_warehouse() as warehouse:
        wrong = warehouse.execute(
            "select a.person_id, a.from_xid, a.known_to, b.from_xid, b.known_from from versions.persons as a"
            " join versions.persons as b on a.person_id = b.person_id and a.from_xid < b.from_xid"
            " where a.known_to is null or a.known_to < a.known_from or b.known_from < a.known_to"
        ).fetchall()
        assert wrong == []
        assert {one.kind for one in clocks.jumps(warehouse)} == {"order"}
    assert "clocks_disagree" not in [one.code for one in status(world, pause=0.2).reasons], "below the tolerance"
    assert prove.prove(world, Silent()).mismatches == []


@pytest.mark.slow
def test_a_month_goes_by_when_it_was_settled_too(world: Databases, sync: Sync) -> None:
    """Whatever put a version into an old month: it is kept for as long as the rule says from then on."""
    who = person(world)
    sync()
    old = datetime(2016, 3, 5, tzinfo=UTC)
    with world.at_source() as trs, world.at_warehouse() as warehouse:
        # A source whose clock was wrong from the first day on: nothing shows it.
        warehouse.execute("update ledger.epochs set snapshot_at = %s", (old - timedelta(days=1),))
        warehouse.execute("update ledger.transactions set committed_at = %s", (old - timedelta(days=1),))
        with committed_at(world, old) as forged:
            rename(forged, who, "Old")
        rename(trs, who, "New")
    sync()
    with world.at_warehouse() as warehouse:
        assert warehouse.execute("select count(*) from history.persons_2016_03").fetchone() == (1,)
        now = datetime.now(UTC)
        assert retention.expired(warehouse, {"persons": Keep(years=7)}, now) == []
        later = retention.expired(warehouse, {"persons": Keep(years=7)}, now.replace(day=28, year=now.year + 8))
        assert [one.partition for one in later][:1] == ["persons_2016_03"]
