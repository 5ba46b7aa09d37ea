"""A cursor that takes every name: of a table, a column, a role.

psycopg reads `%` as the sign of a parameter, also inside of a name or a value that was put into a statement, and a
source may have a column of the name "100%".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from psycopg import sql


class Cursor(psycopg.Cursor[Any]):
    """A cursor that looks for parameters in the text of a statement alone, not in the names and values put into it."""

    def execute(self, query: Any, params: Any = None, **how: Any) -> Self:
        """As psycopg's, for any names."""
        return super().execute(escaped(query, params), params, **how)

    def executemany(self, query: Any, params_seq: Any, **how: Any) -> None:
        """As psycopg's, for any names."""
        super().executemany(escaped(query, True), params_seq, **how)

    def stream(self, query: Any, params: Any = None, **how: Any) -> Iterator[Any]:
        """As psycopg's, for any names."""
        return super().stream(escaped(query, params), params, **how)

    @contextmanager
    def copy(self, statement: Any, params: Any = None, **how: Any) -> Iterator[psycopg.Copy]:
        """As psycopg's, for any names."""
        with super().copy(escaped(statement, params), params, **how) as data:
            yield data


def escaped(query: Any, params: Any) -> Any:
    """A statement in whose names and values `%` is doubled, where psycopg looks for parameters at all."""
    if params is None or not isinstance(query, sql.Composed):
        return query
    return sql.Composed([_escaped(part) for part in query])


def _escaped(part: sql.Composable) -> sql.Composable:
    if isinstance(part, sql.Composed):
        return sql.Composed([_escaped(one) for one in part])
    if isinstance(part, sql.Identifier | sql.Literal):
        return _Doubled(part)
    return part


class _Doubled(sql.Composable):
    """A name or a value, as it stands in a statement with parameters."""

    def as_bytes(self, context: Any = None) -> bytes:
        own: sql.Composable = self._obj
        return own.as_bytes(context).replace(b"%", b"%%")
