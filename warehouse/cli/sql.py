"""`warehouse sql`: a quick question to the warehouse or to the operational database."""

from __future__ import annotations

import csv
import sys
from enum import StrEnum
from typing import Annotated

import psycopg
import typer
from psycopg.types.string import TextLoader

from warehouse.cli.output import print_json, print_table
from warehouse.core.databases import Databases
from warehouse.core.errors import UsageError
from warehouse.core.settings import load


class Format(StrEnum):
    """How the answer is printed."""

    table = "table"
    csv = "csv"
    json = "json"


def sql(
    query: Annotated[str, typer.Argument(help="One SQL statement.")],
    source: Annotated[bool, typer.Option("--source", help="Ask the operational database.")] = False,
    format_: Annotated[Format, typer.Option("--format", help="How to print the answer.")] = Format.table,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Answer a question in SQL, such as: select count(*) from marts.dim_person where is_active"""
    databases = Databases(load())
    databases.start()
    form = Format.json if json else format_
    with databases.source() if source else databases.warehouse() as connection, connection.cursor() as cursor:
        # A person may leave `public` out; ours name every schema (warehouse/core/session.py).
        cursor.execute("set search_path = public")
        for type_ in ("date", "timestamp", "timestamptz"):
            # As the server writes them: Python has no infinity and no year 10000, and the operational data has both.
            cursor.adapters.register_loader(type_, TextLoader)
        try:
            cursor.execute(query.encode())
        except psycopg.Error as error:
            if error.sqlstate is None:
                raise
            # The person's own query: what the server says of it goes back to that person only.
            raise UsageError(
                f"The database refused the query: {error.diag.message_primary}.",
                meaning="Nothing was changed by it.",
                next_command=f"{error.diag.message_hint or 'Correct the statement'}, then ask again. "
                'The tables: warehouse sql "table information_schema.tables"',
            ) from None
        if cursor.description is None:
            columns, rows = ["status"], [(cursor.statusmessage,)]
        else:
            columns, rows = [column.name for column in cursor.description], cursor.fetchall()
    if form is Format.json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif form is Format.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_as_the_server_writes(value) for value in row] for row in rows)
    else:
        print_table(None, columns, rows)


def _as_the_server_writes(value: object) -> object:
    """True and false in lower case, as COPY has them and every other tool reads them."""
    return str(value).lower() if isinstance(value, bool) else value
