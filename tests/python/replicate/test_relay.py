"""Rows are relayed many at a time, and every error of the source is told as what it is."""

from __future__ import annotations

import threading

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from warehouse.core.databases import Databases
from warehouse.replicate.stream.transfer import Stopped, _begin_reading, _read_batch, relay
from warehouse.replicate.sync.parts import Part

pytestmark = pytest.mark.slow

ROWS = 50_000


def part(table: str, *columns: str) -> Part:
    return Part("public", table, columns, {})


def copied(
    trs: psycopg.Connection, warehouse: psycopg.Connection, of: Part, stop: threading.Event | None = None
) -> int:
    return relay(trs, of.read(), warehouse, of.write(), stop)


@pytest.fixture
def numbers(databases: Databases) -> Databases:
    """A table with short rows and a few that are longer than a batch; a view that fails in the middle."""
    with databases.at_source() as trs, databases.at_warehouse() as warehouse:
        trs.execute(
            "create table numbers as"
            " select n, repeat('x', case when n %% 10000 = 0 then 600000 else n %% 7 end) as text_"
            " from generate_series(1, %s) as n",
            (ROWS,),
        )
        trs.execute("create view broken as select 1 / (40000 - n) as n from numbers")
        warehouse.execute("create table numbers (n int, text_ text)")
        warehouse.execute("create table broken (n int)")
    return databases


def test_every_row_arrives_and_the_connection_goes_on(numbers: Databases) -> None:
    with numbers.at_source() as trs, numbers.at_warehouse() as warehouse:
        trs.execute("begin isolation level repeatable read read only")
        for _ in range(2):
            assert copied(trs, warehouse, part("numbers", "n", "text_")) == ROWS
        content = "select count(*), sum(n), sum(length(text_)) from numbers"
        once = trs.execute(content).fetchone()
        assert once is not None
        assert warehouse.execute(content).fetchone() == tuple(2 * value for value in once)


def test_an_empty_table_is_copied(numbers: Databases) -> None:
    with numbers.at_source() as trs, numbers.at_warehouse() as warehouse:
        trs.execute("delete from numbers")
        assert copied(trs, warehouse, part("numbers", "n", "text_")) == 0


@pytest.mark.parametrize(
    ("table", "error"), [("broken", psycopg.errors.DivisionByZero), ("missing", psycopg.errors.UndefinedTable)]
)
def test_an_error_of_the_source_is_told_as_it_is(numbers: Databases, table: str, error: type[psycopg.Error]) -> None:
    with numbers.at_source() as trs, numbers.at_warehouse() as warehouse:
        with pytest.raises(error) as raised, warehouse.transaction():
            copied(trs, warehouse, part(table, "n"))
        assert raised.value.diag.message_primary
        assert trs.closed
        # The other side is free for what comes next, and has kept nothing of it.
        assert warehouse.info.transaction_status == TransactionStatus.IDLE
        assert warehouse.execute("select count(*) from broken").fetchone() == (0,)


def test_the_end_of_the_source_is_an_error(numbers: Databases) -> None:
    with numbers.at_source() as trs, numbers.at_source() as other:
        trs.wait(_begin_reading(trs.pgconn, part("numbers", "n", "text_").read().as_bytes(trs)))
        other.execute("select pg_terminate_backend(%s)", (trs.info.backend_pid,))
        with pytest.raises(psycopg.OperationalError):
            while trs.wait(_read_batch(trs.pgconn)):
                pass
        trs.close()


def test_a_stop_ends_it_between_batches(numbers: Databases) -> None:
    stop = threading.Event()
    stop.set()
    with numbers.at_source() as trs, numbers.at_warehouse() as warehouse:
        with pytest.raises(Stopped), warehouse.transaction():
            copied(trs, warehouse, part("numbers", "n", "text_"), stop)
        assert warehouse.execute("select count(*) from numbers").fetchone() == (0,)
