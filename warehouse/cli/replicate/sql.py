"""`warehouse replicate sql`."""

from __future__ import annotations

from typing import Annotated

import typer

from warehouse.cli.output import JsonOption, out, print_json
from warehouse.core.databases import Databases
from warehouse.core.settings import load
from warehouse.replicate import load_classification
from warehouse.replicate.catalog import relations
from warehouse.replicate.preflight import at_source


def show_sql(
    role: Annotated[
        str | None, typer.Option("--role", help="The warehouse's user at the source; of TRS_DATABASE_URL by default.")
    ] = None,
    migrations_role: Annotated[
        str | None,
        typer.Option("--migrations-role", help="Who migrates the source, and may let go of columns before that."),
    ] = None,
    json: bool = JsonOption,
) -> None:
    """Print the SQL that the operational database's administrator runs there, as the owner of its tables; again, too.

    The publication, the rights of the warehouse's user, and the function with which a migration lets go of columns:
    PostgreSQL refuses to drop or to retype a published one.
    """
    databases = Databases(load())
    databases.start()
    with databases.source() as trs:
        name = databases.settings.warehouse_replication_name
        classification = load_classification()
        # What the source has dropped since cannot be listed.
        here = classification.existing(relations.read_tables(trs, classification.schema_name))
        text = at_source.script(trs, name, here, role or trs.info.user, migrations_role)
    if json:
        print_json({"sql": text})
    else:
        out.print(text, markup=False, soft_wrap=True)
