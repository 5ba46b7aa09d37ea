"""Every session is as warehouse/core/session.py says, whatever role, database and shell have set."""

from __future__ import annotations

import os
import subprocess
import sys

import psycopg
import pytest
from psycopg import sql

from tests.python.conftest import WorldDatabases
from warehouse.core.database import writing
from warehouse.core.session import SETTINGS, SINCE
from warehouse.replicate.stream.source_state import replication_connection

pytestmark = pytest.mark.slow

ODD = {
    "datestyle": "SQL, DMY",
    "intervalstyle": "sql_standard",
    "timezone": "America/St_Johns",
    "extra_float_digits": "-5",
    "bytea_output": "escape",
    "array_nulls": "off",
    "standard_conforming_strings": "off",
    "quote_all_identifiers": "on",
    "xmloption": "document",
    "search_path": "nowhere",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "default_transaction_read_only": "on",
    "transform_null_equals": "on",
    "row_security": "on",
    "statement_timeout": "1s",
    "lock_timeout": "1s",
    "idle_in_transaction_session_timeout": "1s",
    "idle_session_timeout": "1s",
    "transaction_timeout": "1s",
    "client_encoding": "LATIN1",
    "client_min_messages": "debug1",
}
"""What a role may have been given by people who had something else in mind."""

SHELL = {
    "PGDATESTYLE": "SQL, DMY",
    "PGTZ": "America/St_Johns",
    "PGCLIENTENCODING": "LATIN1",
    "PGOPTIONS": "-c intervalstyle=sql_standard -c search_path=nowhere",
    "PGSERVICE": "none_of_that_name",
    "PGSSLMODE": "require",
    "PGTARGETSESSIONATTRS": "standby",
    "PGAPPNAME": "somebody",
}


def settings_of(connection: psycopg.Connection) -> dict[str, str]:
    """What the server has for each of our settings, in its own form."""
    names = sql.SQL(", ").join(map(sql.Literal, [*SETTINGS, *SINCE, "client_encoding"]))
    # Without parameters: a replication connection knows no others.
    rows = connection.execute(
        sql.SQL("select name, current_setting(name) from pg_settings where lower(name) in ({})").format(names)
    ).fetchall()
    return {name.lower(): value for name, value in rows}


EXPECTED = {**SETTINGS, "search_path": '""', "transaction_timeout": "0", "client_encoding": "UTF8"}


@pytest.fixture
def odd(databases: WorldDatabases) -> WorldDatabases:
    """Both databases with settings that reach every session in them."""
    for connect in (databases.at_source, databases.at_warehouse):
        with connect() as connection:
            for name, value in ODD.items():
                connection.execute(
                    sql.SQL("alter database {} set {} = {}").format(
                        sql.Identifier(connection.info.dbname), sql.SQL(name), sql.Literal(value)
                    )
                )
    return databases


def test_an_odd_setting_is_there_for_every_kind_of_ours() -> None:
    """Otherwise a setting that is added to ours would be tried by nothing."""
    assert set(ODD) - {"default_transaction_read_only", "client_encoding"} == set(SETTINGS) | set(SINCE)


def test_neither_role_nor_database_decides(odd: WorldDatabases) -> None:
    for connect in (odd.at_source, odd.at_warehouse):
        with connect() as others:
            assert others.execute("show datestyle").fetchone() == ("SQL, DMY",), "the odd settings do reach sessions"
    with odd.source() as trs, odd.warehouse() as warehouse:
        # A lock is waited for as long as our own setting says, and not for ever.
        assert settings_of(trs) == {**EXPECTED, "lock_timeout": "30min"}
        assert settings_of(warehouse) == {**EXPECTED, "lock_timeout": "30min"}
        assert warehouse.execute("show default_transaction_read_only").fetchone() == ("off",)
        assert str(warehouse.execute("select timestamptz '2026-07-01 12:00:00+00'").fetchone()[0]) == (  # type: ignore[index]
            "2026-07-01 12:00:00+00:00"
        )
    with replication_connection(odd.source_conninfo) as connection:
        assert settings_of(connection) == EXPECTED


def test_the_shell_does_not_decide(databases: WorldDatabases) -> None:
    program = (
        "import sys; from warehouse.core.database import connect\n"
        "c = connect(sys.argv[1], what='x', variable='X')\n"
        "names = ('datestyle', 'timezone', 'intervalstyle', 'client_encoding', 'application_name', 'search_path')\n"
        "print([c.execute(f'show {name}').fetchone()[0] for name in names])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, databases.warehouse_conninfo],
        env={**os.environ, **SHELL},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "['ISO, YMD', 'UTC', 'postgres', 'UTF8', 'warehouse', '\"\"']", done.stderr


def test_the_source_is_only_read(databases: WorldDatabases) -> None:
    with databases.at_source() as operator:
        operator.execute("create table kept (id int)")
    with databases.source() as trs:
        for statement in ("delete from public.kept", "drop table public.kept", "create table public.more (id int)"):
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                trs.execute(statement.encode())
        # What is ours there needs no door, or has one.
        trs.execute("select pg_logical_emit_message(true, 'x', ''), pg_current_xact_id()")
        with writing(trs):
            trs.execute("create publication ours for table public.kept")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            trs.execute("drop publication ours")


def test_the_door_closes_after_a_failure(databases: WorldDatabases) -> None:
    with databases.source() as trs:
        with pytest.raises(psycopg.errors.UndefinedTable), writing(trs):
            trs.execute("create publication ours for table public.not_there")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            trs.execute("create table public.more (id int)")
