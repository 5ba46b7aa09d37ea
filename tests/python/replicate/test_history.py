"""What the replica and its history hold after the source has changed, on real clusters."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.python.replicate.conftest import Sync
from tests.python.replicate.world import PERSON, insert, rows_digest
from warehouse.core.databases import Databases
from warehouse.replicate import load_classification, status

pytestmark = pytest.mark.slow


def test_the_first_copy_and_the_stream_meet_without_a_gap(world: Databases, sync: Sync) -> None:
    before, after = uuid.uuid4(), uuid.uuid4()
    with world.at_source() as trs:
        insert(trs, "persons", {**PERSON, "person_id": before, "trn": "1000001"})
        sync()
        insert(trs, "persons", {**PERSON, "person_id": after, "trn": "1000002"})
        sync()
    with world.at_warehouse() as warehouse:
        assert {row[0] for row in warehouse.execute("select person_id from persons")} == {before, after}
        # Both are versions with a time: the copied one that of the snapshot, the streamed one its commit's.
        times = warehouse.execute("select known_from from versions.persons order by known_from").fetchall()
        assert len(times) == 2
        assert all(time[0] is not None for time in times)
    assert status(world).state == "streaming"


def test_each_version_has_the_commit_time_of_the_source(world: Databases, sync: Sync) -> None:
    person = uuid.uuid4()
    with world.at_source() as trs:
        insert(trs, "persons", {**PERSON, "person_id": person, "trn": "1000001"})
        sync()
        trs.execute("update persons set last_name = 'Jones' where person_id = %s", (person,))
        between = trs.execute("select clock_timestamp()").fetchone()
        # Equal to a case-insensitive comparison, and yet another version.
        trs.execute("update persons set last_name = 'JONES' where person_id = %s", (person,))
        trs.execute("delete from persons where person_id = %s", (person,))
        sync()
    with world.at_warehouse() as warehouse:
        versions = warehouse.execute(
            "select last_name, ended_by, known_from < %(t)s, known_to <= %(t)s"
            " from versions.persons order by known_from",
            {"t": between[0] if between else None},
        ).fetchall()
        assert versions == [("Smith", "U", True, True), ("Jones", "U", True, False), ("JONES", "D", False, False)]
        assert warehouse.execute("select count(*) from persons").fetchone() == (0,)
        ends = warehouse.execute("select known_to from versions.persons order by known_from").fetchall()
        starts = warehouse.execute("select known_from from versions.persons order by known_from").fetchall()
        # A version ends at the very moment at which the next one begins.
        assert [end[0] for end in ends[:-1]] == [start[0] for start in starts[1:]]


def test_an_update_that_changes_nothing_published_is_no_version(world: Databases, sync: Sync) -> None:
    person = uuid.uuid4()
    with world.at_source() as trs:
        insert(trs, "persons", {**PERSON, "person_id": person, "trn": "1000001"})
        sync()
        trs.execute("update persons set status = status where person_id = %s", (person,))
        sync()
    with world.at_warehouse() as warehouse:
        assert warehouse.execute("select count(*) from history.persons").fetchone() == (0,)


def test_truncate_keeps_what_it_took(world: Databases, sync: Sync) -> None:
    with world.at_source() as trs:
        insert(
            trs,
            "tps_establishments",
            {
                "tps_establishment_id": uuid.uuid4(),
                "la_code": "330",
                "establishment_code": "0001",
                "employers_name": "A",
            },
        )
        sync()
        trs.execute("truncate tps_establishments")
        sync()
    with world.at_warehouse() as warehouse:
        assert warehouse.execute("select count(*) from tps_establishments").fetchone() == (0,)
        kept = warehouse.execute("select employers_name, ended_by from versions.tps_establishments").fetchall()
        assert kept == [("A", "T")]


def test_credentials_never_arrive(world: Databases, sync: Sync) -> None:
    marker = "never-in-the-warehouse"
    user = uuid.uuid4()
    event = {"ApplicationUser": {"Name": "Register", "ClientSecret": marker, "OneLoginPrivateKeyPem": marker}}

    def process_event() -> dict[str, Any]:
        return {
            "process_event_id": uuid.uuid4(),
            "process_id": uuid.uuid4(),
            "event_name": "ApplicationUserCreatedEvent",
            "payload": json.dumps(event),
            "person_ids": [],
            "created_on": "2026-01-01",
            "one_login_user_subjects": [],
            "support_task_references": [],
        }

    with world.at_source() as trs:
        insert(trs, "process_events", process_event())
        insert(
            trs,
            "users",
            {"user_id": user, "active": True, "user_type": 2, "name": "Register", "client_secret": marker},
        )
        sync()
        insert(trs, "process_events", process_event())
        trs.execute("update users set client_secret = %s, name = 'Register 2' where user_id = %s", (marker * 2, user))
        trs.execute("update process_events set event_name = 'Renamed'")
        sync()
    with world.at_warehouse() as warehouse:
        tables = warehouse.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('public', 'history')"
        ).fetchall()
        assert len(tables) == 3 * len(load_classification().published) + 2, (
            "replica, log and history, and the months that two tables have"
        )
        for (table,) in tables:
            leaked = warehouse.execute(f"select count(*) from {table} as t where t::text like %s", (f"%{marker}%",))
            assert leaked.fetchone() == (0,), table
        names = "select payload #>> '{ApplicationUser,Name}' from versions.process_events where ended_by = 'U'"
        assert warehouse.execute(names).fetchall() == [("Register",), ("Register",)]
        # Of an event that no rule knows its name alone is kept.
        assert warehouse.execute("select distinct event_name, payload from process_events").fetchall() == [
            ("Renamed", {})
        ]


def test_values_that_earlier_copies_broke_on(world: Databases, sync: Sync) -> None:
    """±infinity, dates before 1753 and after 9999, unchanged TOAST, a key that changes, reserved words as names."""
    person, event = uuid.uuid4(), uuid.uuid4()
    with world.at_source() as trs:
        sync()
        insert(
            trs,
            "persons",
            {
                **PERSON,
                "person_id": person,
                "trn": "0000001",
                "date_of_birth": "1066-10-14",
                "qts_date": "12026-01-01",
                "created_on": "-infinity",
                "updated_on": "infinity",
            },
        )
        large = json.dumps({"RejectionReason": "".join(uuid.uuid4().hex for _ in range(2_000))})
        insert(
            trs,
            "events",
            {
                "event_id": event,
                "event_name": "ChangeNameRequestSupportTaskRejectedEvent",
                "created": "2026-01-01",
                "inserted": "-infinity",
                "payload": large,
                "published": False,
                "person_ids": [person],
            },
        )
        trs.execute("update events set published = true")
        moved = uuid.uuid4()
        trs.execute("update persons set person_id = %s", (moved,))
        sync()
        with world.at_warehouse() as warehouse:
            for table in ("persons", "events"):
                assert rows_digest(trs, table) == rows_digest(warehouse, table)
    with world.at_warehouse() as warehouse:
        assert warehouse.execute("select person_id from versions.persons where ended_by = 'U'").fetchall() == [
            (person,)
        ]
        assert warehouse.execute("select person_id from persons").fetchall() == [(moved,)]
