"""Transactions that are long, large, prepared, sent before they end, or taken back: each arrives whole or not."""

from __future__ import annotations

import threading
import uuid

import psycopg
import pytest

from tests.python.drills.harness import Drill, wait_until
from tests.python.replicate.world import PERSON, insert
from warehouse.replicate import replicate

pytestmark = pytest.mark.slow

LARGE, MIDDLING = 100_000, 10_000


def test_long_transactions(drill: Drill) -> None:
    """Open all the while others commit: one commits at last, one is taken back, one is prepared before it commits."""
    drill.sync()
    drill.begin()
    keys = {name: uuid.uuid4() for name in ("late", "never", "prepared")}
    with (
        drill.databases.at_source() as late,
        drill.databases.at_source() as never,
        drill.databases.at_source() as prepared,
    ):
        for number, (name, connection) in enumerate(zip(keys, (late, never, prepared), strict=True)):
            connection.execute("begin")
            insert(connection, "persons", {**PERSON, "person_id": keys[name], "trn": f"900000{number}"})
        prepared.execute(f"prepare transaction '{drill.name}'")
        for _ in range(2):
            drill.work(40)
            # What the others commit arrives, and is stamped and settled; nothing of the three is seen.
            drill.sync()
            assert arrived(drill, keys) == set()
        late.execute("commit")
        never.execute("rollback")
        prepared.execute(f"commit prepared '{drill.name}'")
    drill.finish()
    assert arrived(drill, keys) == {"late", "prepared"}


def arrived(drill: Drill, keys: dict[str, uuid.UUID]) -> set[str]:
    """Which of these people the replica has."""
    with drill.databases.at_warehouse() as warehouse:
        rows = warehouse.execute("select person_id from persons where person_id = any(%s)", (list(keys.values()),))
        found = {row[0] for row in rows}
    return {name for name, key in keys.items() if key in found}


def provide(connection: psycopg.Connection, rows: int, name: str) -> None:
    """Insert so many training providers in one statement."""
    connection.execute(
        "insert into training_providers (training_provider_id, name, is_active)"
        " select gen_random_uuid(), %s || n, true from generate_series(1, %s) as n",
        (name, rows),
    )


def sent_in_parts(drill: Drill) -> int:
    """How many parts of unfinished transactions the source has sent."""
    with drill.databases.at_source() as source:
        row = source.execute(
            "select coalesce(sum(stream_count), 0)::bigint from pg_stat_replication_slots where slot_name like %s",
            (drill.name + "%",),
        ).fetchone()
    return int(row[0]) if row else 0


def test_large_transactions(drill: Drill) -> None:
    """A hundred thousand rows at once, sent while the transaction runs; others are taken back in whole or in part."""
    drill.note("training_providers")
    drill.sync()
    drill.begin(writers=1, pause=0.02)
    with drill.databases.at_source() as source:
        with source.transaction():
            provide(source, LARGE, "Large")
        before = sent_in_parts(drill)
        with source.transaction(force_rollback=True):
            provide(source, MIDDLING, "Never")
            wait_until("a part of it is sent", lambda: sent_in_parts(drill) > before)
        with source.transaction():
            source.execute("update training_providers set name = name || ' 2' where name like 'Large1%'")
            with source.transaction(force_rollback=True):
                provide(source, MIDDLING, "Taken back")
                source.execute("delete from training_providers where name like 'Large9%'")
            with source.transaction():
                source.execute("delete from training_providers where name like 'Large8%'")
            # Again the same rows: two versions of them within one transaction.
            source.execute("update training_providers set name = name || ' 3' where name like 'Large11%'")
    drill.sync()
    with drill.databases.at_source() as source:
        row = source.execute(
            "select sum(stream_txns) from pg_stat_replication_slots where slot_name like %s", (drill.name + "%",)
        ).fetchone()
    assert row is not None and row[0] >= 3, "nothing was sent before its end"
    drill.finish()
    with drill.databases.at_warehouse() as warehouse:
        kept = warehouse.execute("select count(*) from training_providers where name like 'Large%'").fetchone()
        seen = warehouse.execute("select count(*) from versions.training_providers where name ~ '^(Never|Taken)'")
        assert kept is not None and 80_000 < kept[0] < LARGE
        assert seen.fetchone() == (0,)


class Listener:
    """Remembers what is said while something goes on."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def count(self, text: str, done: int, total: int | None = None) -> None:
        del text, done, total

    def wait(self, text: str) -> None:
        self.said.append(text)


def test_first_copy_waits_for_long_transactions(drill: Drill) -> None:
    """A slot begins when the transactions that are open have ended: that is waited for and said, and none is lost."""
    drill.begin()
    drill.work(60)
    listener, failures = Listener(), []

    def first_copy() -> None:
        try:
            replicate(drill.databases, listener)
        except BaseException as error:  # noqa: BLE001 - told to the test's thread
            failures.append(error)

    copying = threading.Thread(target=first_copy, daemon=True)
    key = uuid.uuid4()
    with drill.databases.at_source() as late:
        late.execute("begin")
        insert(late, "persons", {**PERSON, "person_id": key, "trn": "9000000"})
        copying.start()
        wait_until("it says that it waits", lambda: any("wait" in said for said in listener.said) or bool(failures))
        drill.work(60)
        late.execute("commit")
    copying.join(60)
    assert not failures and not copying.is_alive()
    drill.finish()
    assert arrived(drill, {"late": key}) == {"late"}
