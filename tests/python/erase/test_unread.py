"""What the warehouse's user may not read is named, not passed over: the person may be in it."""

from __future__ import annotations

import psycopg
import pytest

from tests.python.conftest import FreshDatabases
from warehouse.erase import relations, rows
from warehouse.erase.rules import load_rules
from warehouse.erase.subject import Subject

THEIRS = """
create schema theirs;
create table theirs.people as select '1234567' as trn;
create schema shown;
grant usage on schema shown to erasing_owner;
create table shown.people as select '1234567' as trn;
create table shown.hidden as select '1234567' as trn;
alter table shown.hidden enable row level security;
create materialized view shown.unfilled as select '1234567' as trn with no data;
create table shown.closed as select '1234567' as trn;
grant usage on schema ledger to erasing_owner;
grant select on ledger.published_relations, ledger.made_here to erasing_owner;
grant select on shown.people, shown.hidden, shown.unfilled to erasing_owner;
"""


def test_tables_that_cannot_be_read_are_named(prepared: FreshDatabases) -> None:
    with prepared.warehouse() as warehouse:
        warehouse.execute("create role erasing_owner")
        try:
            warehouse.execute(THEIRS.encode())
            warehouse.execute("set role erasing_owner")
            others = relations.elsewhere(warehouse, load_rules())
            looked = rows.count_elsewhere(warehouse, others, Subject.given(None, "1234567"), lambda _: None)
        finally:
            warehouse.execute("reset role")
            warehouse.execute("drop owned by erasing_owner")
            warehouse.execute("drop role erasing_owner")
    assert [(found.place, found.theirs) for found in looked.found] == [("shown.people", 1)]
    assert looked.unread == ["shown.closed", "shown.hidden", "shown.unfilled", "theirs.people"]


def test_a_table_that_went_meanwhile_is_an_error(prepared: FreshDatabases) -> None:
    """Only what may not be read is left to its owner: nothing else is taken for it."""
    with prepared.warehouse() as warehouse:
        gone = relations.Elsewhere("public", "gone", 1)
        with pytest.raises(psycopg.errors.UndefinedTable):
            rows.count_elsewhere(warehouse, [gone], Subject.given(None, "1234567"), lambda _: None)
