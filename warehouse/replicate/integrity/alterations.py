"""Whether the replica still is as it was made: its columns, keys, triggers, functions and views.

These checks find what the stream cannot notice: with a trigger disabled, history would miss versions in silence; with
a rule added, the next row of the source may not fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psycopg

from warehouse.replicate.catalog import replica
from warehouse.replicate.catalog.names import (
    BY_HAND,
    DISCARD,
    FIRST_COPY,
    LISTED_KEYS,
    OWN_COLUMNS,
    TRIGGERS,
)
from warehouse.replicate.catalog.replica import ReplicaTable
from warehouse.replicate.classification import Classification
from warehouse.replicate.integrity import apparatus
from warehouse.replicate.integrity.apparatus import Alteration
from warehouse.replicate.replica import filtered


def alterations(
    actual: Mapping[str, ReplicaTable], sent: dict[str, list[str]], filtered: frozenset[str]
) -> list[Alteration]:
    """What is not as it was made.

    Args:
        sent: what the publication sends: the tables and columns that the stream needs here.
        filtered: the tables that have JSON columns of which the listed keys alone are stored.
    """
    found = []
    for name, columns in sent.items():
        table = actual.get(name)
        if table is None:
            found.append(Alteration(name, "the table is gone", restorable=False))
            continue
        history = _of_history(table, wants_filter=name in filtered)
        found += [Alteration(name, what) for what in history]
        found += [Alteration(name, what, restorable=False) for what in _of(table, columns)]
    return found


def _of_history(table: ReplicaTable, *, wants_filter: bool) -> list[str]:
    """What keeps the history, or notes writes by hand, and does so no more."""
    found = []
    for trigger in (*TRIGGERS, *((LISTED_KEYS,) if wants_filter else ())):
        if trigger not in table.triggers:
            found.append(f"trigger {trigger} is gone")
        elif table.triggers[trigger] != "A":
            found.append(f"trigger {trigger} does not fire for what is replicated")
    ours = [(trigger, how) for trigger, how in table.triggers.items() if trigger.startswith(BY_HAND)]
    found += [f"trigger {trigger} was disabled" for trigger, how in ours if how == "D"]
    if not table.has_view:
        found.append("the view of its versions is gone")
    return found


def _of(table: ReplicaTable, columns: Sequence[str]) -> list[str]:
    here = {*table.columns, *table.own}
    found = [f"column {column} is gone" for column in [*columns, *OWN_COLUMNS] if column not in here]
    if not table.key:
        found.append("the primary key is gone")
    known = {*TRIGGERS, LISTED_KEYS, DISCARD, FIRST_COPY}
    found += [
        f"trigger {trigger} was added, and fires for what is replicated"
        for trigger, how in table.triggers.items()
        if trigger not in known and not trigger.startswith(BY_HAND) and how in ("A", "R")
    ]
    found += [f"rule {rule} was added; a row of the source may not fit" for rule in table.rules]
    if not table.has_log or not table.has_history:
        found.append("its history is gone")
    if table.writers:
        found.append(f"{', '.join(table.writers)} may write it; only the stream should")
    return found


def altered(
    connection: psycopg.Connection, classification: Classification, sent: dict[str, list[str]]
) -> list[Alteration]:
    """What of the replica is not as it was made. Only reads."""
    actual = replica.read(connection, classification.schema_name)
    return [
        *alterations(actual, sent, frozenset(filtered.made(connection, sent))),
        *apparatus.faults(connection, classification, sent),
    ]
