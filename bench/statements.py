"""The SQL of a build by itself: how long its statements ran, and the same statements again without dbt."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
from dbt.adapters.sql.connections import SQLConnectionManager
from psycopg import sql

from bench.measure import timing
from warehouse.core.databases import Databases
from warehouse.marts import candidate, environment

_OF_A_TRANSACTION = ("begin", "commit", "rollback")
_SCHEMAS = "select distinct schema_name from ledger.published_relations order by 1"


@dataclass
class Statements:
    """What ran while a block lasted, of dbt and of the publishing; COPY through this process is not among it.

    Attributes:
        spans: begin and end of each statement, by the process's clock.
        of_dbt: begin, text and values of each statement that dbt sent.
    """

    spans: list[tuple[float, float]] = field(default_factory=list)
    of_dbt: list[tuple[float, str, Any]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """All of them added up: dbt has several at once."""
        return sum(end - begin for begin, end in self.spans)

    @property
    def busy_seconds(self) -> float:
        """How long at least one of them ran."""
        total, reached = 0.0, float("-inf")
        for begin, end in sorted(self.spans):
            total += max(0.0, end - max(begin, reached))
            reached = max(reached, end)
        return total


@contextlib.contextmanager
def recorded() -> Iterator[Statements]:
    """Note every statement that dbt and the warehouse send in this process."""
    found, inside = Statements(), threading.local()
    add_query, execute = SQLConnectionManager.add_query, psycopg.Cursor.execute

    def timed(call: Callable[[], Any]) -> Any:
        # dbt's own way to begin a transaction is a statement within the statement that needs it.
        if getattr(inside, "any", False):
            return call()
        inside.any, begin = True, time.perf_counter()
        try:
            return call()
        finally:
            inside.any = False
            found.spans.append((begin, time.perf_counter()))

    def of_dbt(self: Any, text: str, auto_begin: bool = True, bindings: Any = None, *rest: Any, **named: Any) -> Any:
        if not getattr(inside, "any", False):
            found.of_dbt.append((time.perf_counter(), text, bindings))
        return timed(lambda: add_query(self, text, auto_begin, bindings, *rest, **named))

    def of_ours(self: Any, *arguments: Any, **named: Any) -> Any:
        return timed(lambda: execute(self, *arguments, **named))

    _replace(of_dbt, of_ours)
    try:
        yield found
    finally:
        _replace(add_query, execute)


def _replace(of_dbt: Callable[..., Any], of_ours: Callable[..., Any]) -> None:
    setattr(SQLConnectionManager, "add_query", of_dbt)  # noqa: B010 - a checker does not let a method be assigned
    setattr(psycopg.Cursor, "execute", of_ours)  # noqa: B010


def by_hand(databases: Databases, statements: Statements) -> float:
    """Run what dbt ran again, one statement after the other in one session, and throw it away; the seconds."""
    with databases.warehouse() as connection:
        schemas = [row[0] for row in connection.execute(_SCHEMAS)]
        for name, value in environment.PLANNING.items():
            connection.execute(sql.SQL("set {} = {}").format(sql.Identifier(name), sql.Literal(value)))
        candidate.make(connection, {candidate.PREFIX + schema for schema in schemas})
        # With the values written into the text, as dbt's own driver does: a seed has more than the protocol takes.
        cursor = psycopg.ClientCursor(connection)
        with timing() as watch:
            for _, text, values in sorted(statements.of_dbt, key=lambda one: one[0]):
                if text.strip().rstrip(";").lower() not in _OF_A_TRANSACTION:
                    cursor.execute(sql.SQL(text) if values is None else text, values)
        candidate.drop_all(connection)
    return watch.seconds
