"""Every wait is told, with whom it waits for, has an end, and leaves nothing behind."""

from __future__ import annotations

import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import Connection

from tests.python.conftest import FreshDatabases, WorldDatabases
from tests.python.replicate.trouble import equal, one, populate
from tests.python.waiting import until
from warehouse.cli import main
from warehouse.cli.output import TerminalProgress
from warehouse.core import waiting
from warehouse.core.databases import Databases
from warehouse.core.errors import AlreadyRunning, WaitedTooLong
from warehouse.core.locks import Lock, held_by_another
from warehouse.core.progress import Silent
from warehouse.replicate import replicate
from warehouse.replicate.compare.reconcile import reconcile
from warehouse.replicate.repair import repair
from warehouse.replicate.stream import slot_wait, source_state, subscription
from warehouse.replicate.stream.slot import create_slot
from warehouse.replicate.stream.source_state import replication_connection
from warehouse.replicate.sync import compared, in_place


class Listener:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.waits: list[str] = []

    def say(self, text: str) -> None:
        del text

    def count(self, text: str, done: int, total: int | None = None) -> None:
        del text, done, total

    def wait(self, text: str) -> None:
        self.waits.append(text)


class Interrupted(Listener):
    """A person presses Ctrl-C as soon as something is waited for."""

    def wait(self, text: str) -> None:
        raise KeyboardInterrupt(text)


def test_a_wait_is_told_at_its_start_and_then_each_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(waiting.time, "monotonic", lambda: clock[0])
    listener = Listener()
    one_wait = waiting.Waiting(listener, "a lock", limit=300, detail=lambda: "process 7")
    for _ in range(290):
        one_wait.look()
        assert not one_wait.is_over
        clock[0] += 1
    assert listener.waits[:2] == ["waiting for a lock: process 7", "waiting for a lock, for 1 min now: process 7"]
    assert len(listener.waits) == 5
    clock[0] += 11
    assert one_wait.is_over
    one_wait.moved()
    assert not one_wait.is_over


def test_a_log_gets_it_too_and_so_does_who_asked_for_json(capsys: pytest.CaptureFixture[str]) -> None:
    TerminalProgress().wait("waiting for a lock")
    TerminalProgress(quiet=True).wait("waiting for [it]")
    told = capsys.readouterr()
    assert "waiting for a lock" in told.out and "waiting for [it]" in told.err and "[it]" not in told.out


@pytest.fixture
def own(own: WorldDatabases) -> WorldDatabases:
    """With a few people, and little patience."""
    own.settings.warehouse_wait_minutes = 0.05
    populate(own, people=20)
    return own


def nothing_is_left(trs: Connection, slots: int) -> bool:
    """Whether this database has only so many slots, and no sender that still waits; its server is others' too."""
    row = trs.execute(
        "select (select count(*) from pg_replication_slots where database = current_database()),"
        " (select count(*) from pg_stat_activity where datname = current_database()"
        " and backend_type = 'walsender' and wait_event_type = 'Lock')"
    ).fetchone()
    return row == (slots, 0)


