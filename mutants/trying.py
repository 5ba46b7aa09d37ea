"""Whether a model's unit tests notice a change: the same rows go in, and the rows that come out are compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import psycopg

from mutants.changes import Change
from mutants.marks import unmarked, with_change

_OUTPUT: Final = 'select {columns} from (\n{query}\n) as "output"'
_NO_SQL: Final = "42"  # SQLSTATE class: syntax or type; dbt could not have built the model at all.
_SECONDS: Final = 20


class Outcome(Enum):
    """What became of a change."""

    NOTICED = "noticed"
    UNNOTICED = "not noticed"
    NO_SQL = "no SQL"
    ACCEPTED = "accepted"


@dataclass(frozen=True)
class UnitTest:
    """The compiled SQL of a dbt unit test, with marks, and the columns that it expects rows of."""

    name: str
    model: str
    query: str
    columns: tuple[str, ...]

    def sql(self, query: str) -> str:
        columns = ", ".join(f'"{name}"' for name in self.columns) or "*"
        return _OUTPUT.format(columns=columns, query=query)


@dataclass(frozen=True)
class Tried:
    """A change of a model and what became of it."""

    model: str
    change: Change
    outcome: Outcome
    by: str = ""


Rows = Counter[tuple[str, ...]]


def rows_of(connection: psycopg.Connection, query: str) -> Rows:
    """The rows without their order; as text, so that every type can be counted."""
    return Counter(tuple(map(repr, row)) for row in connection.execute(query.encode()).fetchall())


def try_changes(
    connection: psycopg.Connection, model: str, numbered: Iterable[tuple[int, Change]], tests: list[UnitTest]
) -> list[Tried]:
    """Each change of a model in turn, on its unit tests.

    dbt has found that the tests pass on the model as it is. So a test notices a change if, in the columns that it
    expects, other rows come out than before.
    """
    connection.autocommit = True
    connection.execute(f"set statement_timeout = '{_SECONDS}s'".encode())
    before = {test.name: rows_of(connection, test.sql(unmarked(test.query))) for test in tests}
    return [_try(connection, model, number, change, tests, before) for number, change in numbered]


def _try(
    connection: psycopg.Connection,
    model: str,
    number: int,
    change: Change,
    tests: list[UnitTest],
    before: dict[str, Rows],
) -> Tried:
    for test in tests:
        query = with_change(test.query, number, change.after)
        if query is None:
            continue
        try:
            noticed = rows_of(connection, test.sql(query)) != before[test.name]
        except psycopg.Error as error:
            if (error.sqlstate or "").startswith(_NO_SQL):
                return Tried(model, change, Outcome.NO_SQL)
            noticed = True
        if noticed:
            return Tried(model, change, Outcome.NOTICED, test.name)
    return Tried(model, change, Outcome.UNNOTICED)


def unit_tests(results: list[Any], expected: dict[str, tuple[str, ...]]) -> dict[str, list[UnitTest]]:
    """The unit tests that dbt has run, by model.

    Args:
        expected: the columns that each test expects, by its name.
    """
    found: dict[str, list[UnitTest]] = {}
    for result in results:
        node = result.node
        if str(node.resource_type) == "unit_test":
            model = str(node.tested_node_unique_id).split(".")[-1]
            test = UnitTest(node.name, model, node.compiled_code, expected.get(node.name, ()))
            found.setdefault(model, []).append(test)
    return found
