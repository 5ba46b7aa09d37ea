"""`warehouse replicate secrets`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from warehouse.cli.findings import print_findings
from warehouse.cli.opening import at_warehouse
from warehouse.cli.output import JsonOption, TerminalProgress, out, print_json, print_table
from warehouse.core.errors import WaitedTooLong
from warehouse.replicate import load_classification
from warehouse.replicate.secrets import scan, standing


def scan_for_secrets(
    everything: Annotated[
        bool, typer.Option("--all", help="Also read what a clean scan has read before. Do this after a repair by hand.")
    ] = False,
    minutes: Annotated[int, typer.Option("--minutes", min=1, help="How long it may take.")] = 60,
    json: bool = JsonOption,
) -> None:
    """Look for what has the form of a secret in every text of the replica and its history. Exit code 25 if it is there.

    It prints tables, columns, paths of keys and numbers of rows, never a value. `warehouse run` does the same for what
    came since the last clean scan. A false alarm gets a line with a reason in `not_secrets` of replication/trs.yml.
    """
    classification = load_classification()
    with at_warehouse() as (_, warehouse):
        progress = TerminalProgress(quiet=json)
        ended = scan.scan(warehouse, classification, progress, seconds=minutes * 60, everything=everything)
        found, reasons = scan.places(warehouse, ended), list(standing.reasons(warehouse))
        if json:
            print_json(
                {**asdict(ended), "started_at": ended.started_at.isoformat(), "places": list(map(asdict, found))}
            )
        else:
            if found:
                rows = [
                    (one.table_name, one.column_name, one.key_path, one.place, one.form, f"{one.rows:,}")
                    for one in found
                ]
                print_table(None, ["table", "column", "keys", "in", "looks like", "rows"], rows)
            print_findings([one for one in reasons if one.state == "warning"], named=False)
            if ended.is_clean:
                out.print("Nothing in the replica and its history looks like a secret.")
        standing.refuse(warehouse, ended)
        if ended.unfinished:
            raise WaitedTooLong(
                f"The scan did not end within {minutes} minutes: {len(ended.unfinished)} relations are not read.",
                meaning="What was read is clean. The next scan reads everything again.",
                next_command=f"warehouse replicate secrets --minutes {minutes * 4}",
            )