@pytest.mark.slow
def test_a_killed_program_leaves_no_sender_that_waits_for_an_open_transaction(
    prepared: FreshDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default PostgreSQL looks for its client when the wait is over, and then leaves the slot that it has made."""
    monkeypatch.setattr(source_state, "_LOOKS_FOR_ITS_CLIENT_EVERY", "100ms")
    with prepared.at_source() as trs, prepared.at_source() as other, other.transaction():
        other.execute("select pg_current_xact_id()")
        with replication_connection(prepared.source_conninfo) as connection, ThreadPoolExecutor(1) as beside:
            pid = connection.info.backend_pid
            making = beside.submit(create_slot, connection, "left")
            waits = "select cardinality(pg_blocking_pids(%s)) > 0"
            until("the slot waits for the transaction", lambda: trs.execute(waits, (pid,)).fetchone() == (True,))
            # What the system does with the sockets of a process that is killed.
            with socket.socket(fileno=os.dup(connection.fileno())) as of_the_program:
                of_the_program.shutdown(socket.SHUT_RDWR)
            assert isinstance(making.exception(), psycopg.OperationalError)
            gone = "select not exists (select from pg_stat_activity where pid = %s)"
            until("its sender has noticed", lambda: trs.execute(gone, (pid,)).fetchone() == (True,))
            until("it has left nothing", lambda: nothing_is_left(trs, slots=0))


@pytest.mark.slow
def test_a_slot_is_not_waited_for_without_end(own: WorldDatabases, monkeypatch: pytest.MonkeyPatch) -> None:
    """An open transaction at the first copy, an orphaned prepared one at a reconcile, and Ctrl-C in between."""
    monkeypatch.setattr(waiting, "FIRST_SECONDS", 0.2)
    listener = Listener()
    with own.at_source() as trs, own.at_source() as other:
        with other.transaction():
            other.execute("update persons set last_name = 'Jones' where trn = '0000001'")
            with pytest.raises(WaitedTooLong, match=f"process {other.info.backend_pid} of user") as caught:
                replicate(own, listener)
            assert caught.value.exit_code == 69
            assert (
                f"waiting for open transactions of the operational database: process {other.info.backend_pid}"
                in (listener.waits[0])
            )
            assert ", open for " in listener.waits[0]
            assert nothing_is_left(trs, slots=0)
            with pytest.raises(KeyboardInterrupt):
                replicate(own, Interrupted())
            assert nothing_is_left(trs, slots=0)
        replicate(own, Silent())
        other.execute("begin")
        other.execute("update persons set last_name = 'Brown' where trn = '0000002'")
        other.execute("prepare transaction 'forgotten by its coordinator'")
        listener.waits.clear()
        with pytest.raises(WaitedTooLong, match="prepared transaction forgotten by its coordinator of user") as caught:
            reconcile(own, listener)
        assert "rollback prepared" in caught.value.next_command
        assert "forgotten by its coordinator" in listener.waits[0]
        assert nothing_is_left(trs, slots=1)
        other.execute("commit prepared 'forgotten by its coordinator'")
    replicate(own, Silent())
    assert reconcile(own, Silent()).differing == []


@pytest.mark.slow
def test_it_is_told_whom_a_slot_of_postgresql_itself_waits_for(prepared: WorldDatabases) -> None:
    """As PostgreSQL makes one for the copy of a new table: nobody but the source can say what it waits for."""
    with (
        prepared.at_source() as trs,
        prepared.at_source() as other,
        replication_connection(prepared.source_conninfo) as sender,
        ThreadPoolExecutor(1) as beside,
    ):
        assert slot_wait.waited_for_by_senders(trs) == ""
        with other.transaction():
            other.execute("select pg_current_xact_id()")
            making = beside.submit(sender.execute, "CREATE_REPLICATION_SLOT passing TEMPORARY LOGICAL pgoutput")
            deadline = time.monotonic() + 120
            while not (told := slot_wait.waited_for_by_senders(trs)):
                assert time.monotonic() < deadline and not making.done()
                time.sleep(0.05)
            assert f"process {other.info.backend_pid} of user" in told and ", open for " in told
        assert making.result(120)


@pytest.mark.slow
def test_a_comparison_beside_a_repair_names_the_repair(prepared: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    """The repair has switched the stream off for as long as it compares: nothing is broken."""
    populate(prepared, people=20)
    replicate(prepared, Silent())
    off, go_on = threading.Event(), threading.Event()
    compare = compared.compare_tables

    def slowly(*args: object, **kwargs: object) -> object:
        off.set()
        assert go_on.wait(120)
        return compare(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(in_place, "compare_tables", slowly)
    mending = threading.Thread(target=lambda: repair(prepared, Silent(), depth="all"))
    mending.start()
    try:
        assert off.wait(120)
        with pytest.raises(AlreadyRunning, match="has switched the stream off meanwhile"):
            reconcile(prepared, Silent())
    finally:
        go_on.set()
        mending.join()
    assert reconcile(prepared, Silent()).differing == []
    with prepared.warehouse() as warehouse:
        assert not held_by_another(warehouse, Lock.replicate)
        assert subscription.is_enabled(warehouse, prepared.settings.warehouse_replication_name)
    assert equal(prepared)
    assert one(prepared.warehouse, "select count(*) from ledger.gaps") == (0,)


@pytest.mark.slow
def test_a_lock_that_somebody_holds_is_not_waited_for_without_end(
    prepared: FreshDatabases, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replicate(prepared, Silent())
    prepared.settings.warehouse_wait_minutes = 0.01
    monkeypatch.setattr("warehouse.cli.opening.Databases", lambda _: prepared)
    with prepared.at_warehouse() as other, other.transaction():
        other.execute("lock table ledger.slot_positions")
        assert main._main(["replicate", "run"]) == WaitedTooLong.exit_code
        assert "pg_blocking_pids" in capsys.readouterr().err
    assert main._main(["replicate", "run"]) == 0
