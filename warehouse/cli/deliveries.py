"""`warehouse deliveries`: what was delivered, and what is owed."""

from __future__ import annotations

from dataclasses import asdict

import typer

from warehouse.cli.output import JsonOption, near, out, print_json, print_table, size
from warehouse.core.databases import Databases
from warehouse.core.ledger import migrate
from warehouse.core.settings import load

app = typer.Typer(help="What was delivered to whom, and what is owed.", no_args_is_help=True)

_LISTED = """
select delivery_id, state, attempt, rows, bytes, destination, closed_at
from ledger.deliveries order by delivery_id
"""


@app.command("list")
def list_deliveries(json: bool = JsonOption) -> None:
    """Every delivery in the ledger, with its state."""
    databases = Databases(load())
    databases.start()
    with databases.warehouse() as warehouse:
        migrate(warehouse)
        rows = warehouse.execute(_LISTED).fetchall()
    names = ["id", "state", "attempt", "rows", "bytes", "where", "closed_at"]
    if json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    elif not rows:
        out.print("Nothing was delivered yet. `warehouse run` delivers what is due.")
    else:
        print_table(
            None,
            ["delivery", "state", "rows", "size", "where", "closed"],
            [
                (r[0], r[1], r[3], size(r[4]), near(r[5] or ""), f"{r[6]:%Y-%m-%d %H:%M}" if r[6] else None)
                for r in rows
            ],
        )


@app.command("due")
def show_due(json: bool = JsonOption) -> None:
    """What the next run would deliver."""
    from warehouse.core.contracts import load_contracts  # noqa: PLC0415 - the contract models take a while to import
    from warehouse.deliver import due  # noqa: PLC0415

    databases = Databases(load())
    databases.start()
    with databases.warehouse() as warehouse:
        migrate(warehouse)
        owed = due(load_contracts(), warehouse, databases.today())
    if json:
        print_json([asdict(item) for item in owed])
    elif not owed:
        out.print("Nothing is due.")
    else:
        for item in owed:
            out.print(f"{item.delivery_id}")
