"""`warehouse replicate sql`."""

from __future__ import annotations

from typing import Annotated

import typer

from warehouse.cli.opening import as_it_is
from warehouse.cli.output import JsonOption, out, print_json
from warehouse.replicate import load_classification
from warehouse.replicate.catalog import relations
from warehouse.replicate.preflight import at_source


def show_sql(
    role: Annotated[
        str | None,
        typer.Option("--role", help="The warehouse's user at the source. Default: as in TRS_DATABASE_URL."),
    ] = None,
    migrations_role: Annotated[
        str | None,
        typer.Option("--migrations-role", help="The role that migrates the source and may release columns first."),
    ] = None,
    json: bool = JsonOption,
) -> None:
    """Print the SQL that the owner of the source's tables runs there. It can be run again at any time.

    It makes the publication, grants the rights of the warehouse's user, and adds the function with which a migration
    releases a column before dropping or retyping it.
    """
    with as_it_is("source") as (databases, trs):
        name = databases.settings.warehouse_replication_name
        classification = load_classification()
        # What the source has dropped since cannot be listed.
        here = classification.existing(relations.read_tables(trs, classification.schema_name))
        text = at_source.script(trs, name, here, role or trs.info.user, migrations_role)
    if json:
        print_json({"sql": text})
    else:
        out.program(text)
