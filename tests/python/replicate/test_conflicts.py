"""A row that cannot be applied: found, explained, recorded and, on command, skipped."""

from __future__ import annotations

import uuid

import pytest
from psycopg import sql

from tests.python.replicate.conftest import Sync
from tests.python.replicate.trouble import open_conflicts, skip_transaction
from tests.python.replicate.world import PERSON, insert, rows_digest
from tests.python.waiting import until
from warehouse.core.databases import Databases
from warehouse.core.errors import ReplicationError, UsageError
from warehouse.core.keyed_hashes import hiding
from warehouse.core.progress import Silent
from warehouse.core.writer import write_on_purpose
from warehouse.replicate import door, replicate, status
from warehouse.replicate.compare.confirm import confirm_equal
from warehouse.replicate.conflicts.conflicts import Conflict
from warehouse.replicate.conflicts.pending import first_pending
from warehouse.replicate.conflicts.pgoutput import Change, End, Transaction, decode
from warehouse.replicate.ledger import epochs
from warehouse.replicate.masking import Hidden

SECRET = "Verysecretname"


@pytest.fixture
def world(world: Databases, sync: Sync) -> Databases:
    """A stream in good order."""
    sync()
    add_person(world)
    sync()
    return world


def add_person(databases: Databases, person: uuid.UUID | None = None) -> uuid.UUID:
    person = person or uuid.uuid4()
    with databases.at_source() as trs:
        # Only what is durable can be looked up in the slot, and the tests' servers leave that for later.
        trs.execute("set synchronous_commit = on")
        insert(trs, "persons", {**PERSON, "person_id": person, "trn": person.hex[:7], "last_name": SECRET})
    return person


def until_off(databases: Databases) -> None:
    """Wait until PostgreSQL has come to the row and has given up."""
    name = databases.settings.warehouse_replication_name
    with databases.at_warehouse() as warehouse, databases.at_source() as trs:

        def is_off() -> bool:
            on = warehouse.execute("select subenabled from pg_subscription where subname = %s", (name,)).fetchone()
            held = trs.execute("select bool_or(active) from pg_replication_slots where database = current_database()")
            return on == (False,) and held.fetchone() == (False,)

        until("the stream is off", is_off)


def in_order(databases: Databases) -> list[int]:
    """The rows of each transaction that waits, as they come when one after the other counts as applied."""
    name = databases.settings.warehouse_replication_name
    found, applied = [], 0
    with databases.at_warehouse() as warehouse, databases.at_source() as trs:
        epoch = epochs.current(warehouse, name)
        assert epoch is not None
        for _ in range(10):
            # The slot stands where it stands; what is applied may be further on.
            pending = first_pending(trs, epoch.slot_name, name, applied, Hidden(frozenset(), str))
            found.append(sum(pending.rows.values()) if pending else 0)
            if pending is None:
                break
            applied = pending.end_lsn
    return found


def by_hand(databases: Databases, *statements: str) -> None:
    with databases.at_warehouse() as warehouse, warehouse.transaction():
        write_on_purpose(warehouse, "test")
        for statement in statements:
            warehouse.execute(statement.encode())


def only(databases: Databases) -> Conflict:
    (conflict,) = open_conflicts(databases)
    return conflict


