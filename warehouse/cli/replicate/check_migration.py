"""`warehouse replicate check-migration`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from warehouse.cli.opening import as_it_is
from warehouse.cli.output import JsonOption, out, print_json
from warehouse.core.errors import MigrationRefused, UsageError
from warehouse.core.settings import load
from warehouse.replicate import load_classification, migration
from warehouse.replicate.migration import Finding


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
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(
            f"{file} cannot be read: {reason}.",
            meaning="Nothing was checked.",
            next_command="Name a file of SQL: warehouse replicate check-migration FILE.sql",
        ) from None
    settings = load()
    name, classification = settings.warehouse_replication_name, load_classification()
    if source:
        with as_it_is("source") as (_, trs):
            sent = migration.from_source(trs, name, classification)
    else:
        sent = migration.from_file(name, classification)
    statements = migration.read(text)
    found = migration.judge(sent, statements)
    open_ = [one for one in found if one.verdict != "afterwards" and one.line not in (looked_at or ())]
    if json:
        print_json({"statements": len(statements), "refused": len(open_), "findings": [asdict(one) for one in found]})
    else:
        _print(file, len(statements), found)
    if open_:
        first = open_[0]
        more = f"; and {len(open_) - 1} more" if open_[1:] else ""
        raise MigrationRefused(
            f"{file.name}, line {first.line}: {first.what}{more}.",
            meaning="The migration would fail or do harm, or it is not known what it would do. Nothing was run.",
            next_command=first.do,
        )


def _print(file: Path, statements: int, found: list[Finding]) -> None:
    for one in found:
        out.print(f"{file.name}:{one.line}: {one.verdict}: {one.what}", markup=False, soft_wrap=True)
        out.print(f"    {one.statement}", markup=False, soft_wrap=True)
        out.print(f"    Next: {one.do}", markup=False, soft_wrap=True)
    if not found:
        out.print(f"{statements} statements: none of them needs any action.")
