"""`warehouse replicate drift`."""

from __future__ import annotations

from dataclasses import asdict

from warehouse.cli.findings import print_findings
from warehouse.cli.opening import opened
from warehouse.cli.output import JsonOption, out, print_json
from warehouse.replicate import drift
from warehouse.replicate.link import not_set_up


def show_drift(json: bool = JsonOption) -> None:
    """Show differences in structure between source, replication/trs.yml and replica, and what is done about each.

    Exit code 26: a rule of the file changed, and `warehouse replicate apply` has not followed it yet. Exit code 41:
    something waits to be classified. Exit code 42: a person has to decide. Otherwise 0: there is no
    difference, or `warehouse replicate apply` deals with it.
    """
    with opened() as ends:
        if ends.current is None:
            raise not_set_up()
        found = drift.differences(ends.trs, ends.warehouse, ends.name, ends.classification)
    if json:
        print_json({"differences": [asdict(one) for one in found]})
    else:
        print_findings([one.finding() for one in found], named=False)
        if not found:
            out.print("Source, replication/trs.yml and replica agree.")
        elif any(one.pending for one in found):
            out.print("To carry out what needs no decision: warehouse replicate apply")
    if error := drift.error_of(found):
        raise error
