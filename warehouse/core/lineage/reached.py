"""Where the values of a column of the source get to, by the lineage of a build as the ledger keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def columns_made_of(lineage: Mapping[str, Any], place: tuple[str, str]) -> set[tuple[str, str]]:
    """The relations and columns whose values are computed from a place of the source, and not released on the way.

    Args:
        lineage: of a build: each relation after those that it is made of.
        place: a table and a column of it; an empty column for any of the table.
    """
    table, column = place
    sources = {f"trs.{table}", f"trs_versions.{table}"}
    reached: set[tuple[str, str]] = set()
    for one in lineage["relations"]:
        for name, (_, _, flows) in one["columns"].items():
            is_it = one["place"] in sources and column in ("", name)
            comes = any(kind == "value" and not through and (of, at) in reached for of, at, kind, through, *_ in flows)
            if is_it or comes:
                reached.add((one["place"], name))
    return reached
