"""A server's lists of subscriptions have those of all its databases, also one of the same name as ours."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.python.conftest import WorldDatabases
from tests.python.replicate.trouble import equal, one, populate
from warehouse.core.progress import Silent
from warehouse.core.settings import PROJECT
from warehouse.replicate import replicate, status
from warehouse.replicate.stream import lsn, subscription


@pytest.fixture
def shared(own: WorldDatabases) -> Iterator[WorldDatabases]:
    """The warehouse's server has another database, with a subscription of our name that was there first, and runs."""
    name = own.settings.warehouse_replication_name
    with own.at_warehouse() as warehouse, own.at_source() as trs:
        warehouse.execute("create database another")
        trs.execute("create publication somebodys")
    statement = sql.SQL("create subscription {} connection {} publication somebodys with (slot_name = somebodys)")
    with psycopg.connect(make_conninfo(own.warehouse_conninfo, dbname="another"), autocommit=True) as another:
        another.execute(statement.format(sql.Identifier(name), sql.Literal(own.source_conninfo)))
    populate(own)
    yield own


@pytest.mark.slow
def test_a_subscription_of_our_name_in_another_database_is_not_taken_for_ours(shared: WorldDatabases) -> None:
    name = shared.settings.warehouse_replication_name
    replicate(shared, Silent())
    with shared.at_source() as trs:
        trs.execute("update persons set first_name = 'Q'")
    replicate(shared, Silent())
    assert equal(shared)
    assert status(shared, pause=0.2).reasons == []
    (ours,) = one(
        shared.at_warehouse,
        "select 'pg_' || s.oid from pg_subscription as s join pg_database as d on d.oid = s.subdbid"
        " where d.datname = current_database()",
    )
    with shared.at_warehouse() as warehouse:
        assert subscription.origin_name(warehouse, name) == ours
        assert lsn.applied_lsn(warehouse, name)
    # What the stream applied has its time, by the origin of our own subscription.
    assert one(shared.at_warehouse, "select count(*) > 0 from ledger.transactions where kind = 'stream'") == (True,)


@pytest.mark.slow
def test_stopping_waits_for_no_stream_of_another_database(
    shared: WorldDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = shared.settings.warehouse_replication_name
    replicate(shared, Silent())
    monkeypatch.setattr(subscription, "STALLED_SECONDS", 20)
    with shared.at_warehouse() as warehouse:
        subscription.stop(warehouse, name)
        assert not subscription.is_enabled(warehouse, name)
        subscription.drop(warehouse, name)
        assert not subscription.exists(warehouse, name)
        assert warehouse.execute("select count(*) from pg_subscription").fetchone() == (1,)


def test_no_statement_takes_a_subscription_by_its_name_alone() -> None:
    """The statistics have no database, and are asked by the number; pg_subscription_rel is each database's own."""
    asked = [
        (file.name, text.value)
        for file in (PROJECT / "warehouse").rglob("*.py")
        for text in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(text, ast.Constant) and isinstance(text.value, str) and "subname = %" in text.value
    ]
    assert asked
    assert [one for one in asked if "subdbid" not in one[1] and "pg_subscription_rel" not in one[1]] == []
