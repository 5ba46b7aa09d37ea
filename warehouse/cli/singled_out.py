"""Who stands out in the tables of a delivery, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from warehouse.cli.output import out, print_table
from warehouse.deliver.singled_out import lines


def show_singled_out(tables: Mapping[str, Mapping[str, Any]]) -> None:
    """A table of them; nothing where nothing was counted."""
    found = lines(tables)
    if not found:
        return
    out.print()
    print_table(
        "who stands out by columns that say little one by one",
        [name.replace("_", " ") for name in found[0]],
        [tuple(one.values()) for one in found],
    )
