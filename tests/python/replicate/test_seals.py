"""The history proves itself: whatever is done to a settled month by hand is found, and what may change it is not."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.python.replicate.conftest import Sync
from tests.python.replicate.world import PERSON, insert
from warehouse.cli.replicate import app
from warehouse.core.databases import Databases
from warehouse.core.errors import HistoryDiffers, UsageError
from warehouse.core.keep import Keep
from warehouse.core.progress import Silent
from warehouse.core.writer import write_on_purpose
from warehouse.replicate import door, history, status
from warehouse.replicate.history import prove, seals, stamping
from warehouse.replicate.history.digest import digest
from warehouse.replicate.history.months import create_partition
from warehouse.replicate.stream import subscription
from warehouse.replicate.stream.mark import wait_until_applied

pytestmark = pytest.mark.slow

OLD = date(2026, 3, 1)
MONTH = "history.persons_2026_03"


@pytest.fixture
def world(world: Databases, sync: Sync) -> Databases:
    """A stream, and three persons with three versions each, two of which ended in a month that is sealed."""
    versions_in_march(world, sync, "Jones", "Brown")
    with world.at_warehouse() as warehouse:
        assert seals.latest(warehouse)["persons", OLD].versions == 6
    return world


def versions_in_march(world: Databases, sync: Sync, *names: str) -> None:
    """Three persons who had some names in March, one after the other, until a month that is not over."""
    with world.at_source() as trs:
        for number in range(3):
            insert(trs, "persons", {**PERSON, "person_id": uuid.UUID(int=number + 1), "trn": f"000000{number}"})
        sync()
        for name in names:
            trs.execute("update persons set last_name = %s || trn", (name,))
        with world.at_warehouse() as warehouse:
            backdate(world, warehouse)
        sync()
        trs.execute("update persons set last_name = 'Now'")
        sync()


def backdate(databases: Databases, warehouse: psycopg.Connection) -> None:
    """Have all that was applied until now be of March, as if the warehouse had run since then."""
    with door.connected(databases) as ends:
        wait_until_applied(ends.trs, warehouse, ends.name, Silent())
        stamping.stamp(ends, subscription.origin_name(warehouse, ends.name))
    warehouse.execute(
        "update ledger.transactions set committed_at = '2026-03-05 12:00+00'::timestamptz + interval '1 second'"
        " * (xid::text::bigint - (select min(xid::text::bigint) from ledger.transactions))"
    )
    warehouse.execute("update ledger.epochs set snapshot_at = '2026-03-05 11:00+00'")


def proved(databases: Databases) -> list[str]:
    return [one.what for one in prove.prove(databases, Silent()).mismatches]


TAMPERED = {
    "a version is deleted": f"delete from {MONTH} where ctid = (select min(ctid) from {MONTH})",
    "its content is altered": f"update {MONTH} set first_name = 'Eve' where ctid = (select min(ctid) from {MONTH})",
    "a null is filled": f"update {MONTH} set middle_name = null where ctid = (select min(ctid) from {MONTH})",
    "its end is moved": f"update {MONTH} set known_to = known_to + interval '1 microsecond'"
    f" where ctid = (select max(ctid) from {MONTH})",
    "one that never was": f"insert into {MONTH} select * from {MONTH} limit 1",
    "two are swapped": f"update {MONTH} set last_name = case last_name when 'Jones0000000' then 'Brown0000000'"
    " else 'Jones0000000' end where trn = '0000000'",
    "the partition is emptied": f"truncate {MONTH}",
    "the partition is dropped": f"drop table {MONTH}",
    "the partition is detached": f"alter table history.persons detach partition {MONTH}",
}


@contextmanager
def undone(databases: Databases) -> Iterator[psycopg.Connection]:
    """A session whose changes are undone afterwards, by a copy of what they may change."""
    now = f"history.persons_{datetime.now(UTC):%Y_%m}"
    tables = (MONTH, now, "ledger.history_seals", "ledger.history_months", "ledger.history_breaks")
    with databases.at_warehouse() as warehouse:
        for number, table in enumerate(tables):
            warehouse.execute(f"create temp table kept_{number} as select * from {table}".encode())
        yield warehouse
        create_partition_again(warehouse)
        for number, table in enumerate(tables):
            generated = " overriding system value" if table.endswith("seals") else ""
            warehouse.execute(f"delete from {table}".encode())
            warehouse.execute(f"insert into {table}{generated} select * from kept_{number}".encode())
            warehouse.execute(f"drop table kept_{number}".encode())


def create_partition_again(warehouse: psycopg.Connection) -> None:
    if warehouse.execute("select to_regclass(%s)", (MONTH,)).fetchone() == (MONTH,):
        attached = warehouse.execute(
            "select relispartition from pg_class where oid = %s::regclass", (MONTH,)
        ).fetchone()
        if attached == (False,):
            warehouse.execute(f"drop table {MONTH}".encode())
    create_partition(warehouse, "persons", datetime(2026, 3, 1, tzinfo=UTC))


def test_any_change_of_a_sealed_month_by_hand_is_found(world: Databases) -> None:
    assert proved(world) == []
    for what, statement in TAMPERED.items():
        with undone(world) as warehouse:
            warehouse.execute(statement.encode())
            proof = prove.prove(world, Silent())
            assert {(one.table, one.month) for one in proof.mismatches if one.month} == {("persons", OLD)}, what
            assert "history_differs" in [one.code for one in status(world, pause=0.2).reasons], what
    assert proved(world) == []
    assert [one.code for one in status(world, pause=0.2).reasons] == [], "a later proof finds none"


LEDGER = {
    "a seal is altered": "update ledger.history_seals set content = sha256('x') where seal_id = (select max(seal_id)"
    " from ledger.history_seals where table_name = 'persons')",
    "its reason is": "update ledger.history_seals set because = 'x' where table_name = 'persons'",
    "a month's seals are gone": "delete from ledger.history_seals where table_name = 'persons'",
    "the count is altered": "update ledger.history_months set versions = versions + 1 where table_name = 'persons'",
    "a version of the open month is deleted": "delete from history.persons where known_to > '2026-10-01'",
    "the end of one of it is moved": "update history.persons set known_to = known_to + interval '1 second'"
    " where known_to > '2026-10-01'",
    "what one of it says is altered": "update history.persons set first_name = 'Eve'"
    " where known_to > '2026-10-01' and trn = '0000001'",
    "two of it are swapped": "update history.persons set last_name = case trn when '0000001' then 'Brown0000002'"
    " else 'Brown0000001' end where known_to > '2026-10-01' and trn in ('0000001', '0000002')",
    "the sum of it is altered": "update ledger.history_months set content_sum = content_sum + 1"
    " where table_name = 'persons' and month > '2026-10-01'",
}


def test_seals_counts_and_the_open_month_are_held_against_each_other(world: Databases) -> None:
    for what, statement in LEDGER.items():
        with undone(world) as warehouse:
            warehouse.execute(statement.encode())
            assert proved(world) != [], what
    assert proved(world) == []


ALTERED = "update history.persons set first_name = 'Eve' where known_to > '2026-10-01' and trn = '0000001'"


def test_an_open_month_that_was_altered_stays_so_whatever_is_settled_erased_or_rebuilt(
    world: Databases, sync: Sync
) -> None:
    with world.at_warehouse() as warehouse:
        warehouse.execute(ALTERED.encode())
        with world.at_source() as trs:
            trs.execute("update persons set last_name = 'Later'")
        sync()
        with seals.resealed(warehouse, "public", ["persons"], "erasure", "erasure 1"):
            for place in ("public.persons", "history.persons_log", "history.persons"):
                write_on_purpose(warehouse, "erase")
                row = "(version).trn" if place.endswith("log") else "trn"
                warehouse.execute(f"delete from {place} where {row} = '0000002'".encode())
        with history.rebuilt(warehouse, "public", "persons"):
            for place in ("public", "history"):
                warehouse.execute(f"alter table {place}.persons add column colour text".encode())
        assert proved(world) == ["some of its 4 versions were altered, or replaced by others"]
        later = datetime.now(UTC) + timedelta(days=40)
        assert seals.complete(warehouse, "public", ["persons"], later) == 1
    assert ["had been altered before it was sealed" in what for what in proved(world)] == [True]


def test_a_month_that_an_earlier_version_began_is_counted_and_no_more(world: Databases, sync: Sync) -> None:
    with world.at_warehouse() as warehouse:
        warehouse.execute("update ledger.history_months set content_sum = null")
        with world.at_source() as trs:
            trs.execute("update persons set last_name = 'Later'")
        sync()
        assert proved(world) == []
        assert warehouse.execute("select count(content_sum) from ledger.history_months").fetchone() == (0,)
        warehouse.execute("delete from history.persons where known_to > '2026-10-01' and trn = '0000001'")
    assert "it has 4 versions, and 6 were settled into it" in proved(world)


def test_what_the_log_still_held_is_missed(world: Databases) -> None:
    """A version that was put down and not settled yet is missed by the chain."""
    with world.at_source() as trs, world.at_warehouse() as warehouse:
        trs.execute("update persons set last_name = 'Later'")
        wait_until_applied(trs, warehouse, world.settings.warehouse_replication_name, Silent())
        assert proved(world) == []
        warehouse.execute("delete from history.persons_log where ctid = (select min(ctid) from history.persons_log)")
    found = prove.prove(world, Silent()).mismatches
    assert [one.what.split(" (")[0] for one in found] == [
        "a version is missing after one that was updated",
        "a version is missing before an update",
    ]
    assert found[0].keys == found[1].keys and len(found[0].keys) == 1


def test_what_may_change_a_settled_month_seals_it_anew_with_the_reason(world: Databases, sync: Sync) -> None:
    with world.at_warehouse() as warehouse:
        # A structure that changes: other text in every version.
        with history.rebuilt(warehouse, "public", "persons"):
            for place in ("public", "history"):
                warehouse.execute(f"alter table {place}.persons alter status type text using status || '.0'".encode())
        assert seals.latest(warehouse)["persons", OLD].reason == "structure"
        # A column that comes later is null in all that was before: nothing is sealed anew.
        with history.rebuilt(warehouse, "public", "persons"):
            for place in ("public", "history"):
                warehouse.execute(f"alter table {place}.persons add column colour text".encode())
        assert len([one for one in seals.every(warehouse) if one.table_name == "persons"]) == 2
        assert proved(world) == []
        # An erasure.
        with seals.resealed(warehouse, "public", ["persons"], "erasure", "erasure 1"):
            for place in ("public.persons", "history.persons_log", "history.persons"):
                write_on_purpose(warehouse, "erase")
                row = "(version).trn" if place.endswith("log") else "trn"
                warehouse.execute(f"delete from {place} where {row} = '0000001'".encode())
        assert seals.latest(warehouse)["persons", OLD].versions == 4
        assert proved(world) == []
        # The rule.
        with warehouse.transaction():
            warehouse.execute("update ledger.history_months set settled_at = '2026-03-05'")
        late = datetime(2033, 4, 2, tzinfo=UTC)
        history.apply_retention(warehouse, {"persons": Keep(years=7)}, late)
        assert seals.latest(warehouse)["persons", OLD].content is None
        assert proved(world) == []
        told = [one.reason for one in seals.every(warehouse) if one.table_name == "persons"]
        assert told == ["complete", "structure", "erasure", "retention"]
        assert all(one.matched for one in seals.every(warehouse))


def test_a_late_version_is_no_cover_for_what_was_altered_before(world: Databases, sync: Sync) -> None:
    with world.at_warehouse() as warehouse:
        warehouse.execute(f"update {MONTH} set first_name = 'Eve' where trn = '0000002'".encode())
        with seals.resealed(warehouse, "public", ["persons"], "late"):
            warehouse.execute(f"insert into {MONTH} select * from {MONTH} where trn = '0000001' limit 1".encode())
        assert any("had been altered before it was sealed" in what for what in proved(world))


def test_a_person_may_accept_what_does_not_match(world: Databases) -> None:
    with world.at_warehouse() as warehouse:
        warehouse.execute(f"delete from {MONTH} where trn = '0000002'".encode())
        warehouse.execute(
            "update history.persons set known_to = known_to + interval '1 s' where known_to > '2026-10-01'"
        )
    with pytest.raises(HistoryDiffers):
        prove.raise_if_different(prove.prove(world, Silent()))
    with pytest.raises(UsageError):
        prove.accept(world, " ", Silent())
    before, after = prove.accept(world, "a disk had lost them", Silent())
    assert before.mismatches != [] and after.mismatches == []
    with world.at_warehouse() as warehouse:
        last = seals.latest(warehouse)["persons", OLD]
        assert (last.reason, last.because, last.matched) == ("accepted", "a disk had lost them", False)


def test_a_reset_says_which_sealed_months_went(world: Databases, sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warehouse.cli.opening.Databases", lambda _: world)
    assert CliRunner().invoke(app, ["reset", "--yes"]).exit_code == 0
    with world.at_warehouse() as warehouse:
        last = seals.latest(warehouse)["persons", OLD]
        assert (last.reason, last.content, last.matched) == ("reset", None, True)
        assert warehouse.execute("select count(*) from ledger.history_months").fetchone() == (0,)
    sync()
    assert proved(world) == [], "the chain goes on with the next copy"


def test_the_command(world: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "start", list)
    monkeypatch.setattr("warehouse.cli.opening.Databases", lambda _: world)
    good = CliRunner().invoke(app, ["reconcile", "--history", "--json"])
    assert good.exit_code == 0
    told = json.loads(good.stdout)
    assert (told["result"], set(told["heads"])) == ("proved", {"persons"})
    assert told["head"] == status(world, pause=0.2).history_head
    with world.at_warehouse() as warehouse:
        warehouse.execute(f"update {MONTH} set first_name = 'Eve' where trn = '0000002'".encode())
    bad = CliRunner().invoke(app, ["reconcile", "--history"])
    assert isinstance(bad.exception, HistoryDiffers)
    assert "persons 2026-03" in bad.exception.what
    assert str(uuid.UUID(int=3)) in bad.stdout and "Eve" not in bad.stdout
    refused = CliRunner().invoke(app, ["reconcile", "--accept", "why"])
    assert isinstance(refused.exception, UsageError)


# ---- the digest itself

VALUES = {
    "t": st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=6),
    "p": st.text(" a", max_size=4),
    "n": st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-9, max_value=9),
    "f": st.floats(width=64),
    "ts": st.datetimes(),
    "j": st.dictionaries(st.sampled_from("ab"), st.integers(0, 3), max_size=2).map(json.dumps),
    "x": st.binary(max_size=3),
}
TYPES = {"t": "text", "p": "bpchar", "n": "numeric", "f": "float8", "ts": "timestamp", "j": "jsonb", "x": "bytea"}


@pytest.fixture
def plain(databases: Databases) -> Iterator[psycopg.Connection]:
    """A table of the history by itself, with a value of every kind."""
    with databases.at_warehouse() as connection:
        connection.execute("create schema history")
        columns = ", ".join(f"{name} {kind}" for name, kind in TYPES.items())
        connection.execute(f"create table history.things (id int, {columns})".encode())
        yield connection


@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(column=st.sampled_from(list(TYPES)), data=st.data(), zone=st.sampled_from(["UTC", "Asia/Tokyo"]))
def test_a_digest_changes_when_and_only_when_a_value_does(
    plain: psycopg.Connection, column: str, data: st.DataObject, zone: str
) -> None:
    value = st.none() | VALUES[column]
    before, after = data.draw(value), data.draw(value)
    plain.execute("truncate history.things")
    plain.execute("insert into history.things (id) select n from generate_series(1, 40) as n")
    cast = TYPES[column]
    plain.execute(f"update history.things set {column} = %s::{cast} where id = 7".encode(), (before,))
    first = digest(plain, "things", ["id"])
    plain.execute(f"set timezone = '{zone}'; set datestyle = 'SQL, DMY'; set extra_float_digits = -3".encode())
    # Stored in another order, too.
    plain.execute("create temp table aside as select * from history.things order by id desc")
    plain.execute("truncate history.things")
    plain.execute("insert into history.things select * from aside")
    plain.execute("drop table aside")
    assert digest(plain, "things", ["id"], first.groups) == first
    plain.execute(f"update history.things set {column} = %s::{cast} where id = 7".encode(), (after,))
    same = plain.execute(
        f"select format('%L', %s::{cast}) = format('%L', %s::{cast})".replace("%L", "%%L").encode(), (before, after)
    ).fetchone()
    second = digest(plain, "things", ["id"], first.groups)
    assert (second == first) == (before is after is None or same == (True,))
    if second != first:
        assert len(second.differing(first.fingerprint)) == 1, "the group of its key"
    plain.execute("reset all")
