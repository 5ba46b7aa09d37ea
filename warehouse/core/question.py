"""A person's own SQL: one transaction, a time limit, and what the server says against it goes back to that person.

Whose rights it is asked with is roles.asking()'s affair.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg import pq

from warehouse.core.catalogue import near_names
from warehouse.core.errors import QueryTooLong, UsageError

_BEFORE = rb"(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*"
_COPY = re.compile(_BEFORE + rb"copy\b", re.IGNORECASE | re.DOTALL)
_ARM = "select pg_catalog.set_config('statement_timeout', %s, true)"
_RELATIONS = """
select n.nspname || '.' || c.relname
from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm') and not starts_with(n.nspname, 'pg_') and n.nspname <> 'information_schema'
"""
_COLUMNS = """
select distinct c.relname, a.attname
from unnest(%s::text[]) as r (name)
join pg_catalog.pg_class as c on c.oid = to_regclass(r.name)
join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
"""
_READ = re.compile(rb"\b(?:from|join)\s+([\w.]+)", re.IGNORECASE)
_QUOTED = re.compile(r'"(.+)"')
_NO_COLUMN = re.compile(r'column (?:"(.+?)"|(\S+)) does not exist')
_CORRECT = "Correct the statement, then run it again."
_SYNTAX, _NO_RELATION, _NO_COLUMN_STATE, _CANCELLED = "42601", "42P01", "42703", "57014"
_DATE = "Write a date as '2020-12-31' and a time as '2020-12-31 13:00+00', then run it again."
_HINTS = {
    "25006": "`warehouse sql` only reads. To change a mart, change its model (docs/querying.md); to change the "
    "operational database, use its own application. An engineer has --write.",
    "42501": "`warehouse sql` reads tables and views only; for anything else connect with a role that may do it.",
    "22007": _DATE,
    "22008": _DATE,
}
"""What to do, by the SQLSTATE of what the server refuses."""


def is_copy(statement: bytes) -> bool:
    """Whether it is COPY, whose rows come in a form of its own."""
    return _COPY.match(statement) is not None


@dataclass
class Asking:
    """One or several statements of a person, in one transaction.

    Attributes:
        writes: the transaction may write, and is committed when every statement has succeeded.
        minutes: how long they may take together.
        what: what the person would call what is run.
    """

    connection: psycopg.Connection
    writes: bool
    minutes: float
    what: str = "statement"
    _begun: float = field(default_factory=time.monotonic, init=False)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One transaction that, unless it writes, can only read, and that no statement can turn into another.

        The server refuses to switch a transaction to writing once it has a snapshot, which it has after the first
        query.
        """
        self.connection.execute("begin" if self.writes else "begin transaction read only")
        done = False
        try:
            # A person may leave `public` out; ours name every schema (warehouse/core/session.py).
            self.connection.execute("set local search_path = public")
            yield
            done = self.writes
        finally:
            if not self.connection.closed and not self.connection.broken:
                self.connection.execute("commit" if done else "rollback")

    @contextmanager
    def statement(self, text: str, begin: int, statement: bytes) -> Iterator[None]:
        """Around each statement: how long it may take, and in words what the server refuses.

        Args:
            text: all that the person wrote.
            begin: where in it this statement begins.
        """
        left = self.minutes * 60 - (time.monotonic() - self._begun)
        if left <= 0:
            raise self._too_long()
        self.connection.execute(_ARM, (f"{max(1, left * 1000):.0f}ms",))
        try:
            yield
        except psycopg.Error as error:
            if error.sqlstate is None:
                raise
            if error.sqlstate == _CANCELLED and time.monotonic() - self._begun >= self.minutes * 60:
                raise self._too_long() from None
            message = error.diag.message_primary or "no reason was given"
            place = _place(text, begin, statement, error.diag.statement_position)
            raise refused(
                f"The database refused the {self.what}{place}: {message}.", _hint(self.connection, error, statement)
            ) from None
        if self.connection.info.transaction_status != pq.TransactionStatus.INTRANS:
            raise refused(
                "A statement ended the transaction in which `warehouse sql` runs them all.",
                "Leave BEGIN, COMMIT and ROLLBACK out; `warehouse sql` sets them itself.",
            )

    def _too_long(self) -> QueryTooLong:
        return QueryTooLong(
            f"It took longer than the {self.minutes:g} minutes that `warehouse sql` may take.",
            meaning="The server has stopped it. Nothing was changed; what was printed is not all.",
            next_command="Ask for less (a where, an aggregate), or give it longer: warehouse sql --minutes 120 …",
        )


