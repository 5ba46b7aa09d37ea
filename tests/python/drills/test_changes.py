"""Every kind of change, and a stream that was off for long."""

from __future__ import annotations

import pytest
from psycopg import sql

from tests.python.drills.harness import Drill
from warehouse.replicate import load_classification
from warehouse.replicate.ledger import epochs
from warehouse.replicate.link import Ends
from warehouse.replicate.stream import continuity

pytestmark = pytest.mark.slow

KINDS = {
    "emptied at once": "relation = 'tps_establishments' and operation = 'T'",
    "a primary key that changes": "relation = 'persons' and old ->> 'person_id' <> new ->> 'person_id'",
    "half of a key that changes": "relation = 'trn_request_metadata' and old ->> 'request_id' <> new ->> 'request_id'",
    "an update and a delete by a key of two columns": "relation = 'trn_request_metadata' and operation = 'D'"
    " and exists (select from drill.journal as u where u.relation = j.relation and u.operation = 'U')",
    "a large value that stays": "relation = 'events' and operation = 'U' and old -> 'payload' = new -> 'payload'"
    " and pg_column_size(new -> 'payload') > 2500",
    "a large value that changes": "relation = 'events' and old -> 'payload' <> new -> 'payload'",
    "infinity": "relation = 'persons' and new ->> 'updated_on' = 'infinity'",
    "minus infinity": "relation = 'events' and new ->> 'inserted' = '-infinity'",
    "a year after 9999": "relation = 'persons' and new ->> 'qts_date' = '12026-01-01'",
    "a date before 1753": "relation = 'persons' and new ->> 'date_of_birth' = '1066-10-14'",
    "the same but for its case": "relation = 'persons' and new ->> 'last_name' = 'O''BRIEN'",
    "rows that go with another": "relation = 'qualifications' and operation = 'D'",
}
"""What the load has to have done for the drill to prove anything, as conditions on the source's journal."""


def test_stream_that_was_off_for_long(drill: Drill) -> None:
    """Somebody switched it off; the source keeps all the WAL meanwhile, and all of it arrives."""
    drill.sync()
    drill.begin(pause=0.002)
    drill.work(50)
    name = sql.Identifier(drill.name)
    with drill.databases.at_warehouse() as warehouse, drill.databases.at_source() as source:
        warehouse.execute(sql.SQL("alter subscription {} disable").format(name))
        for _ in range(4):
            drill.work(150)
            source.execute("select pg_switch_wal()")
            source.execute("checkpoint")
        kept = source.execute(
            "select pg_current_wal_lsn() - restart_lsn from pg_replication_slots where slot_name like %s",
            (drill.name + "%",),
        ).fetchone()
        assert kept is not None and kept[0] > 3 * 16 * 1024 * 1024, "the source kept no WAL to speak of"
    drill.finish()
    with drill.databases.at_source() as source:
        for kind, condition in KINDS.items():
            found = source.execute(f"select count(*) from drill.journal as j where {condition}".encode()).fetchone()
            assert found and found[0] > 0, f"the load never made: {kind}"


def test_first_copy_under_load(drill: Drill) -> None:
    """What the copy brought and what the stream brought meet without a gap or an overlap."""
    drill.begin(pause=0.002)
    for _ in range(2):
        drill.work(100)
        drill.sync()
    drill.finish()
    with drill.databases.at_warehouse() as warehouse:
        brought = warehouse.execute("select distinct operation::text from versions.persons order by 1").fetchall()
    assert brought == [("C",), ("I",), ("U",)]


def test_guard_of_a_stream_that_runs(drill: Drill) -> None:
    """However busy source and stream are, nothing that the guard looks at is taken for a gap or a rewound source."""
    drill.sync()
    drill.begin(pause=0)
    with drill.databases.at_source() as source, drill.databases.at_warehouse() as warehouse:
        epoch = epochs.current(warehouse, drill.name)
        assert epoch is not None
        ends = Ends(drill.databases, source, warehouse, load_classification(), epoch)
        for _ in range(60):
            _, finding = continuity.examine(ends)
            assert finding is None, finding
    drill.finish()
