"""`warehouse sql` asks through a login that has a reader's rights alone: there are no others that it could take."""

from __future__ import annotations

import json

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from tests.python.cli.asking import Ask
from tests.python.conftest import FreshDatabases
from warehouse.core import roles
from warehouse.core.errors import NoReadersLogin, UsageError
from warehouse.core.roles import asker

TAKES = [
    "reset role",
    "set session authorization default",
    "set role {superuser}",
    "set local role none",
    "perform set_config('role', 'none', true)",
    "perform set_config('session_authorization', {text}, true)",
    "execute 'reset session authorization'",
]
"""What brings a session's own rights back, in the midst of a function."""


def left(connection: psycopg.Connection, databases: FreshDatabases) -> list[str]:
    """The logins for one question that are there."""
    asked = "select rolname from pg_roles where starts_with(rolname, %s)"
    return [name for (name,) in connection.execute(asked, (f"{databases.settings.warehouse_role_prefix}asks_",))]


@pytest.mark.parametrize("has_roles", [False, True])
def test_no_function_brings_a_superuser_back(ask: Ask, prepared: FreshDatabases, has_roles: bool) -> None:
    """Whoever made it, and in whatever schema: nobody has to be trusted with CREATE."""
    with prepared.at_warehouse() as administrator:
        if has_roles:
            roles.apply(administrator, prepared.settings)
        else:
            administrator.execute("create schema if not exists analysts")
        user = administrator.info.user
        superuser, text = (one(user).as_string() for one in (sql.Identifier, sql.Literal))
        for schema in ("analysts", "public", "ledger"):
            for number, take in enumerate(TAKES):
                taking = take.format(superuser=superuser, text=text)
                for what, returned in (
                    ("is", "current_setting('is_superuser')"),
                    ("file", "pg_read_file('PG_VERSION')"),
                ):
                    administrator.execute(
                        f"create function {schema}.{what}_{number}() returns text language plpgsql as $f$ begin "
                        f"{taking}; return {returned}; end $f$; "
                        f"grant execute on function {schema}.{what}_{number}() to public".encode()
                    )
                # Where the taking is refused, or has nothing to take.
                told = ask("--json", f"select {schema}.is_{number}() as it")
                assert told.code == UsageError.exit_code or json.loads(told.out) == [{"it": "off"}], (take, told)
                told = ask(f"select {schema}.file_{number}()")
                assert told.code == UsageError.exit_code and "permission denied" in told.err, (take, told)
                told = ask("--", f"do $$ begin {taking}; perform pg_read_file('PG_VERSION'); end $$")
                assert told.code == UsageError.exit_code and "permission denied" in told.err, (take, told)
        administrator.execute("drop function public.is_0")
        assert left(administrator, prepared) == []


def test_it_is_a_login_for_one_question(ask: Ask, prepared: FreshDatabases) -> None:
    who = """select rolsuper, rolcreaterole, rolconnlimit, session_user = current_user as own,
        rolvaliduntil < 'infinity' as ends,
        array(select m.roleid::regrole::text from pg_auth_members as m where m.member = r.oid) as has
        from pg_roles as r where rolname = current_user"""
    wanted = {"rolsuper": False, "rolcreaterole": False, "rolconnlimit": 2, "own": True, "ends": True}
    assert json.loads(ask("--json", who).out) == [{**wanted, "has": "{pg_read_all_data}"}]
    assert json.loads(ask("--source", "--json", who).out) == [{**wanted, "has": "{pg_read_all_data}"}]
    with prepared.at_warehouse() as administrator:
        roles.apply(administrator, prepared.settings)
        reader = roles.role_name(prepared.settings, roles.Role.analyst_sensitive)
        assert json.loads(ask("--json", who).out) == [{**wanted, "has": f"{{{reader}}}"}]
        assert ask("select nonsense").code == UsageError.exit_code
        assert left(administrator, prepared) == []
        assert json.loads(ask("--write", "--json", "select session_user as own").out) == [
            {"own": administrator.info.user}
        ]
        assert "asks_" not in str(roles.breaches(administrator, prepared.settings))


def test_what_a_killed_command_left_goes_with_the_next(ask: Ask, prepared: FreshDatabases) -> None:
    prefix = f"{prepared.settings.warehouse_role_prefix}asks_"
    with prepared.at_warehouse() as administrator:
        for name, until, mark in (
            ("old", "2020-01-01", asker._MARK),
            ("new", "infinity", asker._MARK),
            ("others", "2020-01-01", "somebody else's"),
        ):
            role = sql.Identifier(prefix + name)
            administrator.execute(sql.SQL("create role {} valid until {}").format(role, sql.Literal(until)))
            administrator.execute(sql.SQL("comment on role {} is {}").format(role, sql.Literal(mark)))
        assert ask("select 1").code == 0
        assert sorted(left(administrator, prepared)) == [f"{prefix}new", f"{prefix}others"]
        administrator.execute(
            sql.SQL("drop role {}, {}").format(*(sql.Identifier(prefix + one) for one in ("new", "others")))
        )


def test_a_server_that_does_not_admit_the_login_is_named_and_nothing_is_asked(
    ask: Ask, prepared: FreshDatabases
) -> None:
    with prepared.at_warehouse() as administrator:
        database = sql.Identifier(administrator.info.dbname)
        administrator.execute(sql.SQL("revoke connect on database {} from public").format(database))
        told = ask("select 1")
        assert told.code == NoReadersLogin.exit_code == 102 and told.out == ""
        assert "pg_hba.conf" in told.err and "grants login" in told.err and "Nothing was asked" in told.err
        assert left(administrator, prepared) == []
        administrator.execute(sql.SQL("grant connect on database {} to public").format(database))


def test_a_reader_who_could_become_a_superuser_is_none(prepared: FreshDatabases) -> None:
    with prepared.at_warehouse() as administrator:
        roles.apply(administrator, prepared.settings)
        reader = sql.Identifier(roles.role_name(prepared.settings, roles.Role.analyst_sensitive))
        administrator.execute(sql.SQL("grant {} to {}").format(sql.Identifier(administrator.info.user), reader))
        with (
            pytest.raises(NoReadersLogin, match="could become a superuser"),
            roles.asking(administrator, prepared.settings),
        ):
            pytest.fail("it was asked")
        assert left(administrator, prepared) == []
        administrator.execute(sql.SQL("revoke {} from {}").format(sql.Identifier(administrator.info.user), reader))


def test_no_login_is_made_at_an_operational_database_on_a_server(ask: Ask, prepared: FreshDatabases) -> None:
    url = SecretStr(prepared.source_conninfo)
    changed = {"trs_database_url": url, "warehouse_sql_source": True}
    prepared.settings = prepared.settings.model_copy(update=changed)
    with prepared.at_source() as administrator:
        before = administrator.execute("select xmin, oid from pg_authid order by oid").fetchall()
        told = ask("--source", "select 1")
        assert told.code == NoReadersLogin.exit_code and "replicate sql --role" in told.err, told
        assert administrator.execute("select xmin, oid from pg_authid order by oid").fetchall() == before
