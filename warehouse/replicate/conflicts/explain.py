"""Why a row does not fit here, in words. A server's own message may quote values of the row, so it is never shown."""

from __future__ import annotations

import psycopg

_BY_STATE = {
    "23505": ("unique", "{table} here has another row already that {rule} does not let stand beside it."),
    "23514": ("check", "The row breaks the rule {rule}, which somebody added to {table} here."),
    "23502": ("not null", "{table}.{column} may not be null here, and the source sends null."),
    "23503": ("foreign key", "The row breaks the foreign key {rule}, which somebody added to {table} here."),
    "55P03": ("locked", "Another session holds a lock on {table} here."),
    "42501": ("privilege", "The user of the subscription may not write {table} here."),
    "P0001": ("trigger", "A trigger of {table} here refuses the row."),
    "58030": ("no room", "The warehouse's server cannot write to its disk."),
}
_BY_CLASS = {
    "22": ("type", "A value of the source does not fit its column's type in {table} here."),
    "53": ("no room", "The warehouse's server has run out of room (disk, memory or connections)."),
}
_OTHER = ("other", "The server refuses the change to {table} here (SQLSTATE {state}).")

_REMEDIES = {
    "unique": "Delete the row of {table} here that the source does not have,",
    "check": "Take the rule that was added to {table} here away,",
    "not null": "Take the rule that was added to {table} here away,",
    "foreign key": "Take the rule that was added to {table} here away,",
    "trigger": "Take the trigger that was added to {table} here away,",
    "missing column": "Bring the replica in line (`warehouse replicate drift`, `warehouse replicate apply`),",
    "missing table": "If it was moved or renamed at the source, let `warehouse replicate apply` make room for it,",
    "type": "Bring the replica in line (`warehouse replicate drift`, `warehouse replicate apply`),",
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
    """What to mend in the warehouse before the stream is resumed."""
    return _REMEDIES.get(kind, "Mend it here,").format(table=table)