def described(connection: psycopg.Connection, statement: bytes) -> list[tuple[str, int]]:
    """The columns of the answer with the oid of each type, without asking for it; none when there are no rows."""
    for result in (connection.pgconn.prepare(b"", statement), connection.pgconn.describe_prepared(b"")):
        if result.status == pq.ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(result)
    return [((result.fname(number) or b"").decode(), result.ftype(number)) for number in range(result.nfields)]


def _hint(connection: psycopg.Connection, error: psycopg.Error, statement: bytes) -> str:
    state = error.sqlstate
    if state == _NO_RELATION:
        return _near_relations(connection, error)
    if state == _NO_COLUMN_STATE:
        return _near_columns(connection, error, statement)
    if state == _SYNTAX and "multiple commands" in (error.diag.message_primary or ""):
        return "Give one statement at a time."
    if state in _HINTS:
        return _HINTS[state]
    return f"{error.diag.message_hint.rstrip('.')}, then run it again." if error.diag.message_hint else _CORRECT


def _near_relations(connection: psycopg.Connection, error: psycopg.Error) -> str:
    """The tables whose names are nearest to the one that does not exist."""
    connection.execute("rollback")
    names = [str(name) for (name,) in connection.execute(_RELATIONS)]
    asked = _QUOTED.search(error.diag.message_primary or "")
    bare = [name for name in names if asked and name.rsplit(".", 1)[-1] == asked[1].rsplit(".", 1)[-1]]
    near = [*bare, *near_names(asked[1], names)] if asked else []
    # The narrow views of a mart have its name: the mart stands for them.
    found = list(dict.fromkeys(re.sub(r"^marts_\w+\.", "marts.", name) for name in near))[:3]
    has_marts = any(name.startswith("marts.") for name in names)
    every = "warehouse tables" if has_marts else 'warehouse sql "table information_schema.tables"'
    return f"Did you mean {' or '.join(found)}? " * bool(found) + f"All: {every}"


def _near_columns(connection: psycopg.Connection, error: psycopg.Error, statement: bytes) -> str:
    """The columns whose names are nearest to the one that does not exist, of the tables that the statement reads."""
    connection.execute("rollback")
    asked = _NO_COLUMN.search(error.diag.message_primary or "")
    if asked is None:
        return _CORRECT
    name = (asked[1] or asked[2]).split(".")[-1]
    read = [one.decode() for one in _READ.findall(statement)]
    columns: dict[str, list[str]] = {}
    for table, column in connection.execute(_COLUMNS, (read,)):
        columns.setdefault(column, []).append(table)
    near = near_names(name, columns)
    tables = sorted({table for of in columns.values() for table in of})
    if near:
        return f"No column {name} in {' or '.join(tables)}; did you mean {' or '.join(near)}?"
    if asked[1] and f'"{name}"'.encode() in statement:
        return f"A text is in single quotes: '{name}'. Double quotes are for names of columns and tables."
    return _CORRECT


def _place(text: str, begin: int, statement: bytes, position: str | None) -> str:
    """Where the server found it, in all that the person wrote."""
    if not position:
        return ""
    before = text[:begin] + statement.decode()[: int(position) - 1]
    return f" at line {before.count(chr(10)) + 1}, column {len(before) - (before.rfind(chr(10)) + 1) + 1}"


def refused(what: str, next_command: str = "warehouse sql --help") -> UsageError:
    """The error for a statement that is not run."""
    return UsageError(what, meaning="Nothing was changed.", next_command=next_command)
