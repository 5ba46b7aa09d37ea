"""Every version, with its time, its transaction and what brought and ended it: logged, settled, rebuilt, retained."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import sql

from tests.python.replicate.conftest import Sync
from tests.python.replicate.world import PERSON, insert
from warehouse.core.databases import Databases
from warehouse.core.keep import Keep
from warehouse.core.ledger import migrate
from warehouse.core.progress import Silent
from warehouse.replicate import history
from warehouse.replicate.catalog.relations import SourceColumn
from warehouse.replicate.history.months import create_partition, month_after
from warehouse.replicate.stream.mark import wait_until_applied

pytestmark = pytest.mark.slow

SEED = 20_261_122


def test_what_was_known_at_any_moment_is_what_the_source_then_held(world: Databases, sync: Sync) -> None:
    """Random changes, the source's own state noted between them, and the same asked of the versions afterwards."""
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    keys = [f"{number:07d}" for number in range(8)]
    noted: list[tuple[datetime, dict[str, str]]] = []

    def change(trs: psycopg.Connection) -> None:
        trn, name = chance.choice(keys), f"n{chance.randrange(10**6)}"
        match chance.choice(("insert", "insert", "update", "update", "update", "delete", "rename", "truncate")):
            case "insert":
                if trs.execute("select 1 from tps_establishments where la_code = %s", (trn[-3:],)).fetchone() is None:
                    row = {"tps_establishment_id": uuid.uuid4(), "la_code": trn[-3:], "establishment_code": "0001"}
                    insert(trs, "tps_establishments", {**row, "employers_name": name})
            case "update":
                trs.execute("update tps_establishments set employers_name = %s where la_code = %s", (name, trn[-3:]))
            case "delete":
                trs.execute("delete from tps_establishments where la_code = %s", (trn[-3:],))
            case "rename":
                trs.execute(
                    "update tps_establishments set tps_establishment_id = %s where la_code = %s",
                    (uuid.uuid4(), trn[-3:]),
                )
            case "truncate":
                if chance.random() < 0.2:
                    trs.execute("truncate tps_establishments")

    with world.at_source() as trs:
        change(trs)
        sync()
        for step in range(80):
            with trs.transaction():
                for _ in range(chance.choice((1, 1, 2, 5))):
                    change(trs)
            row = trs.execute("select clock_timestamp()").fetchone()
            held = dict(trs.execute("select la_code, employers_name from tps_establishments").fetchall())
            noted.append((row[0] if row else datetime.now(UTC), held))
            if step in (20, 50):
                # Some of it is in the history, some in the log, and the last in neither.
                sync()

        def told(warehouse: psycopg.Connection) -> list[dict[str, str]]:
            return [
                dict(
                    warehouse.execute(
                        "select la_code, employers_name from versions.tps_establishments"
                        " where known_from <= %(t)s and (known_to is null or known_to > %(t)s)",
                        {"t": moment},
                    ).fetchall()
                )
                for moment, _ in noted
            ]

        with world.at_warehouse() as warehouse:
            wait_until_applied(trs, warehouse, world.settings.warehouse_replication_name, Silent())
            logged = told(warehouse)
            sync()
            settled = told(warehouse)
    assert logged == [held for _, held in noted]
    assert settled == logged
    with world.at_warehouse() as warehouse:
        assert warehouse.execute("select count(*) from history.tps_establishments_log").fetchone() == (0,)


def test_a_version_says_what_brought_and_ended_it_and_in_which_epoch(world: Databases, sync: Sync) -> None:
    copied, streamed = uuid.uuid4(), uuid.uuid4()
    with world.at_source() as trs:
        insert(trs, "persons", {**PERSON, "person_id": copied, "trn": "1000001"})
        sync()
        insert(trs, "persons", {**PERSON, "person_id": streamed, "trn": "1000002"})
        trs.execute("update persons set last_name = 'Jones'")
        trs.execute("delete from persons where person_id = %s", (streamed,))
        sync()
    with world.at_warehouse() as warehouse:
        told = warehouse.execute(
            "select person_id, last_name, operation, ended_by, epoch_id, from_xid is not null, to_xid is not null,"
            " began_after, ended_after from versions.persons order by person_id = %s, known_from",
            (streamed,),
        ).fetchall()
    assert told == [
        (copied, "Smith", "C", "U", 1, True, True, None, None),
        (copied, "Jones", "U", None, 1, True, False, None, None),
        (streamed, "Smith", "I", "U", 1, True, True, None, None),
        (streamed, "Jones", "U", "D", 1, True, True, None, None),
    ]


def test_what_was_written_by_hand_keeps_its_time_too(world: Databases, sync: Sync) -> None:
    with world.at_source() as trs, world.at_warehouse() as warehouse:
        insert(trs, "persons", {**PERSON, "person_id": uuid.uuid4(), "trn": "1000001"})
        sync()
        warehouse.execute("update persons set last_name = 'Hand'")
        warehouse.execute("delete from persons")
        sync()
        assert warehouse.execute("select count(*) from history.persons_log").fetchone() == (0,)
        settled = warehouse.execute(
            "select last_name, ended_by, known_from < known_to from history.persons order by known_to"
        ).fetchall()
        assert settled == [("Smith", "U", True), ("Hand", "D", True)]