@pytest.mark.slow
def test_a_unique_conflict_is_found_explained_and_mended(world: Databases) -> None:
    person = uuid.uuid4()
    with world.at_warehouse() as warehouse:
        with warehouse.transaction():
            write_on_purpose(warehouse, "test")
            insert(warehouse, "persons", {**PERSON, "person_id": person, "trn": "1111111"})
        with world.at_source() as trs, trs.transaction():
            for number in range(3):
                insert(trs, "persons", {**PERSON, "person_id": uuid.uuid4(), "trn": f"222222{number}"})
            insert(trs, "persons", {**PERSON, "person_id": person, "trn": "3333333", "last_name": SECRET})
        waiting = add_person(world)
        until_off(world)
        assert in_order(world) == [4, 1, 0]

        conflict = only(world)
        assert (conflict.kind, conflict.table, conflict.operation) == ("unique", "persons", "insert")
        assert conflict.key == {"person_id": str(person)}
        assert conflict.constraint == "persons_pkey"
        assert conflict.rows == 4
        assert conflict.committed_at is not None
        told = conflict.finding().as_error()
        assert told.exit_code == 56
        assert f"--lsn {conflict.lsn}" in told.next_command
        assert SECRET not in str(vars(told))
        everything = warehouse.execute("select string_agg(c::text, ' ') from ledger.conflicts as c").fetchone()
        assert everything is not None and SECRET not in everything[0]

        now = status(world, pause=0.2)
        assert (now.state, now.exit_code) == ("conflict", 56)
        # Looking again and again finds the one conflict, and changes nothing here.
        assert only(world).lsn == conflict.lsn
        assert warehouse.execute("select count(*) from persons where trn like '222222%'").fetchone() == (0,)

        with warehouse.transaction():
            write_on_purpose(warehouse, "test")
            warehouse.execute("delete from persons where person_id = %s", (person,))
        replicate(world, Silent())
        assert open_conflicts(world) == []
        assert [c.state for c in open_conflicts(world, every=True)] == ["resolved"]
        assert warehouse.execute("select 1 from persons where person_id = %s", (waiting,)).fetchone()
        with world.at_source() as trs:
            assert rows_digest(trs, "persons") == rows_digest(warehouse, "persons")


KINDS = [
    # kind, what somebody does here, a word of the explanation, what mends it
    (
        "check",
        "alter table persons add constraint rule check (trn <> '{trn}')",
        "rule rule",
        "alter table persons drop constraint rule",
    ),
    (
        "not null",
        "alter table persons add constraint dob not null date_of_birth not valid",
        "date_of_birth",
        "alter table persons drop constraint dob",
    ),
    (
        "type",
        "alter table persons add constraint odd check (trn::int / (trn::int - {trn}) is not null) not valid",
        "does not fit",
        "alter table persons drop constraint odd",
    ),
    (
        "missing column",
        "alter table persons rename column trn to trn_old",
        "persons.trn",
        "alter table persons rename column trn_old to trn",
    ),
    (
        "trigger",
        "create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$;"
        "create trigger zz before insert on persons for each row execute function refuse();"
        "alter table persons enable always trigger zz",
        "trigger of persons",
        "drop trigger zz on persons",
    ),
]


@pytest.mark.slow
def test_each_kind_has_its_explanation_and_the_stream_goes_on_when_it_is_mended(world: Databases) -> None:
    with world.at_source() as trs, world.at_warehouse() as warehouse:
        for number, (kind, here, word, mended) in enumerate(KINDS):
            trn = f"77777{number:02d}"
            by_hand(world, here.format(trn=trn) if "{trn}" in here else here)
            insert(trs, "persons", {**PERSON, "person_id": uuid.uuid4(), "trn": trn})
            until_off(world)
            conflict = only(world)
            assert (conflict.kind, conflict.table) == (kind, "persons")
            assert word in conflict.what
            assert (
                "persons" in conflict.finding().as_error().next_command
                or "drift" in conflict.finding().as_error().next_command
            )
            by_hand(world, mended)
            replicate(world, Silent())
            assert open_conflicts(world) == []
        assert rows_digest(trs, "persons") == rows_digest(warehouse, "persons")


@pytest.mark.slow
def test_a_stream_that_was_only_interrupted_is_no_conflict(world: Databases) -> None:
    name = sql.Identifier(world.settings.warehouse_replication_name)
    with world.at_warehouse() as warehouse:
        warehouse.execute(sql.SQL("alter subscription {} disable").format(name))
        until_off(world)
        add_person(world)
        assert open_conflicts(world) == []
        assert status(world, pause=0.2).state == "stopped"


