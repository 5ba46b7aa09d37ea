"""`warehouse quality`: what the tests of the last build found, from the ledger."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from warehouse.cli.opening import at_warehouse
from warehouse.cli.output import JsonOption, out, print_json, print_table
from warehouse.marts import quality as of_build

ModelOption = Annotated[str | None, typer.Option("--model", help="Only what was found in this model.")]


def quality(model: ModelOption = None, json: bool = JsonOption) -> None:
    """List what the tests of the last build found: model, column, rule, number of rows, keys and since when.

    The rows are in their models as they came. `marts.data_quality` is the same for SQL.
    """
    with at_warehouse() as (_, warehouse):
        last = of_build.last(warehouse, model)
    if json:
        print_json(asdict(last))
        return
    if last.build_id is None:
        out.print("There is no build yet. `warehouse run` makes one.")
    elif not last.findings:
        out.print(f"The tests of build {last.build_id} found nothing{f' in {model}' if model else ''}.")
    else:
        print_table(
            f"build {last.build_id} ({last.state})",
            ["model", "column", "rule or test", "value", "rows", "stops a build", "since", "keys"],
            [
                (
                    one.model,
                    one.column,
                    one.rule or one.test,
                    one.value,
                    one.rows,
                    "yes" if one.severity == "failure" else "no",
                    f"{one.since:%Y-%m-%d}",
                    one.shown,
                )
                for one in last.findings
            ],
        )