def test_history_is_partitioned_by_the_month_in_which_a_version_ended(world: Databases, sync: Sync) -> None:
    with world.at_source() as trs:
        insert(trs, "persons", {**PERSON, "person_id": uuid.uuid4(), "trn": "1000001"})
        sync()
        trs.execute("update persons set last_name = 'Jones'")
        month = trs.execute("select to_char(now() at time zone 'UTC', 'YYYY_MM')").fetchone()
        sync()
    assert month is not None
    with world.at_warehouse() as warehouse:
        in_month = sql.SQL("select count(*) from {}").format(sql.Identifier("history", f"persons_{month[0]}"))
        assert warehouse.execute(in_month).fetchone() == (1,)


def test_a_month_ends_in_utc_whatever_the_sessions_time_zone(world: Databases, sync: Sync) -> None:
    sync()
    with world.at_warehouse() as warehouse:
        for zone in ("Pacific/Auckland", "Europe/London"):
            warehouse.execute(sql.SQL("set time zone {}").format(sql.Literal(zone)))
            for month in range(3, 13):
                create_partition(warehouse, "alerts", datetime(2026, month, 1, tzinfo=UTC))
        create_partition(warehouse, "alerts", datetime(2027, 1, 1, tzinfo=UTC))
        warehouse.execute("set time zone 'UTC'")
        bound = warehouse.execute(
            "select pg_get_expr(relpartbound, oid) from pg_class where relname = 'alerts_2026_12'"
        ).fetchone()
    assert bound == ("FOR VALUES FROM ('2026-12-01 00:00:00+00') TO ('2027-01-01 00:00:00+00')",)


def test_months_past_the_rule_are_dropped_and_recorded(world: Databases, sync: Sync) -> None:
    with world.at_source() as trs:
        insert(trs, "persons", {**PERSON, "person_id": uuid.uuid4(), "trn": "1000001"})
        sync()
        trs.execute("update persons set last_name = 'Jones'")
        sync()
    with world.at_warehouse() as warehouse:
        now = datetime.now(UTC)
        rule = {"persons": Keep(years=7)}
        # The last moment at which something of this month is not yet seven years old.
        kept_until = now.replace(year=now.year + 7, day=28)
        assert history.apply_retention(warehouse, rule, kept_until) == []
        after = month_after(now.replace(day=1, hour=0, minute=0, second=0, microsecond=0))
        dropped = history.apply_retention(warehouse, rule, after.replace(year=after.year + 7))
        assert [(one.table, one.versions) for one in dropped] == [("persons", 1)]
        assert warehouse.execute("select last_name, ended_by from versions.persons").fetchall() == [("Jones", None)]
        recorded = warehouse.execute("select table_name, versions, ended_before from ledger.dropped_history").fetchall()
        assert recorded == [("persons", 1, after)]


def test_a_row_can_be_altered_without_losing_what_the_log_holds(world: Databases, sync: Sync) -> None:
    with world.at_source() as trs, world.at_warehouse() as warehouse:
        insert(trs, "persons", {**PERSON, "person_id": uuid.uuid4(), "trn": "1000001"})
        sync()
        warehouse.execute("update persons set status = 1")
        assert warehouse.execute("select count(*) from history.persons_log").fetchone() == (1,)
        with history.rebuilt(warehouse, "public", "persons"):
            warehouse.execute("alter table public.persons alter status type bigint, add added int")
            warehouse.execute("alter table history.persons alter status type bigint, add added int")
        told = warehouse.execute(
            "select status, pg_typeof(status)::text, added, ended_by from versions.persons order by status"
        ).fetchall()
        assert told == [(0, "bigint", None, "U"), (1, "bigint", None, None)]
        # And the triggers go on.
        warehouse.execute("update persons set status = 2, added = 5")
        warehouse.execute("delete from persons")
        told = warehouse.execute("select status, added, ended_by from versions.persons order by status").fetchall()
        assert told == [(0, None, "U"), (1, None, "U"), (2, 5, "D")]


def test_a_rebuild_that_fails_changes_nothing(world: Databases, sync: Sync) -> None:
    with world.at_source() as trs, world.at_warehouse() as warehouse:
        insert(trs, "persons", {**PERSON, "person_id": uuid.uuid4(), "trn": "1000001"})
        sync()
        warehouse.execute("update persons set status = 1")
        with pytest.raises(psycopg.errors.UndefinedColumn), history.rebuilt(warehouse, "public", "persons"):
            warehouse.execute("alter table public.persons drop column nobody_has_this")
        assert warehouse.execute("select status, ended_by from versions.persons order by 1").fetchall() == [
            (0, "U"),
            (1, None),
        ]


def test_a_key_of_two_columns_and_a_reserved_word(databases: Databases) -> None:
    with databases.at_warehouse() as warehouse:
        migrate(warehouse)
        warehouse.execute(
            'create schema history; create schema versions; create table public."order" ("group" int, b text,'
            " _known_from_xid xid8 not null default pg_current_xact_id(), _operation \"char\" not null default 'I',"
            ' primary key ("group", b))'
        )
        columns = [SourceColumn("group", "integer", 1), SourceColumn("b", "text", 2)]
        history.keep(warehouse, "public", "order", columns, ["group", "b"])
        warehouse.execute("insert into \"order\" values (1, 'x'), (1, 'y')")
        warehouse.execute("delete from \"order\" where b = 'x'")
        told = warehouse.execute('select "group", b, ended_by from versions."order" order by b').fetchall()
        assert told == [(1, "x", "D"), (1, "y", None)]
