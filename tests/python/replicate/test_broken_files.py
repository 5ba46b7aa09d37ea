"""Files that a server cannot read any more: WAL that cannot be decoded is a lost slot, a damaged page has a name."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.python.conftest import WorldDatabases
from tests.python.replicate.trouble import (
    Writer,
    equal,
    history_is_sound,
    one,
    open_conflicts,
    populate,
    slot_of,
)
from tests.python.waiting import until
from warehouse.core.databases import SOURCE, WAREHOUSE
from warehouse.core.errors import PageDamaged, SlotLost, SourceNotReady
from warehouse.core.progress import Silent
from warehouse.replicate import replicate, status
from warehouse.replicate.compare.reconcile import reconcile
from warehouse.replicate.repair import repair
from warehouse.replicate.stream import decoding, subscription
from warehouse.replicate.stream.mark import emit_mark
from warehouse.replicate.stream.slot import NewSlot, create_slot, drop_slot
from warehouse.replicate.stream.source_state import replication_connection

pytestmark = pytest.mark.slow


@pytest.fixture
def own(own: WorldDatabases) -> WorldDatabases:
    """With people, and a stream in order."""
    populate(own)
    replicate(own, Silent())
    return own


def remove_wal(trs: psycopg.Connection, data: Path, slot: str) -> str:
    """Take away the segment that the slot reads next, as somebody does who makes room on a full disk."""
    for _ in range(2):
        trs.execute("select pg_switch_wal()")
        trs.execute("update persons set last_name = last_name || 'x' where trn < '0000003'")
    trs.execute("checkpoint")
    row = trs.execute(
        "select pg_walfile_name(restart_lsn) from pg_replication_slots where slot_name = %s", (slot,)
    ).fetchone()
    assert row is not None
    (data / "pg_wal" / row[0]).unlink()
    return "has already been removed"


def test_wal_that_cannot_be_decoded_is_a_lost_slot(own: WorldDatabases) -> None:
    """Found by a run, and by `status` when nobody has run anything since the stream went off by itself."""
    name, data = own.settings.warehouse_replication_name, own.cluster(SOURCE).data
    for number in (1, 2):
        with own.at_source() as trs, own.at_warehouse() as warehouse:
            subscription.stop(warehouse, name)
            remove_wal(trs, data, slot_of(own))
        if number == 1:
            with pytest.raises(SlotLost, match="has already been removed") as caught:
                replicate(own, Silent())
            assert caught.value.exit_code == 50 and "cannot read its WAL" in caught.value.what
        told = status(own)
        assert (told.state, told.exit_code) == ("slot lost", 50), told.reasons
        assert "warehouse replicate repair" in told.reasons[0].next_command
        with pytest.raises(SlotLost, match="has already been removed"):
            open_conflicts(own)
        done = repair(own, Silent())
        assert done.gap is not None and done.gap.rows_updated > 0 and "already been removed" in done.gap.reason
        replicate(own, Silent())
        assert status(own).exit_code == 0
        assert equal(own)
        assert one(own.at_warehouse, "select count(*), count(repaired_at) from ledger.gaps") == (number, number)
        assert one(own.at_warehouse, "select count(*) from ledger.epochs") == (number + 1,), "a new life of the slot"
    history_is_sound(own)


def test_a_slot_of_no_use_is_made_again_and_none_is_left_when_all_are(own: WorldDatabases) -> None:
    publication, data = own.settings.warehouse_replication_name, own.cluster(SOURCE).data
    made = []

    def create(usable_from: int) -> NewSlot:
        made.append(1)
        with replication_connection(own.source_conninfo) as connection:
            slot = create_slot(connection, "tried")
        if len(made) < usable_from:
            with own.at_source() as trs:
                remove_wal(trs, data, "tried")
        return slot

    with own.source() as trs:
        slot = decoding.decodable_slot(trs, "tried", publication, lambda: create(3))
        decoding.try_out(trs, "tried", publication, emit_mark(trs).lsn)
        assert len(made) == 3 and slot.lsn
        drop_slot(trs, "tried")
        made.clear()
        with pytest.raises(SourceNotReady, match="none can be decoded"):
            decoding.decodable_slot(trs, "tried", publication, lambda: create(100))
        left = trs.execute("select count(*) from pg_replication_slots where slot_name = 'tried'").fetchone()
        assert left == (0,)


def transaction(databases: WorldDatabases) -> psycopg.Connection:
    """A session with an open transaction that has its number."""
    session = databases.at_source()
    session.execute("begin")
    session.execute("select pg_current_xact_id()")
    return session


class TruncatedMeanwhile:
    """Makes a slot, the first one while a table is truncated in just the moments that PostgreSQL 18.6 gets wrong.

    The slot waits for an open transaction, and then for those that had begun meanwhile. The truncation began and ended
    within the first wait, and a transaction older than it is still open in the second: so the view of the catalogue
    that the slot takes in between lacks it.
    """

    def __init__(self, databases: WorldDatabases, *statements: str) -> None:
        self._databases, self._statements, self.made = databases, statements, 0

    def __call__(self, connection: psycopg.Connection, slot: str) -> NewSlot:
        self.made += 1
        if self.made > 1:
            return create_slot(connection, slot)
        with transaction(self._databases) as first, ThreadPoolExecutor(1) as beside:
            making = beside.submit(create_slot, connection, slot)
            self._until_it_waits_for(first, connection)
            with transaction(self._databases) as older:
                with self._databases.at_source() as trs:
                    trs.execute("truncate tps_establishments")
                first.execute("commit")
                self._until_it_waits_for(older, connection)
                with transaction(self._databases) as writing:
                    writing.execute(COUNTRY)
                    older.execute("commit")
                    made = making.result()
                    for statement in self._statements:
                        writing.execute(statement.encode())
                    writing.execute("commit")
        return made

    def _until_it_waits_for(self, holder: psycopg.Connection, waiter: psycopg.Connection) -> None:
        pids = holder.info.backend_pid, waiter.info.backend_pid
        query = "select %s = any(pg_blocking_pids(%s))"
        until("the slot waits for a transaction", lambda: one(self._databases.at_source, query, *pids)[0])


COUNTRY = "insert into countries (country_id, name, official_name, citizen_names) values ('QQ', 'a', 'a', 'a')"
ESTABLISHMENT = "insert into tps_establishments values (gen_random_uuid(), '000', '0000', 'a')"


@pytest.mark.parametrize("at_once", [True, False])
def test_a_slot_that_cannot_map_a_filenumber_is_made_again_and_one_that_could_not_later_is_mended(
    prepared: WorldDatabases, at_once: bool
) -> None:
    """What writes to the truncated table was under way when the slot was made; or it comes when all is over."""
    name, slot = prepared.settings.warehouse_replication_name, f"{prepared.settings.warehouse_replication_name}_1"
    create = TruncatedMeanwhile(prepared, *([ESTABLISHMENT] if at_once else []))
    with prepared.at_source() as trs:
        trs.execute(f"create publication {name} for table countries (country_id)".encode())
    with prepared.source() as trs, replication_connection(prepared.source_conninfo) as connection:
        decoding.decodable_slot(trs, slot, name, lambda: create(connection, slot))
        with prepared.at_source() as writing:
            writing.execute(ESTABLISHMENT.encode())
        decoding.try_out(trs, slot, name, emit_mark(trs).lsn)
        drop_slot(trs, slot)
    assert create.made == (2 if at_once else 1)


SLOTS = 12


def test_slots_that_are_made_while_tables_are_truncated_can_be_decoded(prepared: WorldDatabases) -> None:
    """One in fifteen cannot, as PostgreSQL 18.6 makes them (docs/adr/0023): those are noticed and made again."""
    stop = threading.Event()
    name = prepared.settings.warehouse_replication_name

    def truncate() -> None:
        with prepared.at_source() as trs:
            while not stop.is_set():
                with trs.transaction():
                    trs.execute("truncate tps_establishments")
                    trs.execute(
                        "insert into countries (country_id, name, official_name, citizen_names)"
                        " values (left(md5(random()::text), 10), 'a', 'a', 'a') on conflict do nothing"
                    )

    with prepared.at_source() as trs:
        trs.execute(f"create publication {name} for table countries (country_id)".encode())
    writers = [threading.Thread(target=truncate) for _ in range(4)]
    for writer in writers:
        writer.start()
    try:
        with prepared.source() as trs:
            for number in range(SLOTS):
                slot = f"{name}_{number}"
                with replication_connection(prepared.source_conninfo) as connection:
                    decoding.decodable_slot(
                        trs,
                        slot,
                        name,
                        lambda: create_slot(connection, slot),  # noqa: B023 - called here
                    )
                decoding.try_out(trs, slot, name, emit_mark(trs).lsn)
                drop_slot(trs, slot)
    finally:
        stop.set()
        for writer in writers:
            writer.join()


@pytest.mark.parametrize("side", [WAREHOUSE, SOURCE])
def test_a_damaged_page_has_a_name_and_a_way_out(own: WorldDatabases, side: str) -> None:
    at = own.at_warehouse if side == WAREHOUSE else own.at_source
    path = own.cluster(side).data / one(at, "select pg_relation_filepath('persons')")[0]
    with at() as connection:
        connection.execute("vacuum persons")
    own.cluster(side).stop()
    content = path.read_bytes()
    path.write_bytes(b"\xff" * 8192 + content[8192:])
    own.cluster(side).start()
    replicate(own, Silent())
    where = "warehouse" if side == WAREHOUSE else "operational database"
    for command in (
        lambda: reconcile(own, Silent(), ["persons"]),
        lambda: repair(own, Silent(), depth="full"),
    ):
        with pytest.raises(PageDamaged, match=f"The {where} cannot read all of table persons") as caught:
            command()
        assert caught.value.exit_code == 68
        with own.warehouse() as warehouse:
            assert subscription.is_enabled(warehouse, own.settings.warehouse_replication_name)
    if side == SOURCE:
        assert "administrator" in caught.value.next_command
        own.cluster(side).stop()
        path.write_bytes(content)
        own.cluster(side).start()
    else:
        with own.at_warehouse() as warehouse:
            for statement in ("set zero_damaged_pages = on", "vacuum (full) public.persons"):
                assert statement.split(" (")[0].split(" =")[0] in caught.value.next_command.lower()
                warehouse.execute(statement.encode())
        done = repair(own, Silent(), depth="all")
        assert done.gap is not None and done.gap.rows_inserted > 0
    replicate(own, Silent())
    assert equal(own)
    assert status(own).exit_code == 0
    writer = Writer(own)
    with own.at_source() as trs:
        writer.one(trs)
    replicate(own, Silent())
    assert equal(own)
