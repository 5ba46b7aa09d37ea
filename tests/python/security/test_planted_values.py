"""Fifty values of people are planted and get into errors of every kind: none is in a log, a message or a record."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

import sandbox.schema
from tests.python.conftest import FAST, WorldDatabases, make_databases
from tests.python.deliver.delivering import World
from tests.python.deliver.world import make_table
from tests.python.marts.small import make_project, write
from tests.python.replicate.world import PERSON, insert
from tests.python.waiting import until
from warehouse.core.databases import SOURCE, WAREHOUSE
from warehouse.core.errors import BuildFailed, CheckFailed
from warehouse.core.progress import Silent
from warehouse.deliver.check import check_files
from warehouse.marts import build
from warehouse.replicate import replicate, status

pytestmark = pytest.mark.slow

PLANTED = [f"Quillfeather{number:02d}" for number in range(50)]

TABLES = """
create type colour as enum ('red');
create table parent (id text primary key);
create table planted (
    id text primary key, short varchar(3), checked text check (checked = 'good'), parent text references parent,
    kind colour, needed text not null default 'x', born date, at timestamptz, amount numeric(3, 1), whole int,
    is_it boolean, key uuid, document jsonb, bytes bytea, place inet, list int[], period daterange, takes interval
);
create function refuse() returns trigger language plpgsql as $$
begin raise exception 'refused: %', new.id; end $$;
create table refusing (id text);
create trigger refuses before insert on refusing for each row execute function refuse();
insert into planted (id) select 'Quillfeather' || to_char(i, 'FM00') from generate_series(0, 49) as i;
"""
"""The values are there already, so that each insert of one is also one too many."""

CASTS = ("date", "timestamptz", "numeric", "int", "boolean", "uuid", "jsonb", "inet", "int[]", "daterange", "interval")

STATEMENTS = (
    "insert into planted (id) values ('{}')",
    "insert into planted (id, short) values ('new', '{}')",
    "insert into planted (id, checked) values ('new', '{}')",
    "insert into planted (id, parent) values ('new', '{}')",
    "insert into planted (id, kind) values ('new', '{}')",
    "insert into planted (id, short, needed) values ('new {}', 'x', null)",
    "insert into refusing values ('{}')",
    "select to_date(id, 'YYYY-MM-DD') from planted where id = '{}'",
    "select 'x' ~ ('(' || id) from planted where id = '{}'",
    "select decode(id, 'hex') from planted where id = '{}'",
    "do $$ begin raise exception 'about {}'; end $$",
    'select * from "{}"',
    *(f"select id::{kind} from planted where id = '{{}}'" for kind in CASTS),
)


@pytest.fixture(scope="module")
def own(short_folder: Path) -> Iterator[WorldDatabases]:
    """Two clusters whose logs are as the product has them."""
    made = make_databases(short_folder / "planted")
    made.cluster_settings = {name: value for name, value in FAST.items() if not name.startswith("log_")}
    made.start()
    with made.at_source() as trs:
        sandbox.schema.create(trs)
    with made.warehouse() as warehouse:
        made.migrate(warehouse)
    yield made
    made.stop()


def found_in(text: str) -> list[str]:
    return [value for value in PLANTED if value.lower() in text.lower()]


def clean(databases: WorldDatabases) -> None:
    """Look through every file below the home but the databases' own, and through every ledger."""
    home = databases.settings.warehouse_home
    looked = 0
    for path in home.rglob("*"):
        if path.is_file() and "data" not in path.relative_to(home).parts and "postgresql-" not in str(path):
            looked += 1
            assert not found_in(path.read_bytes().decode("utf-8", "replace")), path
    assert looked >= 10
    with databases.at_warehouse() as warehouse:
        ledgers = warehouse.execute(
            "select relname from pg_class where relnamespace = 'ledger'::regnamespace and relkind in ('r', 'v')"
        ).fetchall()
        for (name,) in ledgers:
            for row in warehouse.execute(sql.SQL("select t::text from {} as t").format(sql.Identifier("ledger", name))):
                assert not found_in(row[0]), name


