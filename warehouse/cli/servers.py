"""`warehouse up` and `warehouse down`: the embedded databases."""

from __future__ import annotations

from warehouse.cli.opening import give_roles
from warehouse.cli.output import JsonOption, out, print_json
from warehouse.core.database import describe
from warehouse.core.databases import Databases
from warehouse.core.settings import load


def up(json: bool = JsonOption) -> None:
    """Start the embedded databases and leave them running."""
    databases = Databases(load())
    started = databases.start()
    give_roles(databases)
    running = {
        "warehouse": describe(databases.warehouse_conninfo),
        "trs": describe(databases.source_conninfo),
    }
    if json:
        print_json({"started": started, "databases": running})
        return
    for name, where in running.items():
        embedded = name in databases.embedded()
        state = "started" if name in started else "running" if embedded else "a server of yours"
        out.print(f"{name:<10} {where}  ({state})")
    if databases.warehouse_is_embedded:
        out.print("The warehouse's address for dbt is in .env; `warehouse sql` and .venv/bin/dbt use it.")


def down(json: bool = JsonOption) -> None:
    """Stop the embedded databases. Nothing is lost: replication continues when they are started again."""
    stopped = Databases(load()).stop()
    if json:
        print_json({"stopped": stopped})
    else:
        out.print(f"Stopped: {', '.join(stopped)}." if stopped else "No embedded database was running.")
