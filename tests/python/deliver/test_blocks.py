"""The rows of a COPY in blocks: each row once and in its order, and a connection that goes on afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tests.python.conftest import FreshDatabases
from warehouse.deliver import extract
from warehouse.deliver.extract import blocks

pytestmark = pytest.mark.slow

ROWS = 10_000
NUMBERS = sql.SQL(
    "copy (select n, repeat('x', case when n % 1000 = 0 then 300000 else n % 7 end) from generate_series(1, {}) as n)"
    " to stdout (format csv)"
)
BROKEN = sql.SQL("copy (select 1 / ({} - n) from generate_series(1, {}) as n) to stdout (format csv)")


@pytest.fixture
def connection(databases: FreshDatabases) -> Iterator[psycopg.Connection]:
    with databases.at_warehouse() as connection:
        connection.autocommit = False
        yield connection


def line(number: int) -> bytes:
    return f"{number},{'x' * (300_000 if number % 1000 == 0 else number % 7)}\n".replace(",\n", ',""\n').encode()


@pytest.mark.parametrize("per_file", [None, 1, 700, 2_048, 9_999, ROWS, ROWS + 1])
def test_each_row_comes_once_and_no_block_crosses_from_one_file_to_the_next(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, per_file: int | None
) -> None:
    monkeypatch.setattr(extract, "BYTES_PER_BLOCK", 1 << 18)
    rows = ROWS if per_file != 1 else 2_500
    found = list(blocks(connection, NUMBERS.format(sql.Literal(rows)), per_file))
    assert [row for block in found for row in block] == [line(number) for number in range(1, rows + 1)]
    assert all(0 < len(block) <= extract.ROWS_PER_BLOCK for block in found)
    # A block ends with the row that makes it large enough.
    assert all(sum(map(len, block[:-1])) < 1 << 18 for block in found)
    ends, reached = set[int](), 0
    for block in found:
        reached += len(block)
        ends.add(reached)
    assert per_file is None or ends >= set(range(per_file, rows + 1, per_file))
    assert connection.execute("select 1").fetchone() == (1,)


def test_no_rows_are_no_blocks(connection: psycopg.Connection) -> None:
    assert list(blocks(connection, NUMBERS.format(sql.Literal(0)))) == []
    assert connection.execute("select 1").fetchone() == (1,)


def test_a_failure_of_the_server_is_raised_and_the_transaction_can_be_ended(connection: psycopg.Connection) -> None:
    seen = 0
    with pytest.raises(psycopg.errors.DivisionByZero):
        for block in blocks(connection, BROKEN.format(sql.Literal(9_000), sql.Literal(ROWS))):
            seen += len(block)
    assert seen < 9_000
    connection.rollback()
    assert connection.execute("select 1").fetchone() == (1,)


def test_who_wants_no_more_leaves_the_connection_as_it_was(connection: psycopg.Connection) -> None:
    """What the server still sends of millions of rows is not waited for."""
    reading = blocks(connection, NUMBERS.format(sql.Literal(50_000_000)))
    assert next(reading)[0] == line(1)
    reading.close()  # type: ignore[attr-defined]
    connection.rollback()
    assert connection.execute("select 1").fetchone() == (1,)


def test_a_server_that_goes_away_is_an_error(connection: psycopg.Connection, databases: FreshDatabases) -> None:
    reading = blocks(connection, NUMBERS.format(sql.Literal(50_000_000)))
    next(reading)
    with databases.at_warehouse() as other:
        other.execute("select pg_terminate_backend(%s)", (connection.info.backend_pid,))
    with pytest.raises(psycopg.OperationalError):
        for _ in reading:
            pass
