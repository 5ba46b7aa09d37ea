"""What may be said of a database's error: its own message may quote a value of a row, so mostly not that.

`invalid input syntax for type date: "Hargreaves"` is the very message, not a detail of it. So a message is repeated
only where PostgreSQL writes nothing but names of objects, settings, users and files into it; of any other error the
kind, the SQLSTATE, and the names of table, column and rule.
"""

from __future__ import annotations

import re
from typing import Protocol

import psycopg

_CLASSES = ("08", "28", "53", "57", "58")
"""Connections, signing in, want of room, an operator's doing, the system's own errors."""

_STATES = frozenset(
    {
        "0A000",  # feature not supported
        "25006",  # read-only transaction
        "2BP01",  # dependent objects still exist
        "2F003",  # a user who is no superuser has to sign in with a password
        "3D000",  # no such database
        "3F000",  # no such schema
        "42501",  # insufficient privilege
        "42701",  # duplicate column
        "42702",  # ambiguous column
        "42703",  # undefined column
        "42704",  # undefined object
        "42710",  # duplicate object
        "42723",  # duplicate function
        "42804",  # datatype mismatch
        "42846",  # cannot coerce one type to another
        "42809",  # wrong object type
        "42883",  # undefined function
        "42P01",  # undefined table
        "42P06",  # duplicate schema
        "42P07",  # duplicate table
        "55000",  # object not in prerequisite state
        "55006",  # object in use
        "55P03",  # lock not available
        "XX001",  # data corrupted
        "XX002",  # index corrupted
    }
)


class _Names(Protocol):
    """The fields of an error that hold names, as both drivers have them."""

    @property
    def message_primary(self) -> str | None: ...

    @property
    def table_name(self) -> str | None: ...

    @property
    def column_name(self) -> str | None: ...

    @property
    def constraint_name(self) -> str | None: ...


def of(error: psycopg.Error) -> str:
    """What may be said of an error, in one line without a full stop."""
    return said(error.sqlstate, error.diag)


def said(sqlstate: str | None, names: _Names) -> str:
    """The same of the fields of any driver's error."""
    state = sqlstate or ""
    if state in _STATES or state[:2] in _CLASSES:
        lines = (names.message_primary or "").splitlines()
        return lines[0].rstrip(".") if lines else _kind(state)
    places = (("table", names.table_name), ("column", names.column_name), ("rule", names.constraint_name))
    where = ", ".join(f"{what} {name}" for what, name in places if name)
    return _kind(state) + (f", {where}" if where else "")


def _kind(state: str) -> str:
    if not state:
        return "the database gave no SQLSTATE"
    try:
        name = psycopg.errors.lookup(state).__name__
    except KeyError:
        return f"SQLSTATE {state}"
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower().strip("_")
    return f"{words} (SQLSTATE {state})"