@pytest.mark.slow
def test_skipping_gives_up_exactly_one_transaction_and_keeps_a_record(world: Databases) -> None:
    person = uuid.uuid4()
    with world.at_warehouse() as warehouse, world.at_source() as trs:
        with warehouse.transaction():
            write_on_purpose(warehouse, "test")
            insert(warehouse, "persons", {**PERSON, "person_id": person, "trn": "1111111"})
        before = add_person(world)
        lost = uuid.uuid4()
        with trs.transaction():
            insert(trs, "persons", {**PERSON, "person_id": lost, "trn": "2222222", "last_name": SECRET})
            insert(trs, "persons", {**PERSON, "person_id": person, "trn": "3333333", "last_name": SECRET})
            trs.execute("delete from alerts")
        after = add_person(world)
        until_off(world)
        conflict = only(world)

        with pytest.raises(UsageError, match="does not wait at 0/1"):
            skip_transaction(world, lsn="0/1", because="a typing error", decided_by="ann")
        assert warehouse.execute("select count(*) from ledger.skipped_transactions").fetchone() == (0,)

        done = skip_transaction(world, lsn=conflict.lsn, because="known twice", decided_by="ann")
        assert done.rows == {"persons": 2}
        replicate(world, Silent())
        here = {row[0] for row in warehouse.execute("select person_id from persons")}
        assert {before, after, person} <= here
        assert lost not in here

        row = warehouse.execute(
            "select lsn::text, decided_by, because, state, rows, tables from ledger.skipped_transactions"
        ).fetchone()
        assert row is not None
        assert row[:5] == (conflict.lsn, "ann", "known twice", "skipped", 2)
        assert row[5] == {"persons": {"rows": 2, "keys": [{"person_id": str(lost)}, {"person_id": str(person)}]}}
        assert SECRET not in str(row)
        assert [c.state for c in open_conflicts(world, every=True)] == ["skipped"]
        now = status(world, pause=0.2)
        assert now.state == "streaming"
        assert [found.code for found in now.reasons] == ["skipped"]

        # Nothing waits any more, so nothing can be skipped.
        with pytest.raises(UsageError, match="not waiting"):
            skip_transaction(world, lsn=conflict.lsn, because="again", decided_by="ann")

        # A comparison of all that was given up settles it.
        with door.connected(world) as ends:
            confirm_equal(ends, ["alerts"])
            assert [found.code for found in status(world, pause=0.2).reasons] == ["skipped"]
            confirm_equal(ends, list(ends.published))
            assert status(world, pause=0.2).reasons == []


@pytest.mark.slow
def test_two_conflicts_one_after_the_other(world: Databases) -> None:
    first, second = uuid.uuid4(), uuid.uuid4()
    with world.at_warehouse() as warehouse:
        with warehouse.transaction():
            write_on_purpose(warehouse, "test")
            for person in (first, second):
                insert(warehouse, "persons", {**PERSON, "person_id": person, "trn": person.hex[:7]})
        add_person(world, first)
        add_person(world, second)
        until_off(world)
        one = only(world)
        skip_transaction(world, lsn=one.lsn, because="b", decided_by="ann")
        until_off(world)
        other = only(world)
        assert other.lsn != one.lsn
        assert other.key == {"person_id": str(second)}


@pytest.mark.slow
def test_a_run_tells_the_conflict(world: Databases) -> None:
    person = uuid.uuid4()
    with world.at_warehouse() as warehouse, warehouse.transaction():
        write_on_purpose(warehouse, "test")
        insert(warehouse, "persons", {**PERSON, "person_id": person, "trn": "1111111"})
    add_person(world, person)
    until_off(world)
    with pytest.raises(ReplicationError):
        replicate(world, Silent())


