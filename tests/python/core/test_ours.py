"""Nothing that is not ours is created over, renamed, dropped or written; no two settings lead to one database."""

from __future__ import annotations

import re
from dataclasses import dataclass

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.python.conftest import FreshDatabases, WorldDatabases
from warehouse.core import fast_yaml, ours
from warehouse.core.databases import Databases
from warehouse.core.errors import NotOurs, SameDatabase
from warehouse.core.settings import PROJECT
from warehouse.replicate.catalog import names
from warehouse.replicate.catalog.relations import SourceColumn
from warehouse.replicate.replica import tables as replica_tables

OBJECTS = """
select n.nspname || '.' || c.relname || ' ' || c.relkind::text || ' ' || c.oid || ' ' || c.relfilenode
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') order by 1
"""


def objects(connection: psycopg.Connection) -> list[str]:
    """Everything that is in a database, by identity."""
    return [row[0] for row in connection.execute(OBJECTS.encode())]


@dataclass
class Pointed(WorldDatabases):
    """The two settings as somebody set them."""

    source_at: str = ""
    warehouse_at: str = ""

    @property
    def source_conninfo(self) -> str:
        return self.source_at

    @property
    def warehouse_conninfo(self) -> str:
        return self.warehouse_at


def pointed(databases: Databases, source: str, warehouse: str) -> Pointed:
    return Pointed(databases.settings, databases.cluster_settings, source_at=source, warehouse_at=warehouse)


ALIASES = {
    "the same text": {},
    "another name of the host": {"host": "localhost"},
    "another application": {"application_name": "other", "keepalives": "1"},
}


@pytest.mark.slow
@pytest.mark.parametrize("alias", ALIASES)
def test_one_database_for_both_is_refused_before_anything(prepared: FreshDatabases, alias: str) -> None:
    url = prepared.source_conninfo
    both = pointed(prepared, url, make_conninfo(url, **ALIASES[alias]))
    with prepared.at_source() as trs:
        before = objects(trs)
        with pytest.raises(SameDatabase), both.warehouse() as warehouse:
            both.migrate(warehouse)
        with pytest.raises(SameDatabase), both.source(), both.warehouse():
            pass
        assert objects(trs) == before


@pytest.mark.slow
def test_swapped_settings_are_refused_before_anything(prepared: FreshDatabases) -> None:
    swapped = pointed(prepared, prepared.warehouse_conninfo, prepared.source_conninfo)
    with prepared.at_source() as trs, prepared.at_warehouse() as here:
        before = objects(trs), objects(here)
        with pytest.raises(SameDatabase, match="leads to a warehouse"), swapped.source():
            pass
        with pytest.raises(SameDatabase), swapped.warehouse() as warehouse:
            swapped.migrate(warehouse)
        assert (objects(trs), objects(here)) == before


@pytest.mark.slow
def test_another_database_of_the_sources_server_will_do(databases: FreshDatabases) -> None:
    """Not wise, but no harm: the two are identified by database, not by server."""
    with databases.at_source() as trs:
        trs.execute("create database beside_the_source")
    try:
        beside = pointed(
            databases, databases.source_conninfo, make_conninfo(databases.source_conninfo, dbname="beside_the_source")
        )
        with beside.source(), beside.warehouse() as warehouse:
            beside.migrate(warehouse)
    finally:
        with databases.at_source() as trs:
            trs.execute("drop database beside_the_source with (force)")


OCCUPIED = {
    "create schema marts": "schema marts",
    "create schema ledger": "schema ledger",
    "create table public.users (id int)": "public.users",
    "create view public.persons as select 1 as id": "public.persons",
    "create materialized view public.old as select 1 as id": "public.old",
}


@pytest.mark.slow
@pytest.mark.parametrize("statement", OCCUPIED)
def test_a_database_that_somebody_else_uses_is_refused_whole(databases: FreshDatabases, statement: str) -> None:
    with databases.at_warehouse() as others:
        others.execute(statement.encode())
        before = objects(others)
        with pytest.raises(NotOurs, match=re.escape(OCCUPIED[statement])), databases.warehouse() as warehouse:
            databases.migrate(warehouse)
        assert objects(others) == before


