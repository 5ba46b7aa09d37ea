"""`warehouse sql`: a question to the warehouse or to the operational database. It can ask, and change nothing."""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from psycopg import pq

from warehouse.cli import answer
from warehouse.cli.opening import as_it_is
from warehouse.core.errors import UsageError

ROWS_AT_ONCE = 1_000
"""Handed on together: memory does not grow with the answer."""

_COPY = re.compile(rb"(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*copy\b", re.IGNORECASE | re.DOTALL)
_IS_SUPERUSER = "select rolsuper from pg_catalog.pg_roles where rolname = current_user"
_RELATIONS = """
select n.nspname || '.' || c.relname
from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm') and not starts_with(n.nspname, 'pg_') and n.nspname <> 'information_schema'
"""
_DATE_STATES = ("22007", "22008")
_READ_ONLY, _NO_RIGHT, _SYNTAX, _NO_RELATION = "25006", "42501", "42601", "42P01"


class Format(StrEnum):
    """How the answer is printed."""

    table = "table"
    csv = "csv"
    json = "json"


def sql(
    query: Annotated[str | None, typer.Argument(help="One SQL statement; - reads it from standard input.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Read the statement from a file.")] = None,
    source: Annotated[bool, typer.Option("--source", help="Query the operational database instead.")] = False,
    format_: Annotated[Format, typer.Option("--format", help="How to print the result.")] = Format.table,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Run one SQL query, for example: select count(*) from marts.dim_person where is_active

    It only reads: a statement that would change something is refused. Values are printed as the server writes them; in
    JSON, numbers, booleans and json keep their type. In CSV, null is an empty field and an empty text is in quotes.
    """
    statement = _statement(query, file)
    form = Format.json if json else format_
    with (
        as_it_is("source" if source else "warehouse") as (_, connection),
        _reading(connection),
        _refusals(connection, statement),
    ):
        try:
            _ask(connection, statement, form)
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read the answer has seen enough; what is left in the buffer goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _statement(query: str | None, file: Path | None) -> bytes:
    if (query is None) == (file is None):
        raise _usage("Give one statement, as an argument or with --file.")
    given = sys.stdin.read() if query == "-" else query or ""
    text = file.read_text(encoding="utf-8") if file is not None else given
    if "\0" in text:
        raise _usage("The statement contains a zero byte, which PostgreSQL does not allow in text.")
    return text.encode()


@contextmanager
def _reading(connection: psycopg.Connection) -> Iterator[None]:
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


def _ask(connection: psycopg.Connection, statement: bytes, form: Format) -> None:
    """Run the one statement. That it is one is for the server to say: it prepares no more than one at a time."""
    with connection.cursor() as cursor:
        for info in connection.adapters.types:
            # As the server writes them: Python has no infinity, no year 10000, and forms of its own for the others.
            for oid in filter(None, (info.oid, info.array_oid)):
                cursor.adapters.register_loader(oid, answer.Text)
        described = _describe(connection, statement)
        if described:
            rows = cursor.stream(statement, size=ROWS_AT_ONCE)
            answer.write(form.value, described, rows)
        elif _COPY.match(statement):
            with cursor.copy(statement) as copy:
                for piece in copy:
                    sys.stdout.buffer.write(piece)
        else:
            cursor.execute(statement)
            if cursor.pgresult is None or cursor.pgresult.status == pq.ExecStatus.EMPTY_QUERY:
                raise _usage("The statement is empty.")
            answer.write(form.value, [answer.Column("status", 0)], iter([(cursor.statusmessage,)]))


def _describe(connection: psycopg.Connection, statement: bytes) -> list[answer.Column]:
    """The columns of the answer, without asking for it; none when the statement gives no rows."""
    for result in (connection.pgconn.prepare(b"", statement), connection.pgconn.describe_prepared(b"")):
        if result.status == pq.ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(result)
    return [
        answer.Column((result.fname(number) or b"").decode(), result.ftype(number)) for number in range(result.nfields)
    ]


@contextmanager
def _refusals(connection: psycopg.Connection, statement: bytes) -> Iterator[None]:
    """What the server says of a person's own statement goes back to that person."""
    try:
        yield
    except psycopg.Error as error:
        if error.sqlstate is None:
            raise
        message = error.diag.message_primary or "no reason was given"
        place = _place(statement.decode(), error.diag.statement_position)
        raise _usage(f"The database refused the statement{place}: {message}.", _hint(connection, error)) from None


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


def _usage(what: str, next_command: str = "warehouse sql --help") -> UsageError:
    return UsageError(what, meaning="Nothing was changed.", next_command=next_command)
