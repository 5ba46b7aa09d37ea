"""A person's own SQL statement: it can only read, and what the server says against it goes back to that person."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import pq

from warehouse.core.errors import UsageError

_COPY = re.compile(rb"(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*copy\b", re.IGNORECASE | re.DOTALL)
_IS_SUPERUSER = "select rolsuper from pg_catalog.pg_roles where rolname = current_user"
_RELATIONS = """
select n.nspname || '.' || c.relname
from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm') and not starts_with(n.nspname, 'pg_') and n.nspname <> 'information_schema'
"""
_DATE_STATES = ("22007", "22008")
_READ_ONLY, _NO_RIGHT, _SYNTAX, _NO_RELATION = "25006", "42501", "42601", "42P01"


def is_copy(statement: bytes) -> bool:
    """Whether it is COPY, whose rows come in a form of its own."""
    return _COPY.match(statement) is not None


@contextmanager
def only_reading(connection: psycopg.Connection) -> Iterator[None]:
    """One transaction that can only read, and that no statement in it can turn into another.

    The server refuses to switch a transaction to writing once it has a snapshot, which it has after the first query.
    A superuser's functions could still drop a slot, read a file or end a session, so the role is a reader's.
    """
    connection.execute("begin transaction read only")
    # A person may leave `public` out; ours name every schema (warehouse/core/session.py).
    connection.execute("set local search_path = public")
    row = connection.execute(_IS_SUPERUSER).fetchone()
    if row and row[0]:
        connection.execute("set local role pg_read_all_data")
    try:
        yield
    finally:
        if not connection.closed and not connection.broken:
            connection.execute("rollback")


def described(connection: psycopg.Connection, statement: bytes) -> list[tuple[str, int]]:
    """The columns of the answer with the oid of each type, without asking for it; none when there are no rows."""
    for result in (connection.pgconn.prepare(b"", statement), connection.pgconn.describe_prepared(b"")):
        if result.status == pq.ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(result)
    return [((result.fname(number) or b"").decode(), result.ftype(number)) for number in range(result.nfields)]


@contextmanager
def refusals(connection: psycopg.Connection, statement: bytes) -> Iterator[None]:
    """What the server says of a person's own statement goes back to that person."""
    try:
        yield
    except psycopg.Error as error:
        if error.sqlstate is None:
            raise
        message = error.diag.message_primary or "no reason was given"
        place = _place(statement.decode(), error.diag.statement_position)
        raise refused(f"The database refused the statement{place}: {message}.", _hint(connection, error)) from None


def _hint(connection: psycopg.Connection, error: psycopg.Error) -> str:
    state = error.sqlstate
    if state == _READ_ONLY:
        return (
            "`warehouse sql` only reads. To change a mart, change its model (docs/querying.md); to change the "
            "operational database, use its own application."
        )
    if state == _NO_RIGHT:
        return "`warehouse sql` reads tables and views only; for anything else connect with a role that may do it."
    if state == _SYNTAX and "multiple commands" in (error.diag.message_primary or ""):
        return "Give one statement at a time."
    if state in _DATE_STATES:
        return "Write a date as '2020-12-31' and a time as '2020-12-31 13:00+00', then run it again."
    if state == _NO_RELATION:
        return _near(connection, error)
    return f"{(error.diag.message_hint or 'Correct the statement').rstrip('.')}, then run it again."


def _near(connection: psycopg.Connection, error: psycopg.Error) -> str:
    """The tables whose names are nearest to the one that does not exist."""
    connection.execute("rollback")
    names = [str(name) for (name,) in connection.execute(_RELATIONS)]
    asked = re.search(r'"(.+)"', error.diag.message_primary or "")
    near = difflib.get_close_matches(asked[1], names, 3, 0.5) if asked else []
    bare = [name for name in names if asked and name.rsplit(".", 1)[-1] == asked[1].rsplit(".", 1)[-1]]
    found = list(dict.fromkeys([*bare, *near]))[:4]
    return f"Perhaps {' or '.join(found)}? " * bool(found) + 'All: warehouse sql "table information_schema.tables"'


def _place(statement: str, position: str | None) -> str:
    if not position:
        return ""
    before = statement[: int(position) - 1]
    return f" at line {before.count(chr(10)) + 1}, column {len(before) - (before.rfind(chr(10)) + 1) + 1}"


def refused(what: str, next_command: str = "warehouse sql --help") -> UsageError:
    """The error for a statement that is not run."""
    return UsageError(what, meaning="Nothing was changed.", next_command=next_command)