def test_sessions_of_both_servers(own: WorldDatabases) -> None:
    failed = 0
    for databases in (own.at_source, own.at_warehouse):
        with databases() as connection:
            connection.execute(TABLES)
            for statement, value in itertools.product(STATEMENTS, PLANTED):
                with pytest.raises(psycopg.Error):
                    connection.execute(statement.format(value).encode())
                failed += 1
            connection.execute("drop table planted, parent, refusing; drop type colour; drop function refuse()")
    assert failed == 2 * len(PLANTED) * len(STATEMENTS)
    for name in (SOURCE, WAREHOUSE):
        assert "ready to accept connections" in own.cluster(name).log.read_text()
        assert not found_in(own.cluster(name).log.read_text())


def test_a_conflict_of_the_stream(own: WorldDatabases) -> None:
    """A worker's error quotes values, too: those of a row that the replica does not take."""
    replicate(own, Silent())
    with own.at_warehouse() as warehouse, own.at_source() as trs:
        warehouse.execute(
            "alter table public.persons add constraint nobody check (last_name not like 'Quill%') not valid"
        )
        trs.execute("set synchronous_commit = on")
        with trs.transaction():
            for value in PLANTED:
                person = {**PERSON, "person_id": uuid.uuid4(), "last_name": value, "trn": f"1{int(value[-2:]):06d}"}
                insert(trs, "persons", {**person, "first_name": value, "email_address": f"{value}@example.com"})
        until(
            "the stream is off",
            lambda: warehouse.execute("select 1 from pg_subscription where not subenabled").fetchone(),
        )
        said = status(own)
        assert "nobody" in str(said.reasons)
        assert not found_in(json.dumps([vars(reason) for reason in said.reasons], default=str))
        warehouse.execute("alter table public.persons drop constraint nobody")
    clean(own)
    replicate(own, Silent())


def test_models_and_tests_that_fail(own: WorldDatabases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(tmp_path, monkeypatch)
    for kind in CASTS:
        name = "".join(filter(str.isalnum, kind))
        write(project, f"marts/fct_{name}", f"select last_name::{kind} as x from public.persons")
        # A test whose query fails, and one whose rows are stored.
        write_test = project / "tests"
        write_test.mkdir(exist_ok=True)
        (write_test / f"is_{name}.sql").write_text(f"select last_name::{kind} as x from public.persons\n")
    (project / "tests" / "stored.sql").write_text(
        "{{ config(store_failures=true) }} select last_name, email_address from public.persons\n"
    )
    with pytest.raises(BuildFailed) as caught:
        build(own, date(2026, 10, 1), Silent())
    said = str(caught.value.as_dict())
    assert "SQLSTATE 22" in said, said
    assert not found_in(said)
    records = own.settings.warehouse_home / "dbt" / "target" / "run_results.json"
    assert "SQLSTATE 22" in records.read_text()
    clean(own)


def test_a_file_that_breaks_its_contract(own: WorldDatabases, tmp_path: Path) -> None:
    own.cluster(WAREHOUSE).create_database("gate")
    conninfo = own.cluster(WAREHOUSE).conninfo("gate")
    make_table(conninfo, "dandi_teachers")
    world = World(tmp_path, conninfo)
    world.contract()
    with world.building() as connection:
        connection.execute(
            "update extracts.dandi_teachers set trn = 'Quillfeather' || to_char(urn - 1, 'FM00') where urn <= 50"
        )
    with pytest.raises(CheckFailed) as caught:
        world.run(check=check_files)
    assert not found_in(str(caught.value.as_dict()))
    with psycopg.connect(conninfo) as connection:
        errors = connection.execute("select error::text from ledger.deliveries").fetchall()
    assert errors
    assert not found_in(str(errors))
    clean(own)
