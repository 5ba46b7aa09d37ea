"""Each role reads what the classes of the columns say and nothing else, before and after builds, by a real login."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from functools import partial

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.python.conftest import FreshDatabases
from tests.python.marts.publishing import make
from warehouse.core import roles
from warehouse.core.errors import LoginHasMore, ObjectInTheWay, RoleHasOtherRights, UsageError
from warehouse.core.roles import READERS, Role, role_name
from warehouse.marts import candidate
from warehouse.query import tsql
from warehouse.query.columns import columns_of
from warehouse.query.tsql.old_copy import look_up

MODELS = {
    "seeds__codes": "select 1 as code, 'one' as label",
    "staging__stg_one": "view: select n as x, 'QQ123456C' as nino from generate_series(1, 3) as n",
    "marts__dim_one": "select x, 'Ann' as first_name, 'old' as label, nino from {staging}.stg_one",
    "marts__dim_open": "select 1 as x",
    "extracts__tad_one": "select x from {staging}.stg_one",
    # A view of an old name is read with its owner's rights on staging, which a reader has not.
    "legacy__old_one": "view: select x, nino from {staging}.stg_one",
    "legacy__contact": "view: select x as id, 'Ann' as firstname, nino as dfeta_ninumber from {staging}.stg_one",
}
CLASSES = {
    "dim_one": {"x": "open", "label": "open", "first_name": "personal", "nino": "sensitive"},
    "dim_open": {"x": "open"},
    "old_one": {"x": "open", "nino": "sensitive"},
    "contact": {"id": "open", "firstname": "personal", "dfeta_ninumber": "sensitive"},
}
SEEN = {
    Role.analyst: ["x", "label"],
    Role.analyst_personal: ["x", "first_name", "label"],
    Role.analyst_sensitive: ["x", "first_name", "label", "nino"],
}

Login = Callable[[str], psycopg.Connection]


@pytest.fixture
def login(prepared: FreshDatabases) -> Iterator[Login]:
    """Logs somebody in, with a login that was made for them: a name, and what it begins with."""
    with ExitStack() as opened, prepared.at_warehouse() as administrator:

        def log_in(name: str) -> psycopg.Connection:
            who = sql.Identifier(name)
            if not administrator.execute("select 1 from pg_roles where rolname = %s", (name,)).fetchone():
                administrator.execute(sql.SQL("create role {} login").format(who))
            administrator.execute(sql.SQL("alter role {} password 'p'").format(who))
            url = make_conninfo(prepared.warehouse_conninfo, user=name, password="p")
            return opened.enter_context(psycopg.connect(url, autocommit=True))

        yield log_in


@pytest.fixture
def warehouse(prepared: FreshDatabases) -> Iterator[psycopg.Connection]:
    """A published build on a warehouse whose roles are there."""
    with prepared.warehouse() as connection:
        roles.apply(connection, prepared.settings)
        make(prepared, date(2026, 10, 1), CLASSES, **MODELS)
        yield connection


def person(databases: FreshDatabases, role: str) -> str:
    """The name of a login for a role: odd, as hostile names are."""
    return f"{databases.settings.warehouse_role_prefix}o\"br'ien; drop role x {role}"


def columns(connection: psycopg.Connection, query: str) -> list[str]:
    return [column.name for column in connection.execute(query.encode()).description or []]


def may(connection: psycopg.Connection, statement: str) -> bool:
    try:
        connection.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def translated(connection: psycopg.Connection, query: str) -> str:
    """A saved query in T-SQL, as `warehouse sql --dialect tsql` asks it."""
    return tsql.translate(query, look_up(partial(columns_of, connection))).sql


@pytest.mark.parametrize("role", READERS)
def test_a_reader_sees_the_columns_of_its_class_before_and_after_builds(
    prepared: FreshDatabases, warehouse: psycopg.Connection, login: Login, role: Role
) -> None:
    roles.give(warehouse, prepared.settings, person(prepared, role), role)
    reader = login(person(prepared, role))
    changed = MODELS | {
        "marts__dim_one": "select 'Z' as nino2, x, 'Ann' as first_name, 'new' as label, nino from {staging}.stg_one"
    }
    for models, label in ((MODELS, "old"), (changed, "new"), (MODELS, "old")):
        make(prepared, date(2026, 10, 1), CLASSES, **models)
        seen = columns(reader, "select * from dim_one")
        assert sorted(set(seen) - {"nino2"}) == sorted(SEEN[role])
        # A new column without a class is sensitive.
        assert ("nino2" in seen) == (role is Role.analyst_sensitive and label == "new")
        assert reader.execute("select distinct label from dim_one").fetchall() == [(label,)]
        for column in SEEN[Role.analyst_sensitive]:
            assert may(reader, f"select {column} from marts.dim_one") == (column in SEEN[role])
        assert columns(reader, "select * from dim_open") == ["x"]
        assert may(reader, "select x from legacy.old_one")
        assert may(reader, "select nino from legacy.old_one") == (role is Role.analyst_sensitive)
        # A translation reads no more than what it was translated from.
        for column, least in zip(("ID", "FirstName", "DFETA_NINumber"), READERS, strict=True):
            saved = translated(reader, f"SELECT TOP 1 {column} FROM [dbo].[Contact]")
            assert may(reader, saved) == (READERS.index(role) >= READERS.index(least)), column
        saved = translated(reader, "SELECT TOP 1 d.NINO FROM marts.dim_one d")
        assert may(reader, saved) == (role is Role.analyst_sensitive)
        assert may(reader, "table seeds.codes")
        assert may(reader, "select * from staging.stg_one") == (role is Role.analyst_sensitive)
        assert may(reader, "table extracts.tad_one") == (role is Role.analyst_sensitive)
        assert may(reader, "table ledger.runs") == (role is Role.analyst_sensitive)
        assert may(reader, "select build_id from ledger.builds")
        assert roles.breaches(warehouse, prepared.settings) == []
        assert roles.by_login(warehouse, prepared.settings) == ([], None)


def test_a_class_that_is_raised_takes_the_column_away_with_the_build(
    prepared: FreshDatabases, warehouse: psycopg.Connection, login: Login
) -> None:
    roles.give(warehouse, prepared.settings, person(prepared, "open"), Role.analyst)
    reader = login(person(prepared, "open"))
    assert columns(reader, "select * from dim_one") == ["x", "label"]
    make(prepared, date(2026, 10, 1), {**CLASSES, "dim_one": {"x": "open"}}, **MODELS)
    assert columns(reader, "select * from dim_one") == ["x"]
    assert not may(reader, "select label from marts.dim_one")
    # A mart that nothing builds any more goes with its views.
    make(
        prepared,
        date(2026, 10, 1),
        CLASSES,
        **{name: model for name, model in MODELS.items() if "dim_open" not in name},
    )
    with pytest.raises(psycopg.errors.UndefinedTable):
        reader.execute("select * from dim_open")


def test_a_fresh_login_can_do_nothing(prepared: FreshDatabases, warehouse: psycopg.Connection, login: Login) -> None:
    name = f"{prepared.settings.warehouse_role_prefix}stranger"
    with pytest.raises(psycopg.OperationalError, match="CONNECT privilege"):
        login(name)
    database = sql.Identifier(warehouse.info.dbname)
    warehouse.execute(sql.SQL("grant connect on database {} to {}").format(database, sql.Identifier(name)))
    stranger = login(name)
    asked = """
    select has_database_privilege(current_database(), 'temporary'),
        has_database_privilege(current_database(), 'create'),
        exists (select from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'
            and has_schema_privilege(oid, 'usage')),
        exists (select from pg_proc as f join pg_namespace as n on n.oid = f.pronamespace
            where n.nspname in ('ledger', 'history', 'versions') and has_function_privilege(f.oid, 'execute')),
        exists (select from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
            where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind in ('r', 'v', 'p', 'm')
            and has_any_column_privilege(c.oid, 'select, insert, update'))
    """
    assert stranger.execute(asked.encode()).fetchone() == (False, False, False, False, False)
    warehouse.execute("create function ledger.made_later() returns int language sql return 1")
    assert not may(stranger, "select ledger.made_later()")


def test_a_schema_of_the_analysts_own_outlives_builds(
    prepared: FreshDatabases, warehouse: psycopg.Connection, login: Login
) -> None:
    roles.give(warehouse, prepared.settings, person(prepared, "open"), Role.analyst)
    reader = login(person(prepared, "open"))
    reader.execute("create table analysts.mine as select x from dim_one")
    reader.execute("create view analysts.seen as select x from dim_one")
    for schema in ("marts", "marts_open", "public", "ledger", "staging"):
        assert not may(reader, f"create table {schema}.mine (x int)")
    assert not may(reader, "create temporary table mine (x int)")
    make(
        prepared,
        date(2026, 10, 1),
        CLASSES,
        **MODELS | {"marts__dim_one": "select x, 'n' as label from {staging}.stg_one"},
    )
    assert reader.execute("select count(*) from analysts.mine").fetchone() == (3,)
    assert reader.execute("select count(*) from analysts.seen").fetchone() == (3,)


def test_a_builder_builds_beside_what_is_published_and_publishes_nothing(
    prepared: FreshDatabases, warehouse: psycopg.Connection, login: Login
) -> None:
    roles.give(warehouse, prepared.settings, person(prepared, "b"), Role.builder)
    builder = login(person(prepared, "b"))
    builder.execute("create schema mine_marts; create table mine_marts.dim_one as select build_id from ledger.builds")
    builder.execute("create temporary table aside (x int)")
    # What it builds from; the published marts are no part of that.
    for schema, readable in (("ledger", True), ("marts", False), ("marts_open", False), ("extracts", False)):
        names = warehouse.execute("select relname from pg_class where relnamespace = to_regnamespace(%s)", (schema,))
        relation = sorted(name for (name,) in names if not name.endswith(("_pkey", "_idx", "_seq", "_key")))[0]
        assert may(builder, f"select from {schema}.{relation} limit 1") == readable, relation
    for statement in (
        "create table marts.dim_two (x int)",
        "drop table marts.dim_one",
        "insert into marts.dim_open values (2)",
        "alter schema marts rename to old",
        "insert into ledger.builds (as_at, project_sha256) values (current_date, '')",
        "update ledger.builds set state = 'published'",
        "delete from ledger.published_relations",
        "update ledger.deliveries set state = 'sent'",
        "create table staging.mine (x int)",
        "create table analysts.mine (x int)",
        f"set role {role_name(prepared.settings, Role.engineer)}",
    ):
        assert not may(builder, statement), statement
    assert roles.breaches(warehouse, prepared.settings) == []
    make(prepared, date(2026, 10, 1), CLASSES, **MODELS)
    assert builder.execute("select count(*) from mine_marts.dim_one").fetchone() == (1,)


def test_whose_view_hangs_on_a_narrow_view_is_named(
    prepared: FreshDatabases, warehouse: psycopg.Connection, login: Login
) -> None:
    roles.give(warehouse, prepared.settings, person(prepared, "open"), Role.analyst)
    login(person(prepared, "open")).execute("create view analysts.seen as select label from dim_one")
    with pytest.raises(ObjectInTheWay, match=r"analysts\.seen depends on view marts_open\.dim_one"):
        make(prepared, date(2026, 10, 1), CLASSES, **MODELS | {"marts__dim_one": "select x from {staging}.stg_one"})


@pytest.mark.parametrize(
    ("by_hand", "error", "named"),
    [
        (
            "grant select (nino) on marts.dim_one to {analyst}",
            RoleHasOtherRights,
            r"analyst.* select on marts\.dim_one \(nino\)",
        ),
        (
            "grant select on staging.stg_one to {deliverer}",
            RoleHasOtherRights,
            r"deliverer.* select on staging\.stg_one",
        ),
        ("grant update on ledger.erasures to {deliverer}", RoleHasOtherRights, r"update on ledger\.erasures"),
        ("grant {analyst_sensitive} to {analyst}", RoleHasOtherRights, "analyst.* select on"),
        ("alter role {analyst} createrole", RoleHasOtherRights, "analyst has createrole"),
        ("grant select on marts.dim_one to {person}", LoginHasMore, r"the login .*br.* select on marts\.dim_one"),
        ("grant pg_read_all_data to {person}", LoginHasMore, "the login .*br.* select on"),
        ("alter role {person} superuser", LoginHasMore, "the login .*br.* superuser"),
        ("grant select (nino) on marts.dim_one to public", LoginHasMore, r"everybody .*marts\.dim_one \(nino\)"),
        ("grant temporary on database {database} to public", LoginHasMore, "everybody .*temporary on database"),
        ("grant create on schema marts to {person}", LoginHasMore, "create on schema marts"),
        # Of what a build makes aside nobody may read anything.
        ("alter default privileges grant select on tables to {analyst}", RoleHasOtherRights, "trw_build_extracts"),
    ],
)
def test_a_right_that_was_given_by_hand_stops_publication(
    prepared: FreshDatabases, warehouse: psycopg.Connection, by_hand: str, error: type[Exception], named: str
) -> None:
    roles.give(warehouse, prepared.settings, person(prepared, "open"), Role.analyst)
    names = {role.value: sql.Identifier(role_name(prepared.settings, role)) for role in Role}
    statement = sql.SQL(by_hand).format(  # type: ignore[arg-type]
        **names, person=sql.Identifier(person(prepared, "open")), database=sql.Identifier(warehouse.info.dbname)
    )
    warehouse.execute(statement)
    with pytest.raises(error, match=named):
        make(prepared, date(2026, 10, 1), CLASSES, **MODELS | {"marts__dim_open": "select 2 as x"})
    assert warehouse.execute("select x from marts.dim_open").fetchone() == (1,)


def test_a_login_sees_with_its_own_eyes_what_the_catalogue_would_not_say(
    prepared: FreshDatabases, warehouse: psycopg.Connection
) -> None:
    warehouse.execute("create role public_reader_of_this_test")
    try:
        warehouse.execute(
            sql.SQL("grant select (nino) on marts.dim_one to {}").format(
                sql.Identifier(role_name(prepared.settings, Role.analyst))
            )
        )
        found, why = roles.by_login(warehouse, prepared.settings)
        assert why is None
        assert str(found[0]).endswith("read marts.dim_one (nino)")
        left = "select count(*) from pg_roles where rolname like '%%probe' and starts_with(rolname, %s)"
        assert warehouse.execute(left, (prepared.settings.warehouse_role_prefix,)).fetchone() == (0,)
    finally:
        warehouse.execute("drop role public_reader_of_this_test")


@pytest.mark.parametrize(
    ("before", "named"),
    [
        ("create role {analyst} login", "can log in"),
        ("create role {analyst} createdb", "may create databases"),
        ("create role {analyst} in role pg_read_all_data", "is a member of pg_read_all_data"),
        ("create role {analyst}; grant select on ledger.runs to {analyst}", "owns or may use 1 objects"),
    ],
)
def test_a_role_that_is_there_with_other_rights_is_left_alone(
    prepared: FreshDatabases, before: str, named: str
) -> None:
    analyst = sql.Identifier(role_name(prepared.settings, Role.analyst))
    with prepared.warehouse() as connection:
        connection.execute(sql.SQL(before).format(analyst=analyst))  # type: ignore[arg-type]
        with pytest.raises(RoleHasOtherRights, match=named):
            roles.apply(connection, prepared.settings)
        assert roles.made(connection, prepared.settings) == {}


def test_an_empty_role_that_an_administrator_made_is_taken_over(prepared: FreshDatabases) -> None:
    with prepared.warehouse() as connection:
        for role in Role:
            connection.execute(sql.SQL("create role {}").format(sql.Identifier(role_name(prepared.settings, role))))
        assert roles.apply(connection, prepared.settings).made == []
        assert roles.breaches(connection, prepared.settings) == []
        # A second time there is nothing to do.
        assert roles.apply(connection, prepared.settings).granted == 0


def test_what_a_failed_build_left_expires(prepared: FreshDatabases) -> None:
    with prepared.warehouse() as connection:
        candidate.make(connection, [candidate.PREFIX + "marts"])
        connection.execute("create table trw_build_marts.dim_one as select 1 as x")
        assert not candidate.drop_expired(connection, 7)
        connection.execute("update ledger.made_here set made_at = made_at - interval '8 days' where kind = 'candidate'")
        assert candidate.drop_expired(connection, 7)
        assert connection.execute("select to_regnamespace('trw_build_marts')").fetchone() == (None,)


def test_a_login_is_never_more_than_its_role(prepared: FreshDatabases, warehouse: psycopg.Connection) -> None:
    settings, name = prepared.settings, person(prepared, "one")
    assert roles.give(warehouse, settings, name, Role.analyst).is_new
    given = roles.give(warehouse, settings, name, Role.analyst_personal)
    assert (given.role, given.is_new) == (role_name(settings, Role.analyst_personal), False)
    member = """
    select array_agg(roleid::regrole::text) from pg_auth_members
    where member = (select oid from pg_roles where rolname = %s)
    """
    assert warehouse.execute(member, (name,)).fetchone() == ([role_name(settings, Role.analyst_personal)],)
    roles.give(warehouse, settings, name, None)
    assert warehouse.execute(member, (name,)).fetchone() == (None,)
    warehouse.execute(sql.SQL("alter role {} createrole").format(sql.Identifier(name)))
    with pytest.raises(LoginHasMore, match="createrole"):
        roles.give(warehouse, settings, name, Role.analyst)
    with pytest.raises(UsageError, match="a role of the warehouse itself"):
        roles.give(warehouse, settings, role_name(settings, Role.engineer), Role.analyst)
