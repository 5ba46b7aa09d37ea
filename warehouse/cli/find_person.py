"""`warehouse deliveries find-person`: which deliveries held a person."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict

import typer

from warehouse.cli.identifiers import Refused, from_standard_input
from warehouse.cli.opening import at_warehouse
from warehouse.cli.output import JsonOption, out, print_json, print_table
from warehouse.core.settings import near
from warehouse.deliver.find_person import Answer, NotSearched, find_person

_NAMED = 3
"""Deliveries that could not be searched for one reason are many; so many are named, and --json has all."""


def find(refused: Refused = None, json: bool = JsonOption) -> None:
    """Find out which deliveries held a person, by their TRN, id or National Insurance number.

    It reads them from standard input, one a line, or asks; none may stand on the command line. It answers by the number
    of the line. Nothing is read but the index of what was sent. Exit code 90: some deliveries could not be searched.
    """
    lines = from_standard_input(refused)
    with at_warehouse() as (databases, warehouse):
        found = find_person(warehouse, databases.settings, lines)
    failure = found.error()
    if json:
        told = {
            "lines": found.lines,
            "searched": found.searched,
            "held": [one.as_dict() for one in found.held],
            "not_searched": [asdict(one) for one in found.not_searched],
        }
        print_json(told if failure is None else failure.as_dict() | told)
        if failure:
            raise typer.Exit(failure.exit_code)
        return
    _tell(found, lines)
    if failure:
        raise failure


def _tell(found: Answer, lines: dict[int, str]) -> None:
    if found.held:
        print_table(
            None,
            ["line", "delivery", "revision", "contract", "state", "sent", "to", "found by"],
            [
                (
                    one.line,
                    one.sent.delivery_id,
                    one.sent.revision,
                    one.sent.contract_version,
                    one.sent.state,
                    f"{one.sent.sent_at:%Y-%m-%d %H:%M}" if one.sent.sent_at else None,
                    near(one.sent.destination) if one.sent.destination else None,
                    one.through,
                )
                for one in found.held
            ],
        )
    nowhere = sorted(lines.keys() - {one.line for one in found.held})
    if nowhere:
        out.print(f"In none of {found.searched} deliveries that were searched: line {', '.join(map(str, nowhere))}.")
    by_reason: dict[tuple[str, tuple[int, ...]], list[NotSearched]] = defaultdict(list)
    for one in found.not_searched:
        by_reason[one.why, one.lines].append(one)
    for (why, of_lines), those in by_reason.items():
        named = ", ".join(one.delivery_id for one in those[:_NAMED]) + (" …" if len(those) > _NAMED else "")
        said = f" for line {', '.join(map(str, of_lines))}" if of_lines else ""
        out.print(f"Not searched{said}: {len(those)} deliveries ({named}): {why}.")
