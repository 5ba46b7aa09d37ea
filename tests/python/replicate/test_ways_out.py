"""Every state that the ledger can get into has a command that leads out of it, and none of them costs history.

Each row of STATES makes a state with real servers. Then a person is played who knows nothing: what `status` prints as
the next command is typed, until it ends with 0. Where the advice is something to do outside of this program (end a
session, undo what was altered), the row says how, and the advice is checked to say so.

All rows share one world, one after the other, so that history has to outlive all of them together. A row is added by
adding it to STATES; it leaves the world in order.
"""

from __future__ import annotations

import re
import shlex
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.python.conftest import FreshDatabases, WorldDatabases, fresh_databases
from tests.python.replicate.trouble import equal, history_is_sound, lose_slot, one, populate, slot_of
from tests.python.replicate.world import PERSON, insert
from warehouse.cli import main
from warehouse.core.errors import ApplyConflict
from warehouse.core.finding import Finding
from warehouse.core.progress import Silent
from warehouse.replicate import load_classification, replicate, status
from warehouse.replicate.compare.reconcile import reconcile as compare
from warehouse.replicate.stream import subscription
from warehouse.replicate.sync import begin

pytestmark = pytest.mark.slow

PEOPLE = 120
STEPS = 5
"""Commands that a person has to type at most."""

_VALUE = r'(?:"[^"]*"|[\w./]+)'
_COMMAND = re.compile(
    rf"warehouse replicate [a-z]+(?: --(?:lsn|because|allow-deletes|accept) {_VALUE}| --(?:compare|full|yes|once))*"
)


@dataclass
class World:
    """The databases, and what a state keeps open until a person ends it."""

    databases: WorldDatabases
    held: ExitStack

    @property
    def name(self) -> str:
        return self.databases.settings.warehouse_replication_name

    def at_source(self, statement: str) -> None:
        with self.databases.at_source() as trs:
            trs.execute(statement.encode())

    def at_warehouse(self, statement: str) -> None:
        with self.databases.at_warehouse() as here:
            here.execute(statement.encode())


@dataclass(frozen=True)
class State:
    """A row.

    Attributes:
        code: of the reason that `status` gives.
        exit_code: of that reason.
        make: how the world gets there.
        person: what the advice asks for outside of this program, done before its command is typed.
        says: a word of that advice.
    """

    code: str
    exit_code: int
    make: Callable[[World], Any]
    person: Callable[[World], Any] | None = None
    says: str = ""


def damaged(world: World, statement: str) -> None:
    """A change of the replica that no trigger sees, found by a comparison."""
    with world.databases.at_warehouse() as here, here.transaction():
        here.execute("set local session_replication_role = replica")
        here.execute(statement.encode())


def found_different(world: World) -> None:
    damaged(world, "update persons set last_name = 'Wrong' where trn = '0000007'")
    compare(world.databases, Silent(), ["persons"])


def slot_made_anew(world: World) -> None:
    slot = slot_of(world.databases)
    lose_slot(world.databases)
    with world.databases.at_source() as trs:
        trs.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", (slot,))
        trs.execute("update persons set last_name = 'Anew' where trn = '0000001'")


def slot_of_another_life(world: World) -> None:
    """A repair that this warehouse, put back from a backup, knows nothing of has made the slot that comes next."""
    slot = slot_of(world.databases)
    lose_slot(world.databases)
    following = f"{world.name}_{int(slot.rpartition('_')[2]) + 1}"
    world.at_source(f"select pg_create_logical_replication_slot('{following}', 'pgoutput')")


def taken(world: World) -> None:
    """Another consumer reads our slot, and holds it."""
    with world.databases.at_warehouse() as here:
        subscription.stop(here, world.name)
    other = world.held.enter_context(subscription.replication_connection(world.databases.source_conninfo))
    slot, publication = sql.Identifier(slot_of(world.databases)), sql.Literal(f'"{world.name}"')
    statement = sql.SQL("START_REPLICATION SLOT {} LOGICAL 0/0 (proto_version '1', publication_names {})")
    # In the middle of a stream there is nothing else to ask of it.
    world.held.callback(other.close)
    other.pgconn.exec_(statement.format(slot, publication).as_bytes(other))


