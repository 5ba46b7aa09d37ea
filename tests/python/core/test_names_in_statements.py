"""Any name and any value can stand in a statement with parameters."""

from __future__ import annotations

from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from tests.python.conftest import FreshDatabases
from warehouse.core.database import connect

NAMES = ("100%", "100% sure", "%s", "%(x)s", "100%% twice", 'a "quoted" %', "back \\ %", "ends with %s")


@pytest.fixture
def connection(databases: FreshDatabases) -> psycopg.Connection:
    return connect(databases.warehouse_conninfo, what="the warehouse", variable="WAREHOUSE_DATABASE_URL")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_and_a_value_with_a_percent_sign(connection: psycopg.Connection, name: str) -> None:
    def made(text: LiteralString) -> sql.Composed:
        return sql.SQL(text).format(name=sql.Identifier(name), value=sql.Literal(name))

    nested = sql.SQL("select * from ({}) as t where {} = %(x)s")
    with connection, connection.cursor() as cursor:
        cursor.execute(made("create temporary table {name} ({name} text)"))
        cursor.execute(made("insert into {name} select {value} || %s"), ("!",))
        cursor.execute(made("insert into {name} values ({value})"))
        cursor.executemany(made("insert into {name} values ({value} || %s)"), [("1",), ("2",)])
        found = cursor.execute(made("select {name} from {name} order by length({name}), {name} limit %s"), (9,))
        assert [row[0] for row in found] == [name, f"{name}!", f"{name}1", f"{name}2"]
        inner = made("select {name} from {name} where {name} <> {value}")
        again = cursor.execute(nested.format(inner, sql.Identifier(name)), {"x": f"{name}1"})
        assert again.fetchall() == [(f"{name}1",)]
        streamed = cursor.stream(made("select {value} where {value} like '%%' and %s = 1"), (1,))
        assert list(streamed) == [(name,)]
        with cursor.copy(
            made("copy (select {name} from {name} where {name} = {value} || %s) to stdout"), ("!",)
        ) as data:
            assert [row[0] for row in data.rows()] == [f"{name}!"]
    assert connection.closed


def test_a_statement_without_parameters_is_left_as_it_is(connection: psycopg.Connection) -> None:
    with connection:
        found = connection.execute(sql.SQL("select {}, format('%s', 1)").format(sql.Literal("100%"))).fetchone()
    assert found == ("100%", "1")
