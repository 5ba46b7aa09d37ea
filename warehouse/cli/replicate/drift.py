"""`warehouse replicate drift`."""

from __future__ import annotations

from dataclasses import asdict

from warehouse.cli.output import JsonOption, out, print_json
from warehouse.core.databases import Databases
from warehouse.core.errors import ReplicationError
from warehouse.core.settings import load
from warehouse.replicate import drift, epochs, load_classification


def show_drift(json: bool = JsonOption) -> None:
    """What differs in structure between source, replication/trs.yml and replica, and what will be done about it.

    Exit code 41: something waits to be classified; 42: a person has to decide; 0: nothing, or `warehouse replicate
    apply` does it.
    """
    databases = Databases(load())
    databases.start()
    name = databases.settings.warehouse_replication_name
    with databases.source() as trs, databases.warehouse() as warehouse:
        databases.migrate(warehouse)
        if epochs.current(warehouse, name) is None:
            raise not_set_up()
        found = drift.differences(trs, warehouse, name, load_classification())
    if json:
        print_json({"differences": [asdict(one) for one in found]})
    else:
        print_differences(found)
    error = drift.error_of(found)
    if error:
        raise error


def print_differences(found: list[drift.Difference]) -> None:
    """A line each, and what to type when some of them can be carried out."""
    for one in found:
        out.print(str(one), markup=False)
    if not found:
        out.print("Source, replication/trs.yml and replica agree.")
    elif any(one.pending for one in found):
        out.print("To carry out what needs no decision: warehouse replicate apply")


def not_set_up() -> ReplicationError:
    """The error when there is no replica to compare with."""
    return ReplicationError(
        "Replication is not set up.",
        meaning="There is no replica that the source's structure could differ from.",
        next_command="warehouse replicate run",
    )
