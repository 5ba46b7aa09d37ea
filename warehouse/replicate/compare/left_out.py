"""What a comparison leaves out, and why: what was not compared is never called equal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import psycopg

from warehouse.core.errors import NotCompared
from warehouse.replicate.catalog import relations
from warehouse.replicate.catalog.relations import SourceColumn
from warehouse.replicate.classification import Classification


def left_out(
    trs: psycopg.Connection,
    warehouse: psycopg.Connection,
    classification: Classification,
    tables: Iterable[str] | None = None,
) -> dict[str, str]:
    """The tables and columns (`table.column`) that are to be replicated and cannot be compared now, each with why.

    Args:
        tables: only these; every replicated one when None.
    """
    schema, published = classification.schema_name, classification.published
    at_source, in_replica = relations.read_tables(trs, schema), relations.read_tables(warehouse, schema)
    found: dict[str, str] = {}
    for table in published if tables is None else tables:
        names = published[table]
        why = why_not(at_source.get(table), in_replica.get(table), names)
        if why:
            found[table] = why
            continue
        for name in names:
            if name not in at_source[table]:
                found[f"{table}.{name}"] = "the source does not have it"
            elif name not in in_replica[table]:
                found[f"{table}.{name}"] = "the replica does not have it"
    return found


def why_not(
    source: Mapping[str, SourceColumn] | None, replica: Mapping[str, SourceColumn] | None, names: Sequence[str]
) -> str | None:
    """Why a table cannot be compared; None if it can."""
    if source is None:
        return "the source has no table of that name"
    if replica is None:
        return "the replica does not have it"
    key = relations.key_of(dict(source))
    if not key:
        return "it has no primary key at the source, so rows cannot be matched"
    if hidden := [name for name in key if name not in names or name not in replica]:
        return f"{hidden[0]} of its primary key is not replicated"
    return None


def raise_if_left_out(names: Mapping[str, str]) -> None:
    """Turn what was not compared into the error for a scheduler.

    Raises:
        NotCompared: names what was left out, and why.
    """
    if names:
        named = "; ".join(f"{name}: {why}" for name, why in list(names.items())[:5])
        raise NotCompared(
            f"Not compared: {named}" + (f"; and {len(names) - 5} more." if len(names) > 5 else "."),
            meaning="Whether these are equal is not known. Everything else was compared, and what was found is above.",
            next_command="`warehouse replicate drift` says what can be done about each.",
        )
