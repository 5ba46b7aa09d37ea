"""`warehouse sql`: questions to the warehouse or to the operational database, asked with a reader's rights."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from psycopg import pq

from warehouse.cli import answer
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

BYTES_AT_ONCE = 1 << 16
"""Of what COPY … FROM STDIN reads."""


class Format(StrEnum):
    """How the answer is printed."""

    table = "table"
    csv = "csv"
    json = "json"


def sql(
    query: Annotated[str | None, typer.Argument(help="SQL, one or more statements; - reads standard input.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Read the statements from a file.")] = None,
    source: Annotated[bool, typer.Option("--source", help="Query the operational database instead.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Let them write, with the rights of whoever is connected: all or nothing.")
    ] = False,
    minutes: Annotated[
        float | None,
        typer.Option("--minutes", min=0.001, help="How long they may take. Default: WAREHOUSE_SQL_MINUTES."),
    ] = None,
    format_: Annotated[Format, typer.Option("--format", help="How to print the result.")] = Format.table,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Run SQL, for example: select count(*) from marts.dim_person where is_active

    It only reads, with a reader's rights: a statement that would change something is refused. Of several statements
    each answer is printed. Values are printed as the server writes them; in JSON, numbers, booleans and json keep
    their type. In CSV, null is an empty field and an empty text is in quotes. Exit code 47: it took too long.
    """
    text = _text(query, file)
    statements = [(begin, piece.encode()) for begin, piece in pieces(text)]
    if not statements:
        raise question.refused("The statement is empty.")
    if write and source:
        raise question.refused("--write and --source cannot be used together: the operational database is only read.")
    form = Format.json if json else format_
    with as_it_is("source" if source else "warehouse", _allowed if source else None) as (databases, connection):
        limit = minutes or databases.settings.warehouse_sql_minutes
        role = None if write else roles.reads_as(connection, databases.settings)
        asking = Asking(connection, role, write, limit)
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


def _allowed(databases: Databases) -> None:
    """Stop before anything is asked of an operational database on a server."""
    if not (databases.source_is_embedded or databases.settings.warehouse_sql_source):
        raise SettingsError(
            "`warehouse sql --source` is switched off for an operational database on a server.",
            meaning="Nothing was asked. The warehouse has its rows, and a question there is no burden to the service.",
            next_command="Ask the warehouse: without --source. If it has to be the source, set "
            "WAREHOUSE_SQL_SOURCE=true.",
        )


def _text(query: str | None, file: Path | None) -> str:
    if (query is None) == (file is None):
        raise question.refused("Give a statement, as an argument or with --file.")
    given = sys.stdin.read() if query == "-" else query or ""
    text = file.read_text(encoding="utf-8") if file is not None else given
    if "\0" in text:
        raise question.refused("The statement contains a zero byte, which PostgreSQL does not allow in text.")
    return text


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
