"""An operational database that cannot be replicated from: each reason has its message, and nothing is changed."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

import sandbox.schema
from tests.python.conftest import FAST, make_databases
from warehouse.core.databases import SOURCE, Databases
from warehouse.core.errors import (
    ClassificationError,
    DatabaseUnreachable,
    MissingPrivilege,
    ReplicationError,
    SettingsError,
    SlotLost,
    SlotTaken,
    WalLevelNotLogical,
)
from warehouse.core.finding import first_failed
from warehouse.core.postgres import Cluster, find_binaries
from warehouse.core.progress import Silent
from warehouse.replicate import load_classification, replicate
from warehouse.replicate.catalog import identity, relations
from warehouse.replicate.preflight import rules
from warehouse.replicate.preflight.facts import Facts, read_source, read_warehouse
from warehouse.replicate.stream.slot import drop_slot

pytestmark = pytest.mark.slow


def untouched(databases: Databases) -> bool:
    """Whether neither database has anything of replication in it."""
    name = databases.settings.warehouse_replication_name
    with databases.at_source() as trs, databases.at_warehouse() as warehouse:
        slot = trs.execute("select 1 from pg_replication_slots where starts_with(slot_name, %s)", (name,)).fetchone()
        replica = warehouse.execute("select to_regclass('public.persons')").fetchone()
        epoch = warehouse.execute("select 1 from ledger.epochs where state <> 'ended'").fetchone()
    return slot is None and replica == (None,) and epoch is None


def as_role(databases: Databases, monkeypatch: pytest.MonkeyPatch, role: str, *statements: str) -> None:
    """Go on as another user of the operational database."""
    with databases.at_source() as trs:
        name = sql.Identifier(role)
        trs.execute(sql.SQL("drop role if exists {}").format(name))
        trs.execute(sql.SQL("create role {} login password 'p'").format(name))
        for statement in statements:
            trs.execute(sql.SQL(statement).format(role=name))
    conninfo = make_conninfo(databases.source_conninfo, user=role, password="p")
    monkeypatch.setitem(databases._urls, "trs", conninfo)  # type: ignore[attr-defined]


def test_nobody_answers(world: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    address = "postgresql://ann:hunter2@127.0.0.1:1/trs"
    monkeypatch.setitem(world._urls, "trs", address)  # type: ignore[attr-defined]
    with pytest.raises(DatabaseUnreachable) as caught:
        replicate(world, Silent())
    assert "127.0.0.1:1/trs as ann" in caught.value.what
    assert "refused" in caught.value.what
    assert "hunter2" not in str(vars(caught.value))


def test_a_wrong_password(world: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = make_conninfo(world.source_conninfo, password="hunter2")
    monkeypatch.setitem(world._urls, "trs", wrong)  # type: ignore[attr-defined]
    with pytest.raises(DatabaseUnreachable, match="password authentication failed") as caught:
        replicate(world, Silent())
    assert "hunter2" not in str(vars(caught.value))


def test_not_a_connection_string(world: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(world._urls, "trs", "postgresql://host:port/db")  # type: ignore[attr-defined]
    with pytest.raises((SettingsError, DatabaseUnreachable), match=r"TRS_DATABASE_URL|port"):
        replicate(world, Silent())


def test_wal_level_is_not_logical(short_folder: Path) -> None:
    cluster = Cluster("plain", short_folder / "plain", find_binaries(), FAST)
    cluster.start()
    try:
        url = cluster.conninfo("postgres")
        with psycopg.connect(url) as connection:
            facts = Facts(read_source(connection, "public", {}, "trw", None), read_warehouse(connection, "trw"), {}, 0)
    finally:
        cluster.stop()
    refused = first_failed(rules.examine(facts, rules.TO_STREAM))
    assert refused is not None
    assert (refused.error, "wal_level = replica" in refused.what) == (WalLevelNotLogical, True)


def test_a_user_who_may_not_replicate(world: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = world.source_conninfo
    as_role(world, monkeypatch, "reader", "grant select on all tables in schema public to {role}")
    with pytest.raises(MissingPrivilege) as caught:
        replicate(world, Silent())
    assert 'ALTER ROLE "reader" REPLICATION' in caught.value.next_command
    monkeypatch.setitem(world._urls, "trs", owner)  # type: ignore[attr-defined]
    assert untouched(world)


def test_a_user_who_may_not_read(world: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = world.source_conninfo
    as_role(world, monkeypatch, "stranger", "alter role {role} replication")
    with pytest.raises(MissingPrivilege, match="may not read every published column of alert_categories"):
        replicate(world, Silent())
    monkeypatch.setitem(world._urls, "trs", owner)  # type: ignore[attr-defined]
    assert untouched(world)


def test_a_user_who_may_not_publish(world: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = world.source_conninfo
    grants = ("alter role {role} replication", "grant select on all tables in schema public to {role}")
    as_role(world, monkeypatch, "sender", *grants)
    with pytest.raises(MissingPrivilege, match="publication") as caught:
        replicate(world, Silent())
    assert "warehouse replicate sql" in caught.value.next_command
    monkeypatch.setitem(world._urls, "trs", owner)  # type: ignore[attr-defined]
    assert untouched(world)


def test_a_column_that_nobody_has_classified_stays_behind(world: Databases) -> None:
    with world.at_source() as trs:
        trs.execute("alter table persons add column shoe_size int default 42")
        trs.execute("create table surprises (surprise_id int primary key)")
        trs.execute("update persons set shoe_size = 43")
        _, held = replicate(world, Silent())
        assert str(held) == "persons.shoe_size, table surprises"
        # It came while the stream was running: nothing breaks, nothing leaks.
        trs.execute("alter table alerts add column colour text default 'red'")
        _, held = replicate(world, Silent())
    assert ("alerts", "colour") in held.columns
    with world.at_warehouse() as warehouse:
        leaked = warehouse.execute(
            "select table_name, column_name from information_schema.columns"
            " where column_name in ('shoe_size', 'colour', 'surprise_id')"
        ).fetchall()
    assert leaked == []


def test_a_classified_column_that_the_source_lacks(world: Databases) -> None:
    with world.at_source() as trs:
        trs.execute("alter table persons rename column qts_date to qts_awarded_on")
    with pytest.raises(ClassificationError, match=r"persons\.qts_date"):
        replicate(world, Silent())
    assert untouched(world)


def test_a_slot_of_somebody_else_is_not_taken(world: Databases) -> None:
    name = world.settings.warehouse_replication_name
    with world.at_source() as trs:
        trs.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", (name,))
        with pytest.raises(SlotTaken, match="did not make it"):
            replicate(world, Silent())
        assert trs.execute("select 1 from pg_replication_slots where slot_name = %s", (name,)).fetchone()


def test_a_slot_that_went_away_is_never_answered_by_starting_again(world: Databases) -> None:
    replicate(world, Silent())
    name = world.settings.warehouse_replication_name
    with world.at_source() as trs, world.at_warehouse() as warehouse:
        warehouse.execute(sql.SQL("alter subscription {} disable").format(sql.Identifier(name)))
        drop_slot(trs, f"{name}_1")
        with pytest.raises(SlotLost, match="is gone"):
            replicate(world, Silent())
        slots = trs.execute("select 1 from pg_replication_slots where starts_with(slot_name, %s)", (name,)).fetchall()
        assert slots == []


def test_another_cluster_is_not_mixed_in(world: Databases, short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replicate(world, Silent())
    other = make_databases(short_folder / "other")
    own = world.source_conninfo
    try:
        cluster = other.cluster(SOURCE)
        cluster.start()
        cluster.create_database(SOURCE)
        with psycopg.connect(cluster.conninfo(SOURCE), autocommit=True) as connection:
            sandbox.schema.create(connection)
        monkeypatch.setitem(world._urls, "trs", cluster.conninfo(SOURCE))  # type: ignore[attr-defined]
        with pytest.raises(ReplicationError, match="another database cluster"):
            replicate(world, Silent())
    finally:
        monkeypatch.setitem(world._urls, "trs", own)  # type: ignore[attr-defined]
        other.cluster(SOURCE).stop()


def test_the_file_and_the_operational_schema_agree(world: Databases) -> None:
    """Every column of every table is classified, and every line is about a column that exists."""
    classification = load_classification()
    with world.at_source() as trs:
        tables = relations.read_tables(trs, "public")
    listed = {name: list(table.columns) for name, table in classification.tables.items()}
    assert {name: sorted(columns) for name, columns in listed.items()} == {
        name: sorted(columns) for name, columns in tables.items()
    }
    assert sum(map(len, listed.values())) == 643


def test_a_key_outside_the_column_list_is_refused(world: Databases) -> None:
    """It would make the operational database's own updates fail."""
    with world.at_source() as trs:
        found = identity.read(trs, "public")
    identity.refuse(found, load_classification().published)
    with pytest.raises(ReplicationError, match="identity has person_id, not published"):
        identity.refuse(found, {"persons": ["trn"]})