def unpublished(*tables: str) -> Callable[[World], None]:
    """Tables leave the publication, and change meanwhile."""

    def make(world: World) -> None:
        for table in tables:
            world.at_source(f"alter publication {world.name} drop table {table}")
            world.at_source("update persons set last_name = 'Unseen' where trn = '0000002'")

    return make


def several_gaps(world: World) -> None:
    for table in ("persons", "notes"):
        unpublished(table)(world)
        replicate(world.databases, Silent())


def unfit(world: World) -> None:
    """A row that somebody has put here stands in the way of one of the source's."""
    key = uuid.uuid4()
    with world.databases.at_warehouse() as here:
        insert(
            here,
            "countries",
            {"country_id": key.hex[:8], "name": "By hand", "official_name": "a", "citizen_names": "a"},
        )
    with world.databases.at_source() as trs:
        insert(
            trs, "countries", {"country_id": key.hex[:8], "name": "Real", "official_name": "a", "citizen_names": "a"}
        )
        insert(trs, "persons", {**PERSON, "person_id": key, "trn": f"{key.int % 10**6 + 10**6:07d}"})
    with pytest.raises(ApplyConflict):
        replicate(world.databases, Silent())


def unfit_and_lost(world: World) -> None:
    """The stream waits at a row, and then its slot goes."""
    unfit(world)
    lose_slot(world.databases)


def missing_rows(world: World) -> None:
    damaged(world, "delete from persons where trn = '0000008'")
    world.at_source("update persons set last_name = 'Missed' where trn = '0000008'")
    replicate(world.databases, Silent())


def broken_off(at: str) -> Callable[[World], None]:
    """A repair dies at a step, as by kill -9."""

    def make(world: World) -> None:
        lose_slot(world.databases)
        world.at_source("update persons set last_name = 'Later' where trn = '0000003'")
        with pytest.MonkeyPatch.context() as patch:

            def dies(*_: object, **__: object) -> None:
                raise psycopg.OperationalError("killed")

            patch.setattr(begin, at, dies)
            with pytest.raises(psycopg.OperationalError):
                from warehouse.replicate.sync.repair import repair as mend

                mend(world.databases, Silent())

    return make


def too_many_deletes(world: World) -> None:
    world.databases.settings.warehouse_repair_deletes_percent = 1.0
    with world.databases.at_source() as trs:
        trs.execute(f"alter publication {world.name} drop table persons".encode())
        trs.execute("delete from persons where trn > '0000020'")
    replicate(world.databases, Silent())
    main._main(["replicate", "repair"])


def older_state(world: World) -> None:
    """As a data folder that was put back knows the slot: see test_restart.py for a real one."""
    world.at_source("update persons set last_name = 'Applied' where trn = '0000004'")
    replicate(world.databases, Silent())
    world.at_warehouse(
        "update ledger.slot_positions"
        " set warehouse_server = 'an older one', confirmed_flush_lsn = '0/1', source_xid = null"
    )
    damaged(world, "update persons set last_name = 'Before' where trn = '0000004'")


def everything(world: World) -> None:
    """A gap, a difference, a write by hand and a lost slot at once."""
    several_gaps(world)
    found_different(world)
    world.at_warehouse("update persons set last_name = 'Hand' where trn = '0000009'")
    lose_slot(world.databases)
    world.at_source("update persons set last_name = 'Lost' where trn = '0000010'")


def locked(world: World) -> None:
    """The apply worker waits for somebody's lock."""
    other = world.held.enter_context(world.databases.at_warehouse())
    other.execute("begin")
    other.execute("lock table persons")
    world.at_source("update persons set last_name = 'Waits' where trn = '0000005'")