@pytest.mark.slow
def test_a_sensitive_key_is_only_known_by_its_hash(world: Databases) -> None:
    subject = "urn:fdc:gov.uk:2022:a-persons-own"
    with world.at_warehouse() as warehouse:
        hashed = hiding(warehouse, world.settings)(subject)
        assert hashed.startswith("hmac:")
        with warehouse.transaction():
            write_on_purpose(warehouse, "test")
            insert(warehouse, "one_login_users", {"subject": subject})
        with world.at_source() as trs:
            insert(trs, "one_login_users", {"subject": subject})
        until_off(world)
        conflict = only(world)
        assert (conflict.kind, conflict.key) == ("unique", {"subject": hashed})
        skip_transaction(world, lsn=conflict.lsn, because="b", decided_by="ann")
        warehouse.execute("delete from one_login_users")
        (found,) = [found for found in status(world, pause=0.2).reasons if found.code == "rows_altered"]
        # A trigger has no key: it keeps nothing of a sensitive key, and its number leads to the rows.
        assert "one_login_users (delete, 1 rows, such as (hidden))" in found.what
        ledgers = warehouse.execute(
            "select (select string_agg(s::text, '') from ledger.skipped_transactions as s)"
            " || (select string_agg(h::text, '') from ledger.hand_writes as h)"
            " || (select string_agg(c::text, '') from ledger.conflicts as c)"
        ).fetchone()
        assert ledgers is not None
        assert ledgers[0].count(hashed) == 2
        assert "md5" not in ledgers[0]
        assert subject not in ledgers[0]


# -- the messages ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_messages_of_the_engine_are_read_as_they_were_meant(databases: Databases) -> None:
    """Against PostgreSQL itself: key changes, unchanged large values, nulls, truncates, several tables."""
    with databases.at_source() as trs:
        trs.execute("create table a (k int, l text, v text, big text, primary key (k, l))")
        trs.execute("alter table a alter column big set storage external")
        trs.execute("create table b (k int primary key)")
        trs.execute("create publication p for table a (k, l, v, big), b")
        slot = f"slot_{uuid.uuid4().hex[:8]}"
        trs.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", (slot,))
        try:
            with trs.transaction():
                trs.execute("insert into a values (1, 'x', null, repeat('y', 9000)), (2, 'ü', 'v', '')")
                trs.execute("update a set v = 'w' where k = 1")
                trs.execute("update a set k = 3 where k = 2")
                trs.execute("delete from a where k = 3")
            trs.execute("truncate a, b")
            peeked = trs.execute(
                "select data from pg_logical_slot_peek_binary_changes(%s, null, null, 'proto_version', '1',"
                " 'publication_names', 'p')",
                (slot,),
            ).fetchall()
        finally:
            trs.execute("select pg_drop_replication_slot(%s)", (slot,))
    items = list(decode(row[0] for row in peeked))
    changes = [item for item in items if isinstance(item, Change)]
    assert [(c.operation, c.relation.table, c.found_by) for c in changes] == [
        ("insert", "a", {"k": "1", "l": "x"}),
        ("insert", "a", {"k": "2", "l": "ü"}),
        ("update", "a", {"k": "1", "l": "x"}),
        ("update", "a", {"k": "2", "l": "ü"}),
        ("delete", "a", {"k": "3", "l": "ü"}),
        ("truncate", "a", {"k": None, "l": None}),
        ("truncate", "b", {"k": None}),
    ]
    assert changes[0].new["v"] is None
    assert changes[3].new["k"] == "3"
    assert type(changes[2].new["big"]).__name__ == "Unchanged"
    assert "yyy" not in repr(changes[0]), "a change is never printed with its values"
    begins = [item for item in items if isinstance(item, Transaction)]
    ends = [item for item in items if isinstance(item, End)]
    assert [b.lsn for b in begins] == [e.lsn for e in ends]
    assert all(e.end_lsn > e.lsn for e in ends)
