"""`warehouse sql`: questions to the warehouse or to the operational database, asked with a reader's rights."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import psycopg
import typer
from psycopg import pq

from warehouse.cli import answer, tsql
from warehouse.cli.opening import as_it_is
from warehouse.cli.output import err, out
from warehouse.core import question, roles
from warehouse.core.databases import Databases
from warehouse.core.errors import SettingsError
from warehouse.core.hostile import visible
from warehouse.core.question import Asking
from warehouse.core.statements import pieces

ROWS_AT_ONCE = 1_000
"""Handed on together: memory does not grow with the answer."""

LONGEST_NAME = 250
"""Of a file that is given in the place of a statement; longer ones no operating system takes."""

BYTES_AT_ONCE = 1 << 16
"""Of what COPY … FROM STDIN reads."""


class Format(StrEnum):
    """How the answer is printed."""

    table = "table"
    csv = "csv"
    json = "json"


class Dialect(StrEnum):
    """What the statements are written in."""

    postgres = "postgres"
    tsql = "tsql"


def sql(
    query: Annotated[
        str | None, typer.Argument(help="SQL, one or more statements, or a file.sql; - reads standard input.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Read the statements from a file.")] = None,
    source: Annotated[bool, typer.Option("--source", help="Query the operational database instead.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Let them write, with the rights of whoever is connected: all or nothing.")
    ] = False,
    minutes: Annotated[
        float | None,
        typer.Option("--minutes", min=0.001, help="How long they may take. Default: WAREHOUSE_SQL_MINUTES."),
    ] = None,
    dialect: Annotated[
        Dialect, typer.Option("--dialect", help="tsql translates a saved query of the old reporting copy, one SELECT.")
    ] = Dialect.postgres,
    show: Annotated[
        bool, typer.Option("--show", help="Print the translation instead of running it; with --dialect tsql.")
    ] = False,
    format_: Annotated[Format, typer.Option("--format", help="How to print the result.")] = Format.table,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Run SQL, for example: select count(*) from marts.dim_person where is_active

    It only reads, with a reader's rights: a statement that would change something is refused. Of several statements
    each answer is printed. Values are printed as the server writes them; in JSON, numbers, booleans and json keep
    their type. In CSV, null is an empty field and an empty text is in quotes. Exit code 47: it took too long;
    102: no login with a reader's rights can be had.
    Exit codes 76 to 79 and 81: a saved query in T-SQL cannot be translated.
    """
    text = _text(query, file)
    statements = [(begin, piece.encode()) for begin, piece in pieces(text)]
    _check(statements, dialect, write=write, source=source, show=show)
    form = Format.json if json else format_
    with _session(write=write, source=source) as (databases, connection):
        if dialect is Dialect.tsql:
            translation = tsql.translated(text, connection)
            if show:
                tsql.show(translation, form.value)
                return
            text, statements = translation.sql, [(0, translation.sql.encode())]
        limit = minutes or databases.settings.warehouse_sql_minutes
        asking = Asking(connection, write, limit, "statement" if dialect is Dialect.postgres else "translation")
        with asking.transaction():
            try:
                with answer.printed(form.value, len(statements)) as printed:
                    for begin, statement in statements:
                        with asking.statement(text, begin, statement):
                            _ask(connection, statement, printed)
                sys.stdout.flush()
            except BrokenPipeError:
                # Whoever read the answer has seen enough; what is left in the buffer goes nowhere.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _session(*, write: bool, source: bool) -> Iterator[tuple[Databases, psycopg.Connection]]:
    """Where it is asked: as whoever is connected to write, otherwise with no more than a reader's rights."""
    side: Literal["source", "warehouse"] = "source" if source else "warehouse"
    with as_it_is(side, _allowed if source else None) as (databases, connection):
        if write:
            yield databases, connection
            return
        may_make = not source or databases.source_is_embedded
        with roles.asking(connection, databases.settings, side, may_make=may_make) as session:
            yield databases, session


