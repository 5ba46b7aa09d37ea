"""`warehouse replicate sql`."""

from __future__ import annotations

from warehouse.cli.output import JsonOption, out, print_json
from warehouse.core.databases import Databases
from warehouse.core.settings import load
from warehouse.replicate import load_classification
from warehouse.replicate.publication import statement


def show_sql(json: bool = JsonOption) -> None:
    """Print the statement that makes the publication, for an administrator of the operational database."""
    databases = Databases(load())
    databases.start()
    with databases.source() as trs:
        name = databases.settings.warehouse_replication_name
        text = statement(name, load_classification()).as_string(trs) + ";"
    if json:
        print_json({"sql": text})
    else:
        out.print(text, markup=False)
