"""One side of a comparison: one connection on the snapshot that is compared, and one thread that waits for its answers.

So both sides are asked at once, and the next rows are fetched while the last ones are used. Memory is bounded: what may
be many rows comes through a cursor of the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from warehouse.replicate.compare import damaged
from warehouse.replicate.compare.proof import server_of
from warehouse.replicate.compare.ranges import KeyedRow
from warehouse.replicate.compare.row_hash import prepare
from warehouse.replicate.compare.spec import TableSpec

_FETCHED_ROWS = 5_000

_SPEED = (
    "set jit = off",
    # One core of the source at most for each worker: it has its own work to do.
    "set max_parallel_workers_per_gather = 0",
    "set work_mem = '64MB'",
    # In the order of a random key the table's pages come up one by one, as soon as vacuum lags behind.
    "set enable_indexonlyscan = off",
)

_PATIENCE = ("set statement_timeout = 0", "set idle_in_transaction_session_timeout = 0")
"""A time-out that the server has for others would end the snapshot."""

_ESTIMATES = """
select t.name, case when c.reltuples > 0 then c.reltuples::bigint else pg_relation_size(c.oid) / 200 end
from unnest(%s::text[], %s::text[]) as t (schema, name)
join pg_class as c on c.oid = to_regclass(format('%%I.%%I', t.schema, t.name))
"""

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Session:
    """See the module. It is used by one worker at a time.

    Attributes:
        server: which server, and which history of it, answers; None where it may not be asked.
    """

    def __init__(self, connect: Callable[[], psycopg.Connection], snapshot: str | None, *, at_source: bool) -> None:
        self._stack = ExitStack()
        with ExitStack() as stack:
            self.connection = stack.enter_context(connect())
            prepare(self.connection, *_SPEED, *_PATIENCE)
            self.server = server_of(self.connection, at_source=at_source)
            self._thread = stack.enter_context(ThreadPoolExecutor(1))
            self._snapshot, self._at_source = snapshot, at_source
            self._stack = stack.pop_all()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @contextmanager
    def transaction(self, spec: TableSpec) -> Iterator[None]:
        """A transaction on the snapshot, for one table. Its lock, however weak, makes a TRUNCATE wait.

        Raises:
            PageDamaged: a page of the table cannot be read on this side.
        """
        steps: list[sql.Composable] = [sql.SQL("begin isolation level repeatable read read only")]
        if self._snapshot is not None:
            steps.append(sql.SQL("set transaction snapshot {}").format(sql.Literal(self._snapshot)))
        # Reads nothing; the lock stays until the end.
        steps.append(sql.SQL("select from {} limit 0").format(sql.Identifier(spec.schema, spec.table)))
        try:
            self.connection.execute(sql.SQL("; ").join(steps))
            yield
        except damaged.UNREADABLE as error:
            # Of two sides the one that failed is the one whose transaction is.
            failed = self.connection.info.transaction_status == TransactionStatus.INERROR
            self.connection.rollback()
            if failed:
                raise damaged.as_error(error, spec.schema, spec.table, at_source=self._at_source) from None
            raise
        except BaseException:
            if not self.connection.broken:
                self.connection.rollback()
            raise
        self.connection.execute("commit")

    def ask(
        self, question: Callable[Concatenate[psycopg.Connection, _P], _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> Future[_T]:
        """Have the thread ask something; the answer comes while the other side is asked."""
        return self._thread.submit(question, self.connection, *args, **kwargs)

    def all_of(self, query: sql.Composed) -> Future[list[tuple[Any, ...]]]:
        """Ask for rows that fit into memory."""
        return self.ask(_all_of, query)

    def stream(self, query: sql.Composed) -> Iterator[KeyedRow]:
        """Ask for rows; the next ones are fetched while the last ones are used."""
        cursor = self.connection.cursor("compared")

        def begin() -> list[KeyedRow]:
            return cursor.execute(query).fetchmany(_FETCHED_ROWS)

        return self._fetched(cursor, self._thread.submit(begin))

    def _fetched(self, cursor: psycopg.ServerCursor[KeyedRow], ahead: Future[list[KeyedRow]]) -> Iterator[KeyedRow]:
        try:
            while batch := ahead.result():
                ahead = self._thread.submit(cursor.fetchmany, _FETCHED_ROWS)
                yield from batch
        finally:
            self._thread.submit(cursor.close).result()


def estimates(connection: psycopg.Connection, specs: Sequence[TableSpec]) -> dict[str, int]:
    """About how many rows each table has, for the number of its ranges; any guess gives a right answer."""
    rows = connection.execute(_ESTIMATES, ([spec.schema for spec in specs], [spec.table for spec in specs]))
    return {table: int(estimate) for table, estimate in rows}


def _all_of(connection: psycopg.Connection, query: sql.Composed) -> list[tuple[Any, ...]]:
    with connection.cursor(binary=True) as cursor:
        return cursor.execute(query).fetchall()
