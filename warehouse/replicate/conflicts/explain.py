"""Why a row does not fit the warehouse, in words. A server's own message may quote the row: it is not shown."""

from __future__ import annotations

import psycopg

_BY_STATE = {
    "23505": ("unique", "{table} in the warehouse already has a row that conflicts with {rule}."),
    "23514": ("check", "The row breaks the rule {rule}, which was added to {table} in the warehouse."),
    "23502": ("not null", "{table}.{column} may not be null in the warehouse, and the source sends null."),
    "23503": ("foreign key", "The row breaks the foreign key {rule}, which was added to {table} in the warehouse."),
    "55P03": ("locked", "Another session holds a lock on {table} in the warehouse."),
    "42501": ("privilege", "The user of the subscription may not write {table} in the warehouse."),
    "P0001": ("trigger", "A trigger of {table} in the warehouse refuses the row."),
    "58030": ("no room", "The warehouse's server cannot write to its disk."),
}
_BY_CLASS = {
    "22": ("type", "A value of the source does not fit its column's type in {table} in the warehouse."),
    "53": ("no room", "The warehouse's server has run out of room (disk, memory or connections)."),
}
_OTHER = ("other", "The warehouse's server refuses the change to {table} (SQLSTATE {state}).")

_REMOVE_THE_RULE = "Remove the constraint that was added to {table} in the warehouse,"
_APPLY_DRIFT = "Make the replica's structure fit (`warehouse replicate drift`, `warehouse replicate apply`),"
_REMEDIES = {
    "unique": "Delete the row of {table} in the warehouse that the source does not have,",
    "check": _REMOVE_THE_RULE,
    "not null": _REMOVE_THE_RULE,
    "foreign key": _REMOVE_THE_RULE,
    "trigger": "Remove the trigger that was added to {table} in the warehouse,",
    "missing column": _APPLY_DRIFT,
    "missing table": "If it was moved or renamed at the source, let `warehouse replicate apply` make room for it,",
    "type": _APPLY_DRIFT,
    "no room": "Make room on the warehouse's server,",
    "locked": "End the session that holds the lock,",
    "privilege": "Grant the subscription's owner what it needs on {table},",
}


def explained(error: psycopg.Error, table: str) -> tuple[str, str]:
    """The kind of a failure and a sentence about it."""
    state = error.sqlstate or "unknown"
    kind, what = _BY_STATE.get(state) or _BY_CLASS.get(state[:2]) or _OTHER
    diag = error.diag
    return kind, what.format(table=table, rule=diag.constraint_name, column=diag.column_name, state=state)


def remedy(kind: str, table: str | None) -> str:
    """What to correct in the warehouse before the stream is resumed."""
    return _REMEDIES.get(kind, "Correct it in the warehouse,").format(table=table)
