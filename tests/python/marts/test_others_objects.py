"""What others made on, in and beside the marts stays, or the build says whose it is and publishes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.python.conftest import FreshDatabases, WorldDatabases
from tests.python.marts.publishing import labels, make
from warehouse.core.errors import ObjectInTheWay
from warehouse.marts import candidate, structure

OLD = {
    "seeds__codes": "select 1 as code, 'one' as label",
    "staging__stg_one": "view: select n as x, c.label from generate_series(1, 3) as n cross join {seeds}.codes as c",
    "marts__dim_one": "select x, 'old' as label from {staging}.stg_one",
}
NEW = OLD | {"marts__dim_one": "select x, 'new' as label from {staging}.stg_one where x > 1"}

THEIRS = """
create schema theirs;
create view theirs.on_mart as select x, label from marts.dim_one;
create materialized view theirs.stored as select count(*) as n from theirs.on_mart;
create view theirs.on_staging as select x from staging.stg_one;
create function theirs.counted() returns bigint language sql begin atomic select count(*) from marts.dim_one; end;
create table marts.theirs as select 'kept' as label;
create index theirs_label on marts.dim_one (label);
create statistics theirs.related on x, label from marts.dim_one;
create publication theirs for table marts.dim_one;
comment on column marts.dim_one.label is 'ours, says the analyst';
alter table marts.dim_one enable row level security;
create policy theirs on marts.dim_one for select to {analyst} using (x <> 3);
grant usage on schema marts, theirs, staging to {analyst};
grant select (x, label) on marts.dim_one to {analyst} with grant option;
grant references, trigger on marts.dim_one to {analyst};
grant select on staging.stg_one to {analyst};
alter default privileges in schema marts grant select on tables to {analyst};
"""


@pytest.fixture
def analyst(prepared: WorldDatabases) -> Iterator[str]:
    """A role without any right of its own."""
    with prepared.at_warehouse() as connection:
        name = f"analyst_{connection.info.dbname}"
        connection.execute(f"create role {name}".encode())
        yield name
        connection.execute(f"drop owned by {name} cascade".encode())
        connection.execute(f"drop role {name}".encode())


def everything(connection: psycopg.Connection) -> dict[str, list[tuple[object, ...]]]:
    """Every object of the schemas that people use, and what hangs on it, as the catalogue has it."""
    queries = {
        "relations": "select oid, relname, relkind, relacl::text, relowner, relrowsecurity from pg_class"
        " where relnamespace::regnamespace::text in ('theirs', 'marts', 'staging', 'seeds')",
        "columns": "select attrelid, attname, attacl::text from pg_attribute where attacl is not null and attnum > 0",
        "policies": "select * from pg_policy",
        "functions": "select oid, proname from pg_proc where pronamespace = 'theirs'::regnamespace",
        "defaults": "select * from pg_default_acl",
        "publications": "select * from pg_publication_rel",
        "comments": "select objoid, objsubid, description from pg_description where objoid = 'marts.dim_one'::regclass",
    }
    return {name: sorted(connection.execute(query.encode()).fetchall(), key=repr) for name, query in queries.items()}


def test_all_of_it_is_there_after_a_build_and_shows_the_new_rows(prepared: WorldDatabases, analyst: str) -> None:
    make(prepared, **OLD)
    with prepared.at_warehouse() as connection:
        connection.execute(THEIRS.format(analyst=analyst).encode())
        before = everything(connection)
        make(prepared, **NEW)
        assert everything(connection) == before
        assert connection.execute("select distinct label from theirs.on_mart").fetchall() == [("new",)]
        assert connection.execute("select theirs.counted()").fetchone() == (2,)
        assert connection.execute("select label from marts.theirs").fetchall() == [("kept",)]
        # What they stored is theirs to refresh.
        assert connection.execute("select n from theirs.stored").fetchone() == (3,)
        connection.execute("refresh materialized view theirs.stored")
        assert connection.execute("select n from theirs.stored").fetchone() == (2,)
        connection.execute(f"set role {analyst}".encode())
        assert connection.execute("select x from marts.dim_one").fetchall() == [(2,)]
        # The owner's default privileges are those of a table that is new, too.
        make(prepared, **NEW | {"marts__dim_new": "select 1 as x"})
        assert connection.execute("select x from marts.dim_new").fetchall() == [(1,)]


def test_columns_of_a_mart_come_and_go_under_their_views(prepared: WorldDatabases, analyst: str) -> None:
    make(prepared, **OLD | {"marts__dim_one": "select x, 'old' as label, 1 as gone from {staging}.stg_one"})
    with prepared.at_warehouse() as connection:
        connection.execute(THEIRS.format(analyst=analyst).encode())
        changed = (
            "select 'y' as extra, x::bigint as x2, x, 'new'::varchar(9) as wide, 'new' as label from {staging}.stg_one"
        )
        make(prepared, **OLD | {"marts__dim_one": changed})
        columns = connection.execute("select * from marts.dim_one limit 1").description or []
        assert sorted(column.name for column in columns) == ["extra", "label", "wide", "x", "x2"]
        assert connection.execute("select distinct label from theirs.on_mart").fetchall() == [("new",)]


@pytest.mark.parametrize(
    ("models", "named"),
    [
        ({"marts__dim_one": "select x from {staging}.stg_one"}, "view theirs.on_mart depends on column label"),
        (
            {"marts__dim_one": "select x::text as x, 'a' as label from {staging}.stg_one"},
            "depends on column x of table",
        ),
        ({"staging__stg_one": "view: select 'a' as label, 1 as x"}, r"view theirs\.on_staging of \w+ rests on it"),
    ],
)
def test_whose_view_is_in_the_way_of_a_changed_model_is_told(
    prepared: WorldDatabases, analyst: str, models: dict[str, str], named: str
) -> None:
    make(prepared, **OLD)
    with prepared.at_warehouse() as connection:
        connection.execute(THEIRS.format(analyst=analyst).encode())
        before = everything(connection)
        with pytest.raises(ObjectInTheWay, match=named):
            make(prepared, **OLD | models)
        assert everything(connection) == before
        assert labels(connection) == ["old"] * 3


@pytest.mark.parametrize(
    ("theirs", "named"),
    [
        (
            "create trigger t before insert on marts.dim_one for each row execute function public.f()",
            "The trigger t is on",
        ),
        ("create rule r as on insert to marts.dim_one do instead nothing", "The rule r is on"),
        ("create table public.child () inherits (marts.dim_one)", r"public\.child inherits from marts\.dim_one"),
    ],
)
def test_what_would_change_rows_while_they_are_published_is_named(
    prepared: WorldDatabases, theirs: str, named: str
) -> None:
    make(prepared, **OLD)
    with prepared.at_warehouse() as connection:
        connection.execute("create function public.f() returns trigger language plpgsql as 'begin return null; end'; ")
        connection.execute(theirs.encode())
        with pytest.raises(ObjectInTheWay, match=named) as caught:
            make(prepared, **NEW)
        assert labels(connection) == ["old"] * 3
        command = caught.value.next_command
        connection.execute(command[command.index("(") + 1 : command.index(")")].encode())
        make(prepared, **NEW)
        assert labels(connection) == ["new"] * 2


def test_rights_on_a_column_outlive_a_change_of_its_type(prepared: WorldDatabases, analyst: str) -> None:
    make(prepared, **OLD)
    with prepared.at_warehouse() as connection:
        connection.execute(f"grant usage on schema marts to {analyst}; grant select (x) on marts.dim_one to {analyst}")
        make(prepared, **OLD | {"marts__dim_one": "select x::bigint as x, 'new' as label from {staging}.stg_one"})
        connection.execute(f"set role {analyst}".encode())
        assert connection.execute("select max(x), pg_typeof(max(x))::text from marts.dim_one").fetchone() == (
            3,
            "bigint",
        )


def test_a_role_with_no_more_rights_than_it_needs_publishes(
    prepared: FreshDatabases, analyst: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(structure, "READER_SECONDS", 0.5)
    with prepared.at_warehouse() as connection:
        builder = f"builder_{connection.info.dbname}"
        connection.execute(f"create role {builder} login password 'p'".encode())
        connection.execute(f"grant create on database {connection.info.dbname} to {builder}".encode())
        connection.execute(
            f"grant all on schema ledger to {builder}; grant all on all tables in schema ledger to {builder}"
        )
        connection.execute(f"grant all on all sequences in schema ledger to {builder}".encode())
    url = make_conninfo(prepared.warehouse_conninfo, user=builder, password="p")
    own = FreshDatabases(
        prepared.settings, prepared.cluster_settings, "own", {"warehouse": url, "trs": prepared.source_conninfo}
    )
    make(own, **OLD)
    make(own, **NEW)
    with prepared.at_warehouse() as reader:
        assert labels(reader) == ["new"] * 2
        # A reader of another user, whose snapshot the builder may not see.
        reader.execute("begin isolation level repeatable read")
        reader.execute("select 1 from pg_class limit 1")
        more = NEW | {"marts__dim_one": "select x, 'new' as label, 1 as more from {staging}.stg_one"}
        with pytest.raises(ObjectInTheWay, match="has been reading for more than"):
            make(own, **more)
        reader.execute("commit")
        make(own, **more)
        reader.execute(f"drop owned by {builder} cascade".encode())
        reader.execute(f"drop role {builder}".encode())


def test_a_view_of_ours_is_made_again_with_its_rights(prepared: WorldDatabases, analyst: str) -> None:
    make(prepared, **OLD)
    with prepared.at_warehouse() as connection:
        connection.execute(f"grant select (label), update on staging.stg_one to {analyst} with grant option".encode())
        connection.execute("comment on view staging.stg_one is 'explained'")
        connection.execute("alter view staging.stg_one set (security_barrier = true)")
        make(prepared, **OLD | {"staging__stg_one": "view: select c.label, 7 as x, code from {seeds}.codes as c"})
        assert connection.execute("select * from staging.stg_one").fetchall() == [("one", 7, 1)]
        rights = "select has_column_privilege(%(r)s, oid, 'label', 'select with grant option'),"
        rights += " has_table_privilege(%(r)s, oid, 'update'), has_table_privilege(%(r)s, oid, 'select'),"
        rights += " obj_description(oid, 'pg_class'), reloptions from pg_class where relname = 'stg_one'"
        found = connection.execute(rights.encode(), {"r": analyst}).fetchall()
        assert found == [(True, True, False, "explained", ["security_barrier=true"])]
        # A seed whose column goes: our views on it are made again.
        less = {
            "seeds__codes": "select 'one' as label",
            "staging__stg_one": "view: select label, 7 as x from {seeds}.codes",
        }
        make(prepared, **OLD | less)
        assert connection.execute("select * from staging.stg_one").fetchall() == [("one", 7)]
        # A view that becomes a table, and back.
        make(prepared, **OLD | {"staging__stg_one": "select 5 as x, 'a'::text as label"})
        assert connection.execute("select * from staging.stg_one").fetchall() == [(5, "a")]
        make(prepared, **OLD)
        assert connection.execute("select count(*) from staging.stg_one").fetchone() == (3,)
        assert connection.execute(rights.encode(), {"r": analyst}).fetchall()[0][:2] == (True, True)


def test_a_foreign_key_on_a_mart_holds_or_is_named(prepared: WorldDatabases) -> None:
    make(prepared, **OLD)
    with prepared.at_warehouse() as connection:
        connection.execute("alter table marts.dim_one add primary key (x)")
        connection.execute("create table public.notes as select 2 as x")
        connection.execute("alter table public.notes add constraint to_mart foreign key (x) references marts.dim_one")
        make(prepared, **NEW)
        assert labels(connection) == ["new"] * 2
        with pytest.raises(ObjectInTheWay, match=r"constraint to_mart on public\.notes"):
            make(prepared, **NEW | {"marts__dim_one": "select x, 'later' as label from {staging}.stg_one where x > 2"})
        assert labels(connection) == ["new"] * 2
        connection.execute("alter table public.notes drop constraint to_mart")
        cascades = "foreign key (x) references marts.dim_one on delete cascade"
        connection.execute(f"alter table public.notes add constraint cascades {cascades}".encode())
        with pytest.raises(ObjectInTheWay, match=r"foreign key cascades of (public\.)?notes"):
            make(prepared, **OLD)
        assert connection.execute("select count(*) from public.notes").fetchone() == (1,)


@pytest.mark.parametrize(
    ("theirs", "named"),
    [
        ("create schema marts; create table marts.stock (x int)", "a schema marts of"),
        ("create schema marts; create function marts.f() returns int language sql as 'select 1'", r"in it: f\(\)"),
        ("create schema marts; create type marts.colour as enum ('red')", "in it: colour"),
        ("create schema trw_build_marts; create table trw_build_marts.stock (x int)", "a schema trw_build_marts of"),
        ("create schema trw_build_marts", "a schema trw_build_marts of"),
        ("create schema seeds; create table seeds.codes as select 1 as code, 'mine' as label", "a schema seeds of"),
    ],
)
def test_a_schema_of_another_application_is_left_alone(prepared: WorldDatabases, theirs: str, named: str) -> None:
    with prepared.at_warehouse() as connection:
        connection.execute(theirs.encode())
        inventory = "select oid, nspname from pg_namespace order by 1"
        before = connection.execute(inventory.encode()).fetchall()
        with pytest.raises(ObjectInTheWay, match=named):
            make(prepared, **OLD)
        assert connection.execute(inventory.encode()).fetchall() == before
        assert connection.execute("select count(*) from ledger.published_relations").fetchone() == (0,)


def test_a_schema_that_only_looks_like_a_candidate_is_never_dropped(prepared: WorldDatabases) -> None:
    with prepared.at_warehouse() as connection:
        connection.execute("create schema trw_build_shop; create table trw_build_shop.stock (x int)")
        connection.execute("create schema trw_old_shop; create table trw_old_shop.stock (x int)")
        make(prepared, **OLD)
        make(prepared, **NEW)
        assert connection.execute("select count(*) from trw_build_shop.stock, trw_old_shop.stock").fetchone() == (0,)


def test_what_others_made_in_or_on_a_candidate_is_named(prepared: WorldDatabases, analyst: str) -> None:
    make(prepared, **OLD)
    with prepared.at_warehouse() as connection:
        candidate.make(connection, ["trw_build_marts"])
        connection.execute("create table trw_build_marts.dim_one as select 1 as x")
        connection.execute("create view public.looked_at as select * from trw_build_marts.dim_one")
        with pytest.raises(ObjectInTheWay, match=r"view public\.looked_at depends on table trw_build_marts\.dim_one"):
            make(prepared, **NEW)
        connection.execute("drop view public.looked_at")
        connection.execute("create table trw_build_marts.theirs (x int)")
        connection.execute(f"alter table trw_build_marts.theirs owner to {analyst}".encode())
        connection.execute("drop table trw_build_marts.theirs")
        make(prepared, **NEW)
        assert labels(connection) == ["new"] * 2


def test_a_table_of_theirs_with_the_name_of_a_new_model_is_left_alone(prepared: WorldDatabases) -> None:
    make(prepared, **OLD)
    with prepared.at_warehouse() as connection:
        connection.execute("create table marts.dim_new as select 'theirs' as label")
        with pytest.raises(ObjectInTheWay, match=r"marts\.dim_new of \w+ was not made by a build"):
            make(prepared, **NEW | {"marts__dim_new": "select 1 as x"})
        assert connection.execute("select label from marts.dim_new").fetchall() == [("theirs",)]
        assert labels(connection) == ["old"] * 3


def test_a_column_of_theirs_is_named_and_kept(prepared: WorldDatabases) -> None:
    make(prepared, **OLD)
    with prepared.at_warehouse() as connection:
        connection.execute("alter table marts.dim_one add column note text default 'theirs'")
        with pytest.raises(ObjectInTheWay, match="has a column note that no build made"):
            make(prepared, **NEW)
        assert connection.execute("select distinct note from marts.dim_one").fetchall() == [("theirs",)]


def test_a_model_that_is_no_longer_there_goes_unless_somebody_hangs_on_it(prepared: WorldDatabases) -> None:
    make(prepared, **OLD | {"marts__dim_two": "select 1 as x", "staging__stg_two": "view: select 1 as x"})
    with prepared.at_warehouse() as connection:
        connection.execute("create view public.hangs as select * from marts.dim_two")
        with pytest.raises(ObjectInTheWay, match=r"view public\.hangs depends on table marts\.dim_two"):
            make(prepared, **OLD)
        connection.execute("drop view public.hangs")
        make(prepared, **OLD)
        assert connection.execute("select to_regclass('marts.dim_two'), to_regclass('staging.stg_two')").fetchone() == (
            None,
            None,
        )


def test_what_was_changed_by_hand_is_put_right(prepared: WorldDatabases) -> None:
    make(prepared, **OLD)
    with prepared.at_warehouse() as connection:
        connection.execute("update marts.dim_one set label = 'by hand' where x = 1")
        connection.execute("delete from marts.dim_one where x = 2")
        connection.execute("insert into marts.dim_one select * from marts.dim_one")
        make(prepared, **OLD)
        assert labels(connection) == ["old"] * 3
        connection.execute("create or replace view staging.stg_one as select 9 as x, 'mine' as label")
        connection.execute("create table marts.other as select 9 as x, 'dbt'::text as label")
        connection.execute("drop table marts.dim_one; alter table marts.other rename to dim_one")
        make(prepared, **OLD)
        assert labels(connection) == ["old"] * 3
        assert connection.execute("select count(*) from staging.stg_one").fetchone() == (3,)
