"""The states that replication can get into, each made with real servers, for those who have to lead out of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.python.conftest import AMPLE_GB, FreshDatabases
from tests.python.replicate.forging import committed_at
from tests.python.replicate.own_file import read_in_place_of_the_file
from tests.python.replicate.trouble import lose_slot, now, one, slot_of
from tests.python.replicate.world import PERSON, insert
from tests.python.waiting import until
from warehouse.cli import main
from warehouse.core.databases import WAREHOUSE
from warehouse.core.errors import ApplyConflict
from warehouse.core.progress import Silent
from warehouse.replicate import load_classification, replicate, status
from warehouse.replicate.compare.reconcile import reconcile as compare
from warehouse.replicate.repair import repair
from warehouse.replicate.stream import subscription
from warehouse.replicate.stream.mark import wait_until_applied
from warehouse.replicate.stream.source_state import replication_connection
from warehouse.replicate.sync import begin


@dataclass
class World:
    """The databases, what a state keeps open until a person ends it, and what a person knows."""

    databases: FreshDatabases
    held: ExitStack
    found_in_a_backup: tuple[str, str] = ("", "")

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
        person: for each code that `status` gives on the way, what its advice asks for outside of this program; done
            once, before the advised command is typed.
        says: a word of that advice.
    """

    code: str
    exit_code: int
    make: Callable[[World], Any]
    person: Mapping[str, Callable[[World], Any]] = field(default_factory=dict)
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
    other = world.held.enter_context(replication_connection(world.databases.source_conninfo))
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
                repair(world.databases, Silent())

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
    other = world.databases.at_warehouse()
    world.held.callback(other.close)
    other.execute("begin")
    other.execute("lock table persons")
    world.at_source("update persons set last_name = 'Waits' where trn = '0000005'")


def skipped_by_hand(world: World) -> None:
    """As PostgreSQL's manual advises."""
    unfit(world)
    status(world.databases, pause=0)
    lsn = one(world.databases.at_warehouse, "select max(lsn)::text from ledger.conflicts where state = 'open'")[0]
    world.at_warehouse(f"alter subscription {world.name} skip (lsn = '{lsn}'); alter subscription {world.name} enable")
    with world.databases.at_source() as trs, world.databases.at_warehouse() as here:
        wait_until_applied(trs, here, world.name, Silent())


def altered_and_put_back(world: World) -> None:
    world.at_warehouse("alter table notes disable trigger c_keep_history")
    world.at_warehouse("alter table notes enable always trigger c_keep_history")


NOTES_KEY = "alter table notes drop constraint pk_notes cascade, add constraint pk_notes primary key (note_id)"


def identity_of_notes(kind: str) -> Callable[[World], None]:
    return lambda world: world.at_source(f"alter table notes replica identity {kind}")


def out_of_the_publication(world: World) -> None:
    identity_of_notes("full")(world)
    replicate(world.databases, Silent())


def let_go_of(world: World) -> None:
    assert main._main(["replicate", "apply", "--release", "persons.middle_name"]) in (0, 42)


def names_swapped(world: World) -> None:
    key = uuid.uuid4().hex[:8]
    with world.databases.at_source() as trs:
        values = {"country_id": key, "name": "One", "official_name": "Official", "citizen_names": "Citizens"}
        insert(trs, "countries", values)
    replicate(world.databases, Silent())
    with world.databases.at_source() as trs, trs.transaction():
        for before, after in (("official_name", "x"), ("citizen_names", "official_name"), ("x", "citizen_names")):
            trs.execute(f"alter table countries rename column {before} to {after}".encode())


def version_deleted(world: World) -> None:
    """A settled version is gone, and a person finds it in a backup."""
    row = "select tableoid::regclass::text, p from history.persons as p where to_xid is not null limit 1"
    place, version = one(world.databases.at_warehouse, row)
    world.found_in_a_backup = f"insert into {place} select (%s::text::{place}).*", version
    world.at_warehouse(f"delete from {place} as p where p::text = '{version}'")
    assert main._main(["replicate", "reconcile", "--history"]) == 65


def restored(world: World) -> None:
    with world.databases.at_warehouse() as here:
        statement, version = world.found_in_a_backup
        here.execute(statement.encode(), (version,))


def committed_in_the_future(world: World) -> None:
    with committed_at(world.databases, now(world.databases) + timedelta(days=1)) as trs:
        trs.execute("update persons set last_name = 'Tomorrow' where trn = '0000011'")
    replicate(world.databases, Silent())


