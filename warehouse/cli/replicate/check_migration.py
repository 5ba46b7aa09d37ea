"""`warehouse replicate check-migration`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from warehouse.cli.opening import as_it_is
from warehouse.cli.output import JsonOption, out, print_json
from warehouse.core.settings import load
from warehouse.replicate import load_classification, migration
from warehouse.replicate.migration import Checked


def check_file(
    file: Annotated[Path, typer.Argument(help="The migration, as SQL.")],
    source: Annotated[
        bool, typer.Option("--source", help="Ask the source what is published and what identifies a row.")
    ] = False,
    looked_at: Annotated[
        list[int] | None,
        typer.Option("--looked-at", help="The line of a statement that a person has checked; may be repeated."),
    ] = None,
    json: bool = JsonOption,
) -> None:
    """Check whether a migration of the source would fail or do harm because of the publication. Runs nothing.

    It is for the source's deploy pipeline. Without --source it needs no database and goes by replication/trs.yml.

    Exit code 63: a statement would be refused, would harm the source or the replica, or was not understood.
    """
    text = migration.read_file(file)
    settings = load()
    name, classification = settings.warehouse_replication_name, load_classification()
    if source:
        with as_it_is("source") as (_, trs):
            sent = migration.from_source(trs, name, classification)
    else:
        sent = migration.from_file(name, classification)
    checked = migration.check(file.name, text, sent, looked_at or ())
    if json:
        print_json(checked.as_dict())
    else:
        _print(checked)
    if error := checked.error():
        raise error


def _print(checked: Checked) -> None:
    for one in checked.objections:
        out.print(f"{checked.file}:{one.line}: {one.verdict}: {one.what}")
        out.print(f"    {one.statement}")
        out.print(f"    Next: {one.do}")
    if not checked.objections:
        out.print(f"{checked.statements} statements: none of them needs any action.")
