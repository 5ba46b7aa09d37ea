"""Every state that the ledger can get into has a command that leads out of it, and none of them costs history.

Each row of STATES makes a state with real servers. Then a person is played who knows nothing: what `status` prints as
the next command is typed, until it ends with 0. Where the advice is something to do outside of this program (end a
session, undo what was altered), the row says how, and the advice is checked to say so.

All rows share one world, one after the other, so that history has to outlive all of them together. A row is added by
adding it to STATES (states.py); it leaves the world in order. Each also comes beside another one.
"""

from __future__ import annotations

import itertools
import os
import random
import re
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.python.conftest import AMPLE_GB, FreshDatabases, WorldDatabases, fresh_databases
from tests.python.replicate.states import STATES, State, World
from tests.python.replicate.trouble import equal, history_is_sound, one, populate
from warehouse.cli import main
from warehouse.core.databases import WAREHOUSE
from warehouse.core.errors import WaitedTooLong, WarehouseError
from warehouse.core.finding import Finding
from warehouse.core.progress import Silent
from warehouse.replicate import load_classification, replicate, status
from warehouse.replicate.compare.reconcile import reconcile as compare
from warehouse.replicate.guard.verdict import ORDER

pytestmark = pytest.mark.slow

PEOPLE = 120
STEPS = 8
"""Pieces of advice that a person has to follow at most."""

SEED = int(os.environ.get("TRW_DRILL_SEED", "20261128"))
ROUNDS = int(os.environ.get("TRW_DRILL_ROUNDS", "2"))

_VALUE = r'(?:"[^"]*"|[\w./]+)'
_FLAGS = "compare|full|yes|once|history|acknowledge"
_COMMAND = re.compile(
    rf"warehouse replicate [a-z]+(?: --(?:lsn|because|allow-deletes|accept) {_VALUE}| --(?:{_FLAGS})\b)*"
)


def commands_work_on(databases: WorldDatabases, patch: pytest.MonkeyPatch) -> None:
    """Have every command of the command line use these databases."""
    for command in ("opening", "doctor"):
        patch.setattr(f"warehouse.cli.{command}.Databases", lambda _: databases)


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
    """What a row keeps open or sets does not outlive it."""
    yield
    if "world" in request.fixturenames:
        world = request.getfixturevalue("world")
        world.held.close()
        world.databases.settings.warehouse_repair_deletes_percent = 100
        world.databases.settings.warehouse_wal_budget_gb = AMPLE_GB
        world.databases.settings.warehouse_wait_minutes = 30


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


def advised(databases: WorldDatabases) -> Finding | None:
    """What `status` shows a person first, None when it ends with 0."""
    return next((reason for reason in status(databases, pause=0.5).reasons if reason.exit_code), None)


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


def in_order(databases: WorldDatabases) -> None:
    """The row before has left."""
    replicate(databases, Silent())
    left = status(databases, pause=0.5)
    assert left.exit_code == 0, left.reasons


def typed_in(world: World, command: list[str], capsys: pytest.CaptureFixture[str]) -> Iterator[tuple[list[str], int]]:
    """Type a command, and what it says that a person has to decide; here, always that it may go on."""
    capsys.readouterr()
    yield command, main._main(command)
    told = "".join(capsys.readouterr())
    if by_hand := re.search(r"select pg_drop_replication_slot\('\w+'\)", told):
        # What only a person can know: here, that nobody else reads that slot.
        world.at_source(by_hand[0])
    for decision in ("warehouse replicate skip", "warehouse replicate clocks --acknowledge"):
        if decision in told:
            then = typed(" ".join(told[told.index(decision) :].split()))[0]
            yield then, main._main(then)
    if command[1] == "drift" and "`warehouse replicate apply` takes it up again" in told:
        yield ["replicate", "apply"], main._main(["replicate", "apply"])


