"""`warehouse replicate watch`: keeps the stream on, tells each change once, waits for databases, ends when it must."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import psycopg
import pytest
from psycopg import sql

from tests.python.replicate.conftest import Sync
from tests.python.replicate.world import PERSON, insert
from tests.python.waiting import drop_slot, until
from warehouse.core.databases import Databases
from warehouse.core.errors import AlreadyRunning, ApplyConflict, ReplicationError, SlotLost
from warehouse.core.ledger import migrate
from warehouse.core.progress import Silent
from warehouse.core.writer import write_on_purpose
from warehouse.replicate import replicate
from warehouse.replicate.guard.status import status
from warehouse.replicate.guard.watch import LONGEST_PAUSE, Event, Watch

pytestmark = pytest.mark.slow

_STANDS = "select not active, confirmed_flush_lsn::text from pg_replication_slots where slot_name = %s"

_SEEN_CONFIRMED = "select max(confirmed_lsn)::text from ledger.replication_looks where enabled"


@pytest.fixture
def world(world: Databases, sync: Sync) -> Databases:
    """A stream that has brought nothing yet."""
    sync()
    return world


def add_person(databases: Databases, person: uuid.UUID | None = None) -> uuid.UUID:
    person = person or uuid.uuid4()
    with databases.at_source() as trs:
        insert(trs, "persons", {**PERSON, "person_id": person, "trn": person.hex[:7]})
    return person


class Enough(Exception):
    """The test has seen what it wanted."""


def watching(databases: Databases, steps: list[Callable[[], object]], told: list[Event]) -> list[float]:
    """Watch, doing one step in each pause, until there is none left; returns the pauses."""
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) > len(steps):
            raise Enough
        steps[len(pauses) - 1]()

    with pytest.raises(Enough):
        Watch(databases, replicate, Silent(), told.append, every=5, sleep=sleep).forever()
    return pauses


def switch_off(databases: Databases) -> None:
    name = databases.settings.warehouse_replication_name
    with databases.at_warehouse() as warehouse:
        warehouse.execute(sql.SQL("alter subscription {} disable").format(sql.Identifier(name)))


def switched_off_where_it_was_seen(databases: Databases) -> None:
    """Switch the stream off with its slot where the last look saw it.

    Its worker goes on for a moment, and what it confirms then would be told as a position that somebody moved.
    """
    name = databases.settings.warehouse_replication_name
    with databases.at_warehouse() as warehouse, databases.at_source() as trs:
        slot = warehouse.execute("select slot_name from ledger.epochs where state <> 'ended'").fetchone()
        assert slot is not None

        def let_go() -> tuple[bool, str]:
            row = trs.execute(_STANDS, slot).fetchone()
            assert row is not None
            return row[0], row[1]

        def stands() -> bool:
            status(databases)
            switch_off(databases)
            until("the stream has let go of its slot", lambda: let_go()[0])
            if warehouse.execute(_SEEN_CONFIRMED).fetchone() == (let_go()[1],):
                return True
            warehouse.execute(sql.SQL("alter subscription {} enable").format(sql.Identifier(name)))
            until("the stream is on again", lambda: not let_go()[0])
            return False

        until("the slot stands where the last look saw it", stands)


def test_it_switches_the_stream_on_again_and_tells_a_change_once(world: Databases) -> None:
    told: list[Event] = []
    person: list[uuid.UUID] = []

    def interrupted() -> None:
        switched_off_where_it_was_seen(world)
        person.append(add_person(world))

    pauses = watching(world, [lambda: None, interrupted, lambda: None], told)
    assert pauses == [5, 5, 5, 5]
    assert [event.state for event in told] == ["streaming"], f"told once, and never for what it mended itself: {told}"
    with world.at_warehouse() as warehouse:
        brought = warehouse.execute("select person_id, known_from is not null from versions.persons").fetchall()
        assert brought == [(person[0], True)]
        stamped = warehouse.execute("select count(*) from ledger.transactions where kind = 'stream'").fetchone()
        assert stamped is not None and stamped[0] >= 1
        looks = warehouse.execute("select count(*) from ledger.replication_looks").fetchone()
        assert looks is not None and looks[0] >= 4


def test_databases_that_do_not_answer_are_waited_for(world: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Event] = []
    urls = world._urls  # type: ignore[attr-defined]
    right = urls["trs"]

    def away() -> None:
        monkeypatch.setitem(urls, "trs", "postgresql://nobody@127.0.0.1:1/trs")

    def kicked_out() -> None:
        """Every session of ours in the warehouse ends, the guard's own with its lock, too."""
        monkeypatch.setitem(urls, "trs", right)
        with psycopg.connect(world.warehouse_conninfo, autocommit=True) as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
            )

    pauses = watching(world, [away, *[lambda: None] * 7, kicked_out, lambda: None, lambda: None], told)
    assert pauses[:9] == [5, 1, 2, 4, 8, 16, 32, LONGEST_PAUSE, LONGEST_PAUSE], "longer and longer, but bounded"
    assert pauses[-1] == 5, "and back to the usual pace"
    assert [event.state for event in told] == ["streaming", "unreachable", "streaming"]
    assert "127.0.0.1:1" in told[1].what


def test_a_row_that_cannot_be_applied_ends_it(world: Databases) -> None:
    person = uuid.uuid4()
    with world.at_warehouse() as warehouse, warehouse.transaction():
        write_on_purpose(warehouse, "test")
        insert(warehouse, "persons", {**PERSON, "person_id": person, "trn": "1111111"})
    add_person(world, person)
    with pytest.raises(ApplyConflict, match="persons in the warehouse already has a row") as caught:
        Watch(world, replicate, Silent(), lambda _: None, every=1, sleep=lambda _: None).forever()
    assert "warehouse replicate skip" in caught.value.next_command


def test_a_lost_slot_ends_it(world: Databases) -> None:
    switch_off(world)
    with world.at_warehouse() as warehouse, world.at_source() as trs:
        slot = warehouse.execute("select slot_name from ledger.epochs where state <> 'ended'").fetchone()
        assert slot is not None
        drop_slot(trs, slot[0])
    with pytest.raises(SlotLost):
        Watch(world, replicate, Silent(), lambda _: None, every=1).once()


def test_one_guard_at_a_time_and_one_look_is_possible(world: Databases) -> None:
    told: list[Event] = []

    def second() -> None:
        with pytest.raises(AlreadyRunning, match="guards this stream"):
            Watch(world, replicate, Silent(), lambda _: None, every=5).once()

    watching(world, [second], told)
    now = Watch(world, replicate, Silent(), told.append, every=5).once()
    assert (now.state, now.exit_code) == ("streaming", 0)


def test_nothing_to_watch(databases: Databases) -> None:
    with databases.at_warehouse() as warehouse:
        migrate(warehouse)
    with pytest.raises(ReplicationError, match="not set up"):
        Watch(databases, replicate, Silent(), lambda _: None, every=5).once()