STATES: dict[str, State] = {
    "slot lost": State("slot_lost", 50, lambda w: lose_slot(w.databases)),
    "slot made anew": State("slot_lost", 50, slot_made_anew),
    "slot not to be decoded": State(
        "slot_lost", 50, lambda w: w.at_warehouse("update ledger.slot_positions set undecodable = 'its WAL is gone'")
    ),
    "slot of another life": State("slot_lost", 50, slot_of_another_life),
    "slot taken": State("slot_taken", 51, taken, lambda w: w.held.close(), "pg_stat_replication"),
    "source went back": State(
        "source_rewound", 52, lambda w: w.at_warehouse("update ledger.slot_positions set source_lsn = 'FF/0'")
    ),
    "warehouse put back": State("restarted", 50, older_state),
    "stream switched off": State("stopped", 18, lambda w: w.at_warehouse(f"alter subscription {w.name} disable")),
    "subscription dropped": State(
        "slot_lost",
        50,
        lambda w: w.at_warehouse(
            f"alter subscription {w.name} disable; alter subscription {w.name} set (slot_name = none);"
            f" drop subscription {w.name}"
        ),
    ),
    "another publication read": State(
        "subscription_altered",
        60,
        lambda w: w.at_warehouse(f"alter subscription {w.name} set publication other with (refresh = false)"),
    ),
    "publication dropped": State("publication_altered", 53, lambda w: w.at_source(f"drop publication {w.name}")),
    "table unpublished": State("publication_altered", 53, unpublished("persons")),
    "several gaps": State("gap", 50, several_gaps),
    "row unfit": State("conflict", 56, unfit),
    "row unfit, and then the slot lost": State("slot_lost", 50, unfit_and_lost),
    "found different": State("differs", 59, found_different),
    "rows missing": State("rows_missing", 59, missing_rows),
    "written by hand": State(
        "rows_altered", 54, lambda w: w.at_warehouse("update persons set last_name = 'Hand' where trn = '0000006'")
    ),
    "history switched off": State(
        "replica_altered",
        54,
        lambda w: w.at_warehouse("alter table persons disable trigger c_keep_history"),
    ),
    "repair broken off early": State("broken_off", 50, broken_off("_slot_made")),
    "repair broken off late": State("broken_off", 50, broken_off("_hand_over")),
    "everything at once": State("slot_lost", 50, everything),
    "locked": State("stuck", 57, locked, lambda w: w.held.close(), "End that session"),
    "deletes held": State("deletes_held", 67, too_many_deletes),
}


def commands_work_on(databases: WorldDatabases, patch: pytest.MonkeyPatch) -> None:
    """Have every command of the command line use these databases."""
    patch.setattr("warehouse.cli.opening.Databases", lambda _: databases)


@pytest.fixture(scope="module")
def world(clusters: WorldDatabases, templates: dict[str, str]) -> Iterator[World]:
    """A stream in order, with history; the commands work on it."""
    with fresh_databases(clusters, templates) as databases, pytest.MonkeyPatch.context() as patch, ExitStack() as held:
        commands_work_on(databases, patch)
        populate(databases, PEOPLE)
        replicate(databases, Silent())
        with databases.at_source() as trs:
            trs.execute("update persons set last_name = 'First' where trn < '0000003'")
        replicate(databases, Silent())
        yield World(databases, held)
        assert compare(databases, Silent()).differing == [], "after all rows together"


