"""`warehouse replicate sql`."""

from __future__ import annotations

from warehouse.cli.output import JsonOption, out, print_json
from warehouse.core.databases import Databases
from warehouse.core.settings import load
from warehouse.replicate import load_classification, source
from warehouse.replicate.publication import published_columns, statement


def show_sql(json: bool = JsonOption) -> None:
    """Print the statement that makes the publication or sets it right, for the operational database's administrator."""
    databases = Databases(load())
    databases.start()
    with databases.source() as trs:
        name = databases.settings.warehouse_replication_name
        classification = load_classification()
        # What the source has dropped since cannot be listed.
        here = classification.existing(source.read_tables(trs, classification.schema_name))
        exists = published_columns(trs, name) is not None
        text = statement(name, here, exists=exists).as_string(trs) + ";"
    if json:
        print_json({"sql": text})
    else:
        out.print(text, markup=False)
