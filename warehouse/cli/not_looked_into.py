"""Files that are kept here, and that could not be looked into for persons who were erased."""

from __future__ import annotations

from collections.abc import Iterable

from warehouse.cli.output import out


def show_not_looked_into(names: Iterable[str]) -> None:
    """A line for each."""
    for name in names:
        out.print(
            f"Not looked into: {name}. It is broken, this user may not read it, or no manifest says where its fields "
            "are."
        )