def wal_kept(world: World) -> None:
    """A transaction that is open at the source keeps its WAL."""
    other = world.databases.at_source()
    world.held.callback(other.close)
    other.execute("begin")
    other.execute("select pg_logical_emit_message(true, 'somebody', 'begins')")
    world.at_source("select pg_logical_emit_message(false, 'somebody', repeat('x', 3000000)); checkpoint")
    world.databases.settings.warehouse_wal_budget_gb = 0.002


def wal_let_go(world: World) -> None:
    world.held.close()

    def is_less() -> bool:
        # Where the slot starts again is decided by what the source's background process writes now and then.
        world.at_source("checkpoint")
        replicate(world.databases, Silent())
        return not any(reason.code == "wal_budget" for reason in status(world.databases, pause=0).reasons)

    until("the source lets its WAL go", is_less)
    world.databases.settings.warehouse_wal_budget_gb = AMPLE_GB


def another_cluster(world: World) -> None:
    """The address leads to some other server."""
    right = world.databases.lead_to("trs", world.databases.cluster(WAREHOUSE).conninfo("postgres"))
    world.held.callback(world.databases.lead_to, "trs", right)


def source_noted(address: str, own_address: str) -> Callable[[World], None]:
    """The server that answers is not the one of the last look: see test_source_server.py for real copies."""

    def make(world: World) -> None:
        world.at_source("update persons set last_name = 'There' where trn = '0000012'")
        world.at_warehouse(
            "update ledger.slot_positions set source_started = '1',"
            f" source_address = '{address}', source_own_address = '{own_address}'"
        )

    return make


def rule_changed(world: World) -> None:
    """The file leaves a column behind that is replicated; as long as the row lasts."""
    file = load_classification()
    emails = file.tables["emails"]
    line = emails.columns["sent_on"].model_copy(update={"replicate": False, "because": "a test"})
    left = emails.model_copy(update={"columns": {**emails.columns, "sent_on": line}})
    changed = file.model_copy(update={"tables": {**file.tables, "emails": left}})
    patch = pytest.MonkeyPatch()
    world.held.callback(patch.undo)
    read_in_place_of_the_file(patch, lambda: changed)


STATES: dict[str, State] = {
    "slot lost": State("slot_lost", 50, lambda w: lose_slot(w.databases)),
    "slot made anew": State("slot_lost", 50, slot_made_anew),
    "slot not to be decoded": State(
        "slot_lost", 50, lambda w: w.at_warehouse("update ledger.slot_positions set undecodable = 'its WAL is gone'")
    ),
    "slot of another life": State("slot_lost", 50, slot_of_another_life),
    "slot taken": State("slot_taken", 51, taken, {"slot_taken": lambda w: w.held.close()}, "pg_stat_replication"),
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
    "locked": State("stuck", 57, locked, {"stuck": lambda w: w.held.close()}, "End that session"),
    "deletes held": State("deletes_held", 67, too_many_deletes),
    "another cluster": State("other_source", 18, another_cluster, {"other_source": lambda w: w.held.close()}, "Set"),
    "source moved": State("source_moved", 49, source_noted("db.example.org:5432", "")),
    "another server at the source's address": State("restarted", 50, source_noted("embedded", "10.0.0.1:5432")),
    "source harmed": State(
        "source_harmed",
        42,
        lambda w: w.at_source(f"{NOTES_KEY} deferrable"),
        {"table_out": lambda w: w.at_source(NOTES_KEY)},
    ),
    "table out": State("table_out", 42, out_of_the_publication, {"table_out": identity_of_notes("default")}),
    "rule changed": State("rule_changed", 26, rule_changed),
    "column let go of": State("structure_held", 42, let_go_of),
    "names swapped": State("meaning_changed", 64, names_swapped),
    "version deleted": State("history_differs", 65, version_deleted, {"history_differs": restored}),
    "committed in the future": State("clocks_disagree", 55, committed_in_the_future),
    "WAL kept": State("wal_budget", 58, wal_kept, {"wal_budget": wal_let_go}, "long transaction"),
    "skipped by hand": State("skipped_by_hand", 60, skipped_by_hand),
    "altered and put back": State("altered_meanwhile", 62, altered_and_put_back),
}
"""The rows of test_ways_out.py. Each leaves the world in order."""
