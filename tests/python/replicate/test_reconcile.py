"""Reconcile: equal is said while changes flow, and a damaged row is named while they do."""

from __future__ import annotations

import json
import random
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.python.replicate.trouble import one, populate
from tests.python.replicate.world import PERSON, insert
from warehouse.core.databases import Databases
from warehouse.core.errors import ContentDiffers, ReplicationError, UsageError
from warehouse.core.keyed_hashes import hiding
from warehouse.core.progress import Silent
from warehouse.replicate import replicate
from warehouse.replicate.compare.reconcile import Reconciliation, raise_if_different, reconcile
from warehouse.replicate.compare.shared_snapshot import Unclear, begin_time, later
from warehouse.replicate.stream.mark import wait_for, wait_until_applied

SEED = 20_261_123


@pytest.fixture
def world(prepared: Databases) -> Databases:
    """Some hundred people, caught up."""
    populate(prepared)
    replicate(prepared, Silent())
    return prepared


class BusySource:
    """Many kinds of transactions one after the other: keys of three kinds, key changes, truncates, large ones."""

    def __init__(self, databases: Databases, seed: int) -> None:
        print(f"seed {seed}")
        self._databases, self._chance, self._stop = databases, random.Random(seed), threading.Event()
        self._number = 0
        self.failure: BaseException | None = None

    @contextmanager
    def writing(self) -> Iterator[BusySource]:
        """Two sessions write for as long as the block lasts."""
        threads = [threading.Thread(target=self._run, args=(n,)) for n in range(2)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()
        assert self.failure is None

    def _run(self, session: int) -> None:
        chance = random.Random(self._chance.random() + session)
        try:
            with self._databases.at_source() as trs:
                trs.execute("set deadlock_timeout = '20ms'")
                number = session
                while not self._stop.is_set():
                    number += 2
                    try:
                        with trs.transaction():
                            for _ in range(chance.choice([1, 1, 3])):
                                self._change(trs, chance, number)
                                number += 2
                    except (psycopg.errors.DeadlockDetected, psycopg.errors.UniqueViolation):
                        pass
                    self._stop.wait(0.004)
        except BaseException as error:  # noqa: BLE001 - told by the test's thread
            self.failure = error

    def _change(self, trs: psycopg.Connection, chance: random.Random, number: int) -> None:
        picked = "(select person_id from persons offset %s limit 1)"
        any_person = (chance.randrange(300),)
        kind = chance.randrange(100)
        if kind < 25:
            insert(trs, "persons", {**PERSON, "person_id": uuid.uuid4(), "trn": f"{2_000_000 + number:07d}"})
        elif kind < 50:
            trs.execute(
                f"update persons set last_name = last_name || 'x' where person_id = {picked}".encode(), any_person
            )
        elif kind < 60:
            trs.execute(f"delete from persons where person_id = {picked}".encode(), any_person)
        elif kind < 70:
            trs.execute(
                f"update persons set person_id = gen_random_uuid() where person_id = {picked}".encode(), any_person
            )
        elif kind < 85:
            trs.execute(
                "insert into countries values (%s, 'a', 'b', 'c') on conflict (country_id) do update set name ="
                " countries.name || 'z'",
                (f"C{chance.randrange(20)}",),
            )
        elif kind < 90:
            trs.execute("update countries set country_id = country_id || 'a' where country_id = %s", (f"C{kind % 20}",))
        elif chance.random() < 0.98:
            trs.execute(
                "insert into integration_transactions select n, 1, 1, 1, 1, 1, 1, 1, 'f', clock_timestamp()"
                " from generate_series(%s::bigint, %s) as n on conflict do nothing",
                (number * 100, number * 100 + 20),
            )
        else:
            trs.execute("truncate integration_transactions, integration_transaction_records")


def differing(done: Reconciliation) -> dict[str, dict[str, list[list[str]]]]:
    return {table.table: table.keys for table in done.differing}


@contextmanager
def by_hand(databases: Databases) -> Iterator[psycopg.Connection]:
    """A session of somebody who writes the replica behind everybody's back."""
    with databases.at_warehouse() as warehouse, warehouse.transaction():
        for table in ("persons", "countries"):
            warehouse.execute(f"alter table {table} disable trigger user".encode())
        yield warehouse
        for table, name in warehouse.execute(
            "select tgrelid::regclass::text, tgname from pg_trigger where tgenabled = 'D' and not tgisinternal"
        ).fetchall():
            warehouse.execute(f"alter table {table} enable always trigger {name}".encode())


@pytest.mark.slow
def test_a_quiet_replica_is_equal_and_that_is_recorded(world: Databases) -> None:
    done = reconcile(world, Silent())
    raise_if_different(done)
    assert done.differing == []
    assert done.left_out == {}
    assert done.rows == one(world.at_source, "select count(*) from persons")[0] + sum(
        table.source_rows for table in done.tables if table.table != "persons"
    )
    recorded = one(
        world.warehouse,
        "select result, lsn::text, snapshot_at, (select count(*) from ledger.reconciled_tables),"
        " (select source_rows from ledger.reconciled_tables where table_name = 'persons') from ledger.reconciliations",
    )
    assert recorded == ("equal", done.lsn, done.snapshot_at, len(done.tables), 300)
    # Nothing stays at the source.
    assert one(
        world.source, "select count(*) from pg_replication_slots where slot_name like 'warehouse_reconcile%%'"
    ) == (0,)


@pytest.mark.slow
def test_a_busy_replica_is_equal_again_and_again(world: Databases) -> None:
    with BusySource(world, SEED).writing():
        for _ in range(5):
            done = reconcile(world, Silent())
            assert differing(done) == {}, done.lsn
    replicate(world, Silent())
    assert differing(reconcile(world, Silent())) == {}


@pytest.mark.slow
@pytest.mark.parametrize("settled", [False, True])
def test_what_came_after_the_position_is_left_out(
    world: Databases, monkeypatch: pytest.MonkeyPatch, *, settled: bool
) -> None:
    """Changes of every kind, applied before the warehouse's snapshot is taken, and then also settled."""
    waited = wait_for
    with world.at_source() as trs:
        people = [row[0] for row in trs.execute("select person_id from persons order by trn limit 4")]
    replicate(world, Silent())

    def and_then_changes(*arguments: Any) -> None:
        waited(*arguments)
        monkeypatch.setattr("warehouse.replicate.compare.shared_snapshot.wait_for", waited)
        with world.at_source() as trs, world.at_warehouse() as warehouse:
            insert(trs, "persons", {**PERSON, "person_id": uuid.uuid4(), "trn": "9000001"})
            for name in ("Jones", "Brown"):
                trs.execute("update persons set last_name = %s where person_id = %s", (name, people[0]))
            trs.execute("delete from persons where person_id = %s", (people[1],))
            trs.execute("update persons set person_id = gen_random_uuid() where person_id = %s", (people[2],))
            with trs.transaction():
                trs.execute("update persons set trn = '9000002' where person_id = %s", (people[3],))
                trs.execute("delete from persons where person_id = %s", (people[3],))
            if settled:
                replicate(world, Silent())
                assert warehouse.execute("select count(*) from history.persons_log").fetchone() == (0,)
            else:
                wait_until_applied(trs, warehouse, world.settings.warehouse_replication_name, Silent())

    monkeypatch.setattr("warehouse.replicate.compare.shared_snapshot.wait_for", and_then_changes)
    done = reconcile(world, Silent())
    assert differing(done) == {}
    assert next(table for table in done.tables if table.table == "persons").warehouse_rows == 300


@pytest.mark.slow
def test_damage_is_named_with_exactly_its_keys_under_load(world: Databases) -> None:
    stays, goes, false = (uuid.uuid4() for _ in range(3))
    with world.at_source() as trs:
        # Behind the rows that the writer picks: it takes the first three hundred.
        for number, person in enumerate((stays, goes), start=9_000_000):
            insert(trs, "persons", {**PERSON, "person_id": person, "trn": str(number)})
        trs.execute("insert into countries values ('XX', 'a', 'b', 'c')")
        # Under load a row's place changes; these are out of reach.
        trs.execute("create rule r1 as on update to persons where old.trn >= '9000000' do instead nothing")
        trs.execute("create rule r2 as on delete to persons where old.trn >= '9000000' do instead nothing")
    replicate(world, Silent())
    with BusySource(world, SEED + 2).writing():
        assert differing(reconcile(world, Silent())) == {}
        with by_hand(world) as warehouse:
            warehouse.execute("update persons set last_name = 'SMITH' where person_id = %s", (stays,))
            warehouse.execute("delete from persons where person_id = %s", (goes,))
            warehouse.execute(
                "insert into persons select (jsonb_populate_record(p, jsonb_build_object('person_id', %s::text,"
                " 'trn', '9000009'))).* from persons as p where person_id = %s",
                (false, stays),
            )
            warehouse.execute("update countries set name = 'A' where country_id = 'XX'")
        done = reconcile(world, Silent())
    assert differing(done) == {
        "persons": {"missing": [[str(goes)]], "extra": [[str(false)]], "changed": [[str(stays)]]},
        "countries": {"changed": [["XX"]]},
    }
    with pytest.raises(ContentDiffers) as caught:
        raise_if_different(done)
    assert "persons (1 missing, 1 too many, 1 different)" in caught.value.what
    kept = one(world.at_warehouse, "select differing_keys from ledger.reconciled_tables where missing > 0")[0]
    assert kept == {"missing": [[str(goes)]], "extra": [[str(false)]], "changed": [[str(stays)]]}


@pytest.mark.slow
def test_a_key_that_identifies_a_person_is_not_shown(world: Databases) -> None:
    subject = "urn:fdc:gov.uk:2022:nobody"
    with world.at_source() as trs:
        trs.execute("insert into one_login_users (subject) values (%s)", (subject,))
    replicate(world, Silent())
    with world.at_warehouse() as warehouse:
        warehouse.execute("set session_replication_role = replica")
        warehouse.execute("alter table one_login_users disable trigger user")
        warehouse.execute("delete from one_login_users")
    done = reconcile(world, Silent(), ["one_login_users"])
    with world.at_warehouse() as warehouse:
        hidden = hiding(warehouse, world.settings)(subject)
    assert hidden.startswith("hmac:")
    assert differing(done) == {"one_login_users": {"missing": [[hidden]]}}
    ledger = one(world.at_warehouse, "select jsonb_agg(t) from ledger.reconciled_tables as t")[0]
    assert subject not in json.dumps(ledger)
    assert [table.table for table in done.tables] == ["one_login_users"]


@pytest.mark.slow
def test_what_cannot_be_compared_is_refused(world: Databases) -> None:
    with pytest.raises(UsageError, match="nothing_of_the_kind"):
        reconcile(world, Silent(), ["nothing_of_the_kind"])
    with world.at_warehouse() as warehouse:
        warehouse.execute("update ledger.epochs set state = 'copying'")
    with pytest.raises(ReplicationError, match="no stream"):
        reconcile(world, Silent())


def at(microseconds: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def test_what_came_after_is_told_by_commit_times() -> None:
    # 7 began early and was committed late; 9 was committed before the position, at a clock that went back.
    assert later([(7, at(30)), (8, at(10)), (9, at(25)), (10, at(20))], [at(20), at(30), at(40)]) == {
        7: at(30),
        10: at(20),
    }


def test_a_tie_across_the_position_is_not_guessed() -> None:
    with pytest.raises(Unclear):
        later([(7, at(10)), (8, at(10))], [at(10), at(20)])
    assert later([(7, at(10)), (8, at(10))], [at(10), at(10)]) == {7: at(10), 8: at(10)}


def test_the_commit_time_of_a_begin_message() -> None:
    message = b"B" + bytes(8) + (1_000_001).to_bytes(8, "big") + bytes(4)
    assert begin_time(message) == datetime(2000, 1, 1, 0, 0, 1, 1, tzinfo=UTC)