def walk(
    world: World,
    person: Mapping[str, Callable[[World], Any]],
    capsys: pytest.CaptureFixture[str],
    before: set[tuple[Any, ...]],
) -> None:
    """Do what `status` says until it ends with 0, and see that nothing was lost on the way."""
    databases, acts, trace = world.databases, dict(person), []
    for _ in range(STEPS):
        first = advised(databases)
        if first and first.code in acts:
            acts.pop(first.code)(world)
            trace.append((["a person, for", first.code], 0))
            first = advised(databases)
        if first is None:
            # The next pass may notice more, such as who has written what was different.
            trace.append((["replicate", "run"], main._main(["replicate", "run"])))
            first = advised(databases)
        if first is None:
            break
        if first.code in acts:
            continue
        assert first.next_command is not None
        for command in typed(first.next_command):
            done = list(typed_in(world, command, capsys))
            trace.extend(done)
            if done[0][1] == WaitedTooLong.exit_code:
                # It names the session that it has waited for, and a person ends that.
                world.held.close()
    replicate(databases, Silent())
    end = status(databases, pause=0.5)
    assert end.exit_code == 0, (trace, end.reasons)
    for reason in end.reasons:
        if reason.code == "skipped":
            assert main._main(typed(reason.next_command)[0]) == 0
    assert all(command[:2] != ["replicate", "reset"] for command, _ in trace)
    assert equal(databases, "persons", "countries", "notes"), trace
    assert before <= kept(databases), f"history was lost on the way: {trace}"
    history_is_sound(databases)
    assert main._main(["replicate", "reconcile", "--history"]) == 0, trace
    assert one(databases.at_warehouse, "select count(*) from ledger.gaps where repaired_at is null") == (0,)
    assert one(databases.at_warehouse, "select count(*) from ledger.conflicts where state = 'open'") == (0,)


@pytest.mark.parametrize("name", STATES)
def test_a_way_out(world: World, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    state = STATES[name]
    in_order(world.databases)
    before = kept(world.databases)
    assert len(before) >= 3
    state.make(world)
    first = reached(world.databases, state)
    assert state.says in (first.next_command or "") + first.what
    walk(world, state.person, capsys, before)


def pairs() -> list[tuple[str, str]]:
    """Some of the pairs of states, in either order, chosen by a seed: more with more rounds, and all with enough."""
    every = list(itertools.permutations(STATES, 2))
    random.Random(SEED).shuffle(every)
    return every[: 2 * ROUNDS]


@pytest.mark.parametrize(("name", "other"), pairs())
def test_a_way_out_of_two_states_at_once(
    world: World, name: str, other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print(f"seed {SEED}, {ROUNDS} rounds (TRW_DRILL_SEED, TRW_DRILL_ROUNDS)")
    in_order(world.databases)
    before = kept(world.databases)
    # Some keep a session open: what another command waits for is given up, and then that session is ended.
    world.databases.settings.warehouse_wait_minutes = 0.1
    STATES[name].make(world)
    try:
        STATES[other].make(world)
    except (WarehouseError, psycopg.Error, pytest.fail.Exception, AssertionError) as error:
        # The first keeps the second from coming about, or it came about in part: there is a way out all the same.
        print(f"{other} beside {name}: {type(error).__name__}")
    walk(world, {**STATES[name].person, **STATES[other].person}, capsys, before)


def test_every_reason_of_status_has_a_row() -> None:
    """A reason that is added to the guard gets a way out here."""
    elsewhere = {
        "no_subscription": "told as slot_lost by the guard of the position",
        "secrets_found": "stays until a scan is clean: security/test_secrets.py",
        "commit_times_off": "needs a server of its own: the next test",
    }
    assert set(ORDER) - {state.code for state in STATES.values()} == set(elsewhere)


def test_a_way_out_of_a_server_without_commit_times(
    own: WorldDatabases, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def restart_with(value: str) -> None:
        with own.at_warehouse() as here:
            here.execute(f"alter system set track_commit_timestamp = {value}".encode())
        own.cluster(WAREHOUSE).stop()
        own.start()

    commands_work_on(own, monkeypatch)
    populate(own, PEOPLE)
    replicate(own, Silent())
    with own.at_source() as trs:
        trs.execute("update persons set last_name = 'First' where trn < '0000003'")
    replicate(own, Silent())
    before = kept(own)
    restart_with("off")
    first = reached(own, State("commit_times_off", 66, restart_with))
    assert "ALTER SYSTEM SET track_commit_timestamp = on" in str(first.next_command)
    with ExitStack() as held:
        walk(World(own, held), {"commit_times_off": lambda _: restart_with("on")}, capsys, before)


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
    "erase --trn-file trn.txt --dry-run",
    "build",
    "build --as-known-at 2026-10-01 --name vintage_2026_09",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_before_the_first_run_says_that_nothing_is_here_yet(
    databases: FreshDatabases,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    command: str,
) -> None:
    """On a warehouse that has not even a ledger."""
    file = tmp_path / "trn.txt"
    file.write_text("1234567")
    commands_work_on(databases, monkeypatch)
    with databases.at_source() as trs:
        trs.execute("create table nothing_of_ours (a int)")
    code = main._main(command.replace("trn.txt", str(file)).split())
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
