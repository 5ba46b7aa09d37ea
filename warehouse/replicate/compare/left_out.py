"""What a comparison leaves out, and why: what was not compared is never called equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psycopg

from warehouse.core.errors import NotCompared
from warehouse.replicate.catalog import relations
from warehouse.replicate.catalog.relations import SourceColumn


def left_out(
    trs: psycopg.Connection, warehouse: psycopg.Connection, schema: str, published: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """The tables and columns (`table.column`) that are to be replicated and cannot be compared now, each with why."""
    there, here = relations.read_tables(trs, schema), relations.read_tables(warehouse, schema)
    found: dict[str, str] = {}
    for table, names in published.items():
        why = why_not(there.get(table), here.get(table), names)
        if why:
            found[table] = why
            continue
        for name in names:
            if name not in there[table]:
                found[f"{table}.{name}"] = "the source does not have it"
            elif name not in here[table]:
                found[f"{table}.{name}"] = "the replica does not have it"
    return found


def why_not(
    there: Mapping[str, SourceColumn] | None, here: Mapping[str, SourceColumn] | None, names: Sequence[str]
) -> str | None:
    """Why a table cannot be compared; None if it can."""
    if there is None:
        return "the source has no table of that name"
    if here is None:
        return "the replica does not have it"
    key = relations.key_of(dict(there))
    if not key:
        return "it has no primary key at the source, so rows cannot be told apart"
    if hidden := [name for name in key if name not in names or name not in here]:
        return f"{hidden[0]} of its primary key is not replicated"
    return None


def raise_if_left_out(names: Mapping[str, str]) -> None:
    """Turn what was not compared into the error for a scheduler.

    Raises:
        NotCompared: names what was left out, and why.
    """
    if names:
        told = "; ".join(f"{name}: {why}" for name, why in list(names.items())[:5])
        raise NotCompared(
            f"Not compared: {told}" + (f"; and {len(names) - 5} more." if len(names) > 5 else "."),
            meaning="Whether these are equal is not known. Everything else was compared, and what was found is above.",
            next_command="`warehouse replicate drift` says what can be done about each.",
        )