def _allowed(databases: Databases) -> None:
    """Stop before anything is asked of an operational database on a server."""
    if not (databases.source_is_embedded or databases.settings.warehouse_sql_source):
        raise SettingsError(
            "`warehouse sql --source` is switched off for an operational database on a server.",
            meaning="Nothing was asked. The warehouse has its rows, and a question there is no burden to the service.",
            next_command="Ask the warehouse: without --source. If it has to be the source, set "
            "WAREHOUSE_SQL_SOURCE=true.",
        )


def _check(statements: list[tuple[int, bytes]], dialect: Dialect, *, write: bool, source: bool, show: bool) -> None:
    """Refuse what cannot be asked, before a database is opened."""
    if not statements:
        raise question.refused("The statement is empty.")
    if write and source:
        raise question.refused("--write and --source cannot be used together: the operational database is only read.")
    if dialect is Dialect.tsql and (write or source):
        raise question.refused("A saved query in T-SQL reads the warehouse: leave --write and --source out.")
    if show and dialect is not Dialect.tsql:
        raise question.refused("--show prints a translation: give --dialect tsql as well.")


def _text(query: str | None, file: Path | None) -> str:
    if (query is None) == (file is None):
        raise question.refused("Give a statement, as an argument or with --file.")
    if query and query.endswith(".sql") and len(query) < LONGEST_NAME and Path(query).is_file():
        file = Path(query)
    given = sys.stdin.read() if query == "-" else query or ""
    text = _decoded(file) if file is not None else given
    if "\0" in text:
        raise question.refused("The statement contains a zero byte, which PostgreSQL does not allow in text.")
    return text


def _decoded(file: Path) -> str:
    """A file in UTF-8, or in UTF-16 as SQL Server's own tools save it."""
    content = file.read_bytes()
    utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if utf_16 else "utf-8-sig")
    except UnicodeDecodeError:
        what = "The file is not in UTF-8, so its letters are not certain."
        raise question.refused(what, "Save it as UTF-8 (in SQL Server's tools: Save with Encoding).") from None


def _ask(connection: psycopg.Connection, statement: bytes, printed: answer.Printed) -> None:
    """Run one statement. That it is one is for the server to say: it prepares no more than one at a time."""
    if statement.startswith(b"\\"):
        raise question.refused(f"{statement.decode()} is a command of psql, not a statement.")
    with connection.cursor() as cursor:
        for info in connection.adapters.types:
            # As the server writes them: Python has no infinity, no year 10000, and forms of its own for the others.
            for oid in filter(None, (info.oid, info.array_oid)):
                cursor.adapters.register_loader(oid, answer.Text)
        described = [answer.Column(*one) for one in question.described(connection, statement)]
        if described:
            printed.rows(described, _counted(cursor.stream(statement, size=ROWS_AT_ONCE)))
        elif question.is_copy(statement):
            _copy(cursor, statement)
        else:
            cursor.execute(statement)
            printed.rows([answer.Column("status", 0)], iter([(cursor.statusmessage,)]))


def _copy(cursor: psycopg.Cursor, statement: bytes) -> None:
    """COPY to or from this program, in the form that the statement says."""
    with cursor.copy(statement) as copy:
        if cursor.pgresult is not None and cursor.pgresult.status == pq.ExecStatus.COPY_IN:
            while piece := sys.stdin.buffer.read(BYTES_AT_ONCE):
                copy.write(piece)
            return
        sys.stdout.flush()
        for line in copy:
            if out.is_terminal:
                sys.stdout.write(visible(bytes(line).decode(errors="backslashreplace"), keep="\n\t"))
            else:
                sys.stdout.buffer.write(line)


def _counted(rows: Iterator[answer.Row]) -> Iterator[answer.Row]:
    """The same rows; a terminal that does not show them shows how many there were."""
    if out.is_terminal or not err.is_terminal:
        yield from rows
        return
    with err.console.status("") as status:
        for number, row in enumerate(rows, 1):
            if number % 10_000 == 0:
                status.update(f"{number:,} rows")
            yield row
