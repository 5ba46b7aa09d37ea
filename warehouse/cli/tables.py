"""`warehouse tables`: what can be asked, without a database."""

from __future__ import annotations

from typing import Annotated

import typer

from warehouse.cli.output import JsonOption, out, print_json, print_table
from warehouse.core import catalogue
from warehouse.core.errors import UsageError


def tables(
    name: Annotated[str | None, typer.Argument(help="A mart or an extract, such as dim_person.")] = None,
    json: bool = JsonOption,
) -> None:
    """List the marts and extracts by domain; with a NAME show one: its columns with type, class and meaning.

    The project's files say it all, so no database is asked. docs/which-table.md begins with the questions instead.
    """
    every = catalogue.tables()
    if name is None:
        _list(every, json)
        return
    wanted = [one for one in every if name in (one.name, one.place)]
    if not wanted:
        near = catalogue.near_names(name.split(".")[-1], (one.name for one in every))
        raise UsageError(
            f"There is no mart or extract `{name}`" + (f"; did you mean {' or '.join(near)}?" if near else "."),
            meaning="Nothing is shown.",
            next_command=f"warehouse tables {near[0]}" if near else "`warehouse tables` lists them all.",
        )
    _show(wanted[0], json)


def _list(every: list[catalogue.Table], json: bool) -> None:
    if json:
        print_json(
            [
                {"table": one.place, "domain": one.domain, "grain": list(one.grain), "description": one.description}
                for one in every
            ]
        )
        return
    for schema, domain in dict.fromkeys((one.schema, one.domain) for one in every):
        rows = [(one.place, ", ".join(one.grain)) for one in every if (one.schema, one.domain) == (schema, domain)]
        print_table(f"{schema}: {domain}", ("table", "one row per"), rows)
        out.print("")
    out.print("More of one: warehouse tables NAME. Which table answers a question: docs/which-table.md.")


def _show(table: catalogue.Table, json: bool) -> None:
    columns = [
        {
            "column": one.name,
            "type": one.data_type or one.term.type,
            "class": one.term.classification,
            "quasi_identifier": one.term.quasi_identifier,
            "meaning": " ".join(one.term.meaning.split()),
        }
        for one in catalogue.columns(table)
    ]
    if json:
        print_json(
            {
                "table": table.place,
                "domain": table.domain,
                "grain": list(table.grain),
                "description": table.description,
                "columns": columns,
                "questions": [{"question": one.words, "query": one.query} for one in table.questions],
                "example": table.example,
            }
        )
        return
    out.print(f"{table.place}: {table.description}")
    out.print(f"One row per {', '.join(table.grain)}.")
    out.print("")
    print_table(
        None,
        ("column", "type", "class", "meaning"),
        [(one["column"], one["type"], one["class"], one["meaning"]) for one in columns],
    )
    for question in table.questions or (catalogue.Question("For example", table.name, table.example),):
        out.print("")
        out.print(question.words)
        out.program(question.query)
