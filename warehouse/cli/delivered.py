"""What a run delivered, and what not: told in one way by `warehouse run` and `warehouse deliver`.

One delivery that fails does not keep the others from going out, so a run that ends with an error names both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from warehouse.cli.output import out
from warehouse.core.errors import WarehouseError
from warehouse.deliver import DeliveryReport


def as_json(reports: Sequence[DeliveryReport], failure: WarehouseError) -> dict[str, Any]:
    """A failure, with every delivery of the run beside it: those that went out, and those that did not."""
    return failure.as_dict() | {"deliveries": [report.as_dict() for report in reports]}


def print_each(reports: Sequence[DeliveryReport]) -> None:
    """A line for each delivery: what it rests on, or why it failed."""
    for report in reports:
        if report.error is None:
            out.print(f"{report}{report.rests_on}")
        else:
            out.print(f"{report.delivery_id} failed: {report.error.what}")
