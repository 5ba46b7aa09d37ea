"""Preflight: each reason why the two databases cannot be replicated between, before anything is changed."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import sandbox.schema
from tests.python.conftest import FAST
from warehouse.core import server_proof
from warehouse.core.databases import Databases
from warehouse.core.errors import MissingPrivilege, ReplicationError
from warehouse.core.finding import Finding
from warehouse.core.postgres import Cluster, find_binaries
from warehouse.replicate import load_classification
from warehouse.replicate.catalog import publication
from warehouse.replicate.catalog.identity import ReplicaIdentity
from warehouse.replicate.catalog.publication import Publication
from warehouse.replicate.link import Ends
from warehouse.replicate.preflight import links, rules
from warehouse.replicate.preflight.facts import Facts, Source, Warehouse, read_source, read_warehouse
from warehouse.replicate.preflight.preflight import examined, preflight, require

WANTED = {"persons": ["person_id", "trn"]}


def identity(kind: str, *columns: str, key: tuple[str, ...] | None = None, **more: Any) -> ReplicaIdentity:
    return ReplicaIdentity(kind, frozenset(columns), None if key is None else frozenset(key), **more)


GOOD = Source(
    version=180_000,
    role="ann",
    settings={
        "wal_level": "logical",
        "max_replication_slots": "10",
        "max_wal_senders": "10",
        "max_slot_wal_keep_size": "20480",
        "idle_replication_slot_timeout": "0",
        "logical_decoding_work_mem": "65536",
        "synchronized_standby_slots": "",
    },
    is_standby=False,
    may_replicate=True,
    read_only=False,
    may_create=True,
    unreadable=[],
    filtered=[],
    unowned=[],
    slots=1,
    senders=1,
    our_slot=False,
    standbys=0,
    publication=Publication({"persons": frozenset(WANTED["persons"])}),
    publication_owner=True,
    tables={"persons": identity("d", "person_id")},
)
HERE = Warehouse(
    version=180_000,
    role="warehouse",
    settings={
        "track_commit_timestamp": "on",
        "max_logical_replication_workers": "4",
        "max_worker_processes": "8",
        "max_active_replication_origins": "10",
        "max_replication_slots": "0",
    },
    workers=0,
    origins=0,
    ours=False,
    may_subscribe=True,
)


def judged(source: Source = GOOD, warehouse: Warehouse = HERE) -> dict[str, Finding]:
    facts = Facts(source, warehouse, WANTED, 10_000_000_000)
    return {check.code: check for check in rules.examine(facts, rules.EVERY)}


def changed(**values: object) -> dict[str, Finding]:
    return judged(dataclasses.replace(GOOD, **values))  # type: ignore[arg-type]


def with_settings(**values: str) -> dict[str, Finding]:
    return changed(settings={**GOOD.settings, **values})


def bad(found: dict[str, Finding]) -> dict[str, str]:
    return {check.code: check.state for check in found.values() if check.state != "ok"}


def test_all_is_well() -> None:
    assert bad(judged()) == {}


def test_a_source_older_than_15() -> None:
    """None can be had here, so the version is made up."""
    found = changed(version=140_011, publication=None)
    assert bad(found) == {"source version": "failed"}
    assert "PostgreSQL 14" in found["source version"].what
    assert "credentials" in found["source version"].what
    assert bad(changed(version=150_000)) == {}


@pytest.mark.parametrize(
    ("conninfo", "version", "state"),
    [
        ("host=127.0.0.1 require_auth=scram-sha-256", 150_012, "warning"),
        ("host=127.0.0.1 require_auth=scram-sha-256", 160_000, "ok"),
        ("host=127.0.0.1 sslmode=verify-full", 150_012, "ok"),
        ("host=db.example.org sslmode=verify-full", 150_012, "ok"),
    ],
)
def test_a_warehouse_on_15_that_asks_the_source_for_no_proof_is_told(conninfo: str, version: int, state: str) -> None:
    """Its libpq does not know `require_auth`, so the subscription is made without."""
    found = links.proof(server_proof.insist(conninfo), version)
    assert (found.code, found.state) == ("proof of the source", state)


def test_a_database_that_is_not_the_operational_one() -> None:
    found = changed(tables={})
    assert bad(found)["replicated tables"] == "failed"
    assert "none of the tables" in found["replicated tables"].what


def test_a_standby_and_what_it_would_allow() -> None:
    assert "takes neither a publication" in changed(is_standby=True)["primary"].what
    assert "cannot be streamed from at all" in changed(is_standby=True, version=150_000)["primary"].what
    assert changed(is_standby=True)["primary"].state == "failed"


def test_a_read_only_user_needs_a_publication_that_an_administrator_has_made() -> None:
    assert bad(changed(read_only=True)) == {}
    found = changed(read_only=True, publication=None)
    assert bad(found) == {"publication": "failed"}
    assert "read-only" in found["publication"].what
    assert found["publication"].error is MissingPrivilege


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"unowned": ["persons"]}, "does not own persons"),
        ({"may_create": False}, "may not create"),
    ],
)
def test_a_user_who_cannot_make_the_publication(values: dict[str, object], why: str) -> None:
    assert bad(changed(**values)) == {}, "it is there, and as it should be"
    found = changed(publication=None, **values)
    assert bad(found) == {"publication": "failed"}
    assert why in found["publication"].what


@pytest.mark.parametrize(
    "other",
    [
        {"sends": {"persons": frozenset(["person_id"])}},
        {"verbs": frozenset(["insert", "update", "delete"])},
        {"foreign": (("dqt", "teachers"),)},
        {"filtered": frozenset(["persons"])},
        {"whole": True},
        {"via_root": True},
        {"unlisted": frozenset(["persons"])},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_publication_has_to_be_exactly_what_is_classified(other: dict[str, Any]) -> None:
    made = dataclasses.replace(Publication({"persons": frozenset(WANTED["persons"])}), **other)
    assert changed(publication=made)["publication"].what == "is out of date; the next run will update it"
    # Who cannot alter it is told so before anything is copied.
    assert bad(changed(publication=made, publication_owner=False)) == {"publication": "failed"}


def test_slots_and_senders_that_are_used_up() -> None:
    assert bad(changed(slots=10)) == {"slots": "failed"}
    assert bad(changed(senders=10)) == {"senders": "failed"}
    assert bad(changed(slots=9)) == {"slots": "warning"}
    assert bad(changed(slots=10, senders=10, our_slot=True)) == {}


@pytest.mark.parametrize(
    ("found_there", "told"),
    [
        (identity("n"), "its replica identity is NOTHING"),
        (identity("f"), "its replica identity is FULL"),
        (identity("i", "national_insurance_number"), "identity has national_insurance_number, not published"),
        (identity("d"), "no primary key"),
        (identity("i", "person_id", key=()), "no primary key, by which the warehouse identifies rows"),
        (identity("i", "person_id", key=("shoe_size",)), "its primary key has shoe_size, not published"),
        (identity("d", "person_id", is_taken=False), "deferrable or not valid"),
        (identity("d", "person_id", obstacle="it is a view"), "it is a view"),
        (identity("d", "person_id", generated=("trn",)), "generated column"),
    ],
)
def test_an_identity_that_would_break_the_sources_own_updates(found_there: ReplicaIdentity, told: str) -> None:
    found = changed(tables={"persons": found_there})
    assert [check.what for check in found.values() if check.state == "failed" and told in check.what]
    assert all(check.error is ReplicationError for check in found.values() if check.state == "failed")
    # What is not published cannot be in the way.
    assert bad(changed(tables={"persons": identity("d", "person_id", generated=("shoe_size",))})) == {}


def test_limits_that_could_take_our_slot_away() -> None:
    assert bad(with_settings(max_slot_wal_keep_size="-1")) == {"WAL kept for slots": "warning"}
    assert bad(with_settings(max_slot_wal_keep_size="1024")) == {"WAL kept for slots": "warning"}
    assert bad(with_settings(idle_replication_slot_timeout="86400")) == {"idle slots": "warning"}
    assert bad(with_settings(logical_decoding_work_mem="1024")) == {"decoding memory": "warning"}


def test_failover_is_explained_and_never_required() -> None:
    """A database without standbys must not be refused for a setting about them (as it once was)."""
    alone = {name: value for name, value in GOOD.settings.items() if name != "synchronized_standby_slots"}
    assert bad(changed(settings=alone)) == {}
    assert bad(changed(version=160_000, settings=alone, standbys=1)) == {}
    found = changed(standbys=1)
    assert bad(found) == {"failover": "warning"}
    assert "warehouse replicate repair" in found["failover"].what
    ahead = {**GOOD.settings, "synchronized_standby_slots": "standby_1"}
    assert bad(changed(standbys=1, settings=ahead)) == {}


def test_the_warehouses_own_room_and_rights() -> None:
    def here(**values: object) -> dict[str, str]:
        return bad(judged(warehouse=dataclasses.replace(HERE, **values)))  # type: ignore[arg-type]

    assert here(workers=4) == {"warehouse max_logical_replication_workers": "failed"}
    assert here(origins=10) == {"warehouse max_active_replication_origins": "failed"}
    assert here(version=170_000) == {"warehouse max_replication_slots": "failed"}, "its name before version 18"
    assert here(may_subscribe=False) == {"right to subscribe": "failed"}
    assert here(workers=4, origins=10, may_subscribe=False, ours=True) == {}
    assert here(settings={**HERE.settings, "track_commit_timestamp": "off"}) == {"commit times": "failed"}


# -- real clusters ---------------------------------------------------------------------------------------------------


def states(databases: Databases) -> dict[str, str]:
    return {check.code: check.what for check in preflight(databases) if check.state == "failed"}


@pytest.mark.slow
def test_the_sandbox_is_ready(world: Databases) -> None:
    assert states(world) == {}
    assert {check.code for check in preflight(world)} >= {"wal_level", "primary", "failover", "clocks"}


@pytest.mark.slow
def test_identities_of_a_real_database(world: Databases) -> None:
    with world.at_source() as trs, world.at_warehouse() as warehouse:
        trs.execute("alter table persons replica identity full")
        trs.execute("alter table alerts replica identity nothing")
        trs.execute("create unique index by_reviewed on qualifications (qualification_id, created_on)")
        trs.execute("alter table qualifications replica identity using index by_reviewed")
        trs.execute("alter table alert_types drop column display_order")
        trs.execute("alter table alert_types add column display_order int generated always as (1) virtual")
        found = states(world)
        with pytest.raises(ReplicationError, match=r"alert_types\.display_order is a generated column"):
            require(Ends(world, trs, warehouse, load_classification()))
        slot = trs.execute("select count(*) from pg_publication where pubname like 'trw_%'").fetchone()
        assert slot == (0,)
    assert "replica identity is FULL" in found["identity of persons"]
    assert "replica identity is NOTHING" in found["identity of alerts"]
    assert "identity of qualifications" not in found, "the index is of published columns"
    assert "display_order" in found["generated columns of alert_types"]


@pytest.mark.slow
def test_full_identity_with_a_column_list_does_break_the_source(world: Databases) -> None:
    """What the check rests on: PostgreSQL itself refuses the update."""
    with world.at_source() as trs:
        trs.execute("alter table alerts replica identity full")
        trs.execute("create publication broken for table alerts (alert_id)")
        with pytest.raises(psycopg.Error, match="does not cover the replica identity"):
            trs.execute("update alerts set alert_id = alert_id")


@pytest.mark.slow
def test_a_user_without_rights(world: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.at_source() as trs:
        trs.execute("drop role if exists weak")
        trs.execute("create role weak login password 'p'")
        trs.execute("grant select on persons to weak")
    conninfo = make_conninfo(world.source_conninfo, user="weak", password="p")
    monkeypatch.setitem(world._urls, "trs", conninfo)  # type: ignore[attr-defined]
    found = states(world)
    assert "may not replicate" in found["right to replicate"]
    assert "alert_categories" in found["right to read"]
    assert "does not own" in found["publication"]


@pytest.mark.slow
def test_a_read_only_role(world: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = world.source_conninfo
    with world.at_source() as trs:
        trs.execute("drop role if exists looker")
        trs.execute("create role looker login password 'p' replication")
        trs.execute("grant select on all tables in schema public to looker")
        trs.execute("alter role looker set default_transaction_read_only = on")
    conninfo = make_conninfo(owner, user="looker", password="p")
    monkeypatch.setitem(world._urls, "trs", conninfo)  # type: ignore[attr-defined]
    found = states(world)
    assert list(found) == ["publication"]
    assert "read-only" in found["publication"]
    # An administrator makes it, and the read-only role is enough.
    with psycopg.connect(owner, autocommit=True) as trs:
        trs.execute(publication.statement(world.settings.warehouse_replication_name, load_classification()))
    assert states(world) == {}


@pytest.mark.slow
def test_a_server_without_logical_wal_and_without_room(short_folder: Path) -> None:
    settings = {**FAST, "max_replication_slots": "1", "max_wal_senders": "1", "wal_level": "'replica'"}
    cluster = Cluster("narrow", short_folder / "narrow", find_binaries(), settings)
    cluster.start()
    try:
        with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as connection:
            connection.execute("select pg_create_physical_replication_slot('standby')")
            sandbox.schema.create(connection)
            classification = load_classification()
            wanted = classification.published
            source = read_source(connection, classification.schema_name, wanted, "trw", None)
            found = rules.examine(Facts(source, read_warehouse(connection, "trw"), wanted, 10**10), rules.EVERY)
    finally:
        cluster.stop()
    failed = {check.code for check in found if check.state == "failed"}
    assert {"wal_level", "slots"} <= failed
    assert "commit times" in failed, "as a warehouse it would not do either"


@pytest.mark.slow
def test_it_changes_nothing(world: Databases) -> None:
    with world.at_source() as trs, world.at_warehouse() as warehouse:
        trs.execute("set default_transaction_read_only = on")
        warehouse.execute("set default_transaction_read_only = on")
        found = examined(Ends(world, trs, warehouse, load_classification()))
        # A session's own setting says nothing of what the role may do.
        assert [check.code for check in found if check.state == "failed"] == []


def test_an_encoding_that_cannot_hold_every_letter_is_refused() -> None:
    assert bad(changed(encoding="LATIN1")) == {}
    assert bad(changed(encoding="SQL_ASCII")) == {"source encoding": "failed"}
    for encoding in ("LATIN1", "SQL_ASCII"):
        found = judged(warehouse=dataclasses.replace(HERE, encoding=encoding))
        assert bad(found) == {"warehouse encoding": "failed"}