@pytest.mark.slow
def test_other_schemas_are_nobodys_business(databases: FreshDatabases) -> None:
    with databases.at_warehouse() as others:
        others.execute("create schema payroll; create table payroll.users (id int)")
        with databases.warehouse() as warehouse:
            databases.migrate(warehouse)
        assert [one for one in objects(others) if one.startswith("payroll.users")]


def test_the_schemas_are_those_of_dbt_and_of_replication() -> None:
    """A schema that is added to the project has to be free in the database, too."""
    project = fast_yaml.safe_load((PROJECT / "dbt_project.yml").read_text())
    schemas = {
        part["+schema"]
        for kind in ("models", "seeds")
        for part in [project[kind][project["name"]], *project[kind][project["name"]].values()]
        if isinstance(part, dict) and "+schema" in part
    }
    of_replication = {names.HISTORY, names.VERSIONS, names.AS_KNOWN_AT, names.AS_AT}
    assert schemas | {ours.LEDGER} | of_replication == set(ours.SCHEMAS)


COLUMNS = [SourceColumn("id", "integer", 1)]


@pytest.mark.slow
def test_a_table_of_somebody_else_is_never_replaced(prepared: FreshDatabases) -> None:
    with prepared.at_warehouse() as others, prepared.warehouse() as warehouse:
        others.execute("create table public.persons (id int); insert into public.persons values (1)")
        for attempt in (
            lambda: replica_tables.create_tables(warehouse, "public", {"notes": COLUMNS, "persons": COLUMNS}),
            lambda: replica_tables.drop_all(warehouse, "public", ["notes", "persons"]),
            lambda: ours.refuse_others_tables(warehouse, "public", ["notes", "persons"]),
        ):
            with pytest.raises(NotOurs, match=r"public\.persons"):
                attempt()
        assert others.execute("select count(*) from public.persons").fetchone() == (1,)
        assert others.execute("select to_regclass('public.notes')").fetchone() == (None,), "nothing is half done"


@pytest.mark.slow
def test_a_table_that_took_the_name_of_ours_is_not_ours(prepared: FreshDatabases) -> None:
    with prepared.at_warehouse() as others, prepared.warehouse() as warehouse:
        replica_tables.create_tables(warehouse, "public", {"persons": COLUMNS})
        ours.refuse_others_tables(warehouse, "public", ["persons"])
        others.execute("alter table persons rename to persons_mine; create table persons (id int)")
        with pytest.raises(NotOurs):
            ours.refuse_others_tables(warehouse, "public", ["persons"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "statement",
    [
        "create view reports.mine as select * from public.persons",
        "create materialized view reports.mine as select * from public.persons",
        "create table reports.mine (person public.persons)",
        "create table reports.mine (id int references public.persons)",
    ],
)
def test_what_others_rest_on_a_table_of_ours_is_not_dropped_with_it(prepared: FreshDatabases, statement: str) -> None:
    with prepared.at_warehouse() as others, prepared.warehouse() as warehouse:
        replica_tables.create_tables(warehouse, "public", {"persons": COLUMNS})
        replica_tables.add_key(warehouse, "public", "persons", ["id"])
        others.execute(f"create schema reports; {statement}".encode())
        for attempt in (
            lambda: replica_tables.create_tables(warehouse, "public", {"persons": COLUMNS}),
            lambda: replica_tables.drop_all(warehouse, "public", ["persons"]),
        ):
            with pytest.raises(NotOurs, match=r"mine"):
                attempt()
        assert others.execute("select to_regclass('reports.mine')").fetchone() != (None,)


@pytest.mark.slow
def test_a_schema_of_somebody_else_is_not_taken_over(prepared: FreshDatabases) -> None:
    with prepared.at_warehouse() as others, prepared.warehouse() as warehouse:
        ours.make_schema(warehouse, "versions")
        ours.make_schema(warehouse, "versions")
        others.execute("create schema history")
        with pytest.raises(NotOurs, match="history"):
            replica_tables.create_schemas(warehouse, "public")
        others.execute("drop schema versions; create schema versions")
        with pytest.raises(NotOurs, match="versions"):
            ours.make_schema(warehouse, "versions")
        made = "select n.nspname from pg_namespace as n join ledger.made_here as m on m.object_oid = n.oid"
        assert warehouse.execute(f"{made} where m.kind = 'schema'").fetchall() == [("ledger",)]