@pytest.fixture(autouse=True)
def nothing_held(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a row keeps open does not outlive it."""
    yield
    if "world" in request.fixturenames:
        request.getfixturevalue("world").held.close()


def kept(databases: FreshDatabases) -> set[tuple[Any, ...]]:
    """Every superseded version that there is."""
    with databases.at_warehouse() as connection:
        return set(
            connection.execute(
                "select person_id, last_name, known_from, known_to from versions.persons where known_to is not null"
            ).fetchall()
        )


def typed(text: str) -> list[list[str]]:
    """The commands in an advice, as a person would type them one after the other."""
    found = _COMMAND.findall(text.replace("…", "a test"))
    assert found, f"no command in: {text}"
    return [shlex.split(one.removeprefix("warehouse ")) for one in found]


def advised(databases: WorldDatabases) -> str | None:
    """What `status` tells a person to do, None when it ends with 0."""
    reasons = status(databases, pause=0.5).reasons
    return next((reason.next_command for reason in reasons if reason.exit_code), None)


def reached(databases: WorldDatabases, state: State) -> Finding:
    """What `status` says of it, perhaps beside more. That nothing moves takes it more than one look."""
    deadline = time.monotonic() + 120
    while True:
        now = status(databases, pause=0.5)
        found = next((reason for reason in now.reasons if reason.code == state.code), None)
        if found and found.exit_code == state.exit_code and now.exit_code:
            return found
        assert time.monotonic() < deadline, now.reasons
        time.sleep(0.2)


@pytest.mark.parametrize("name", STATES)
def test_a_way_out(world: World, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    state, databases = STATES[name], world.databases
    replicate(databases, Silent())
    left = status(databases, pause=0.5)
    assert left.exit_code == 0, f"the row before has left: {left.reasons}"
    before = kept(databases)
    assert len(before) >= 3
    state.make(world)
    first = reached(databases, state)
    assert state.says in first.next_command + first.what
    trace = []
    for step in range(STEPS):
        if state.person and step == 0:
            state.person(world)
        advice = advised(databases)
        if advice is None:
            # The next pass may notice more, such as who has written what was different.
            replicate(databases, Silent())
            advice = advised(databases)
        if advice is None:
            break
        for command in typed(advice):
            capsys.readouterr()
            trace.append((command, main._main(command)))
            told = "".join(capsys.readouterr())
            if by_hand := re.search(r"select pg_drop_replication_slot\('\w+'\)", told):
                # What only a person can know: here, that nobody else reads that slot.
                world.at_source(by_hand[0])
            if "warehouse replicate skip" in told:
                # `conflicts` says what can be decided; here it is to give the transaction up.
                decision = typed(told[told.index("warehouse replicate skip") :])[0]
                trace.append((decision, main._main(decision)))
    replicate(databases, Silent())
    end = status(databases, pause=0.5)
    assert end.exit_code == 0, (trace, end.reasons)
    if any(reason.code == "skipped" for reason in end.reasons):
        assert main._main(typed(next(r.next_command for r in end.reasons if r.code == "skipped"))[0]) == 0
    assert all(command[:2] != ["replicate", "reset"] for command, _ in trace)
    assert equal(databases, "persons", "countries", "notes"), trace
    assert before <= kept(databases), f"history was lost on the way: {trace}"
    history_is_sound(databases)
    assert one(databases.at_warehouse, "select count(*) from ledger.gaps where repaired_at is null") == (0,)
    assert one(databases.at_warehouse, "select count(*) from ledger.conflicts where state = 'open'") == (0,)


def test_every_reason_of_status_has_a_row() -> None:
    """A reason that is added to the guard gets a way out here; these few pass by waiting, or need a person alone."""
    from warehouse.replicate.guard.verdict import ORDER

    elsewhere = {
        "source_harmed": "test_standing.py",
        "structure_held": "test_drift.py: what is held is decided in replication/trs.yml, or with --accept",
        "other_source": "test_bad_source.py: the address is set back",
        "wal_budget": "test_status.py: the budget of a setting",
        "no_subscription": "told as slot_lost by the guard of the position",
        "clocks_disagree": "test_status.py: passes by itself, or a clock is set",
        "meaning_changed": "test_meaning.py",
        "skipped_by_hand": "test_subscription_guard.py",
        "altered_meanwhile": "test_subscription_guard.py",
        "history_differs": "test_seals.py",
        "commit_times_off": "test_unnoted.py",
    }
    assert set(ORDER) - {state.code for state in STATES.values()} <= set(elsewhere)


COMMANDS = (
    "replicate conflicts",
    "replicate retention",
    "replicate drift",
    "replicate apply",
    "replicate reconcile",
    "replicate repair",
    "replicate skip --lsn 0/1 --because test --yes",
    "replicate reset --yes",
    "replicate status",
    "replicate watch --once",
    "erase --trn 1234567 --dry-run",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_before_the_first_run_says_that_nothing_is_here_yet(
    databases: FreshDatabases, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """On a warehouse that has not even a ledger."""
    commands_work_on(databases, monkeypatch)
    with databases.at_source() as trs:
        trs.execute("create table nothing_of_ours (a int)")
    code = main._main(command.split())
    told = capsys.readouterr()
    assert code in (0, 2, 18), (code, told)
    assert "UndefinedTable" not in told.err
    words = ("Nothing is replicated yet", "not set up", "Nothing is older", "Nothing is being streamed", "no stream")
    assert any(word in told.out + told.err for word in words), told
    with databases.at_source() as trs:
        assert trs.execute(
            "select count(*) from pg_replication_slots where database = current_database()"
        ).fetchone() == (0,)


def test_the_file_says_what_is_published(world: World) -> None:
    """What the rows rest on: persons, notes and countries are replicated."""
    assert {"persons", "notes", "countries"} <= set(load_classification().published)
    assert world.name
