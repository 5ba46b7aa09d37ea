"""`warehouse sql`: a question to the warehouse or to the operational database. It can ask, and change nothing."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from psycopg import pq

from warehouse.cli import answer
from warehouse.cli.opening import as_it_is
from warehouse.core import question

ROWS_AT_ONCE = 1_000
"""Handed on together: memory does not grow with the answer."""


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
        question.only_reading(connection),
        question.refusals(connection, statement),
    ):
        try:
            _ask(connection, statement, form)
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read the answer has seen enough; what is left in the buffer goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _statement(query: str | None, file: Path | None) -> bytes:
    if (query is None) == (file is None):
        raise question.refused("Give one statement, as an argument or with --file.")
    given = sys.stdin.read() if query == "-" else query or ""
    text = file.read_text(encoding="utf-8") if file is not None else given
    if "\0" in text:
        raise question.refused("The statement contains a zero byte, which PostgreSQL does not allow in text.")
    return text.encode()


def _ask(connection: psycopg.Connection, statement: bytes, form: Format) -> None:
    """Run the one statement. That it is one is for the server to say: it prepares no more than one at a time."""
    with connection.cursor() as cursor:
        for info in connection.adapters.types:
            # As the server writes them: Python has no infinity, no year 10000, and forms of its own for the others.
            for oid in filter(None, (info.oid, info.array_oid)):
                cursor.adapters.register_loader(oid, answer.Text)
        described = [answer.Column(*one) for one in question.described(connection, statement)]
        if described:
            rows = cursor.stream(statement, size=ROWS_AT_ONCE)
            answer.write(form.value, described, rows)
        elif question.is_copy(statement):
            with cursor.copy(statement) as copy:
                for piece in copy:
                    sys.stdout.buffer.write(piece)
        else:
            cursor.execute(statement)
            if cursor.pgresult is None or cursor.pgresult.status == pq.ExecStatus.EMPTY_QUERY:
                raise question.refused("The statement is empty.")
            answer.write(form.value, [answer.Column("status", 0)], iter([(cursor.statusmessage,)]))
