"""Settings of the roles and databases that reach what PostgreSQL runs for us: the apply worker and the source's sender.

Our own sessions set everything themselves (warehouse/core/session.py). These two are started by the servers with what
the role and the database have, so a time-out that is meant for people would end the stream.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from warehouse.core.database import one
from warehouse.core.errors import SetupError
from warehouse.core.finding import Finding, failed, ok, warning

APPLY_WORKER = {
    "transaction_timeout": "0",
    "default_transaction_read_only": "off",
    "default_transaction_isolation": "read committed",
    "session_replication_role": "origin",
}
"""What the subscription's owner must have in the warehouse: anything else ends the worker or changes what it writes."""

LOCKS = {"lock_timeout": "0"}
"""What it should have: whenever another session locks a table for longer, the stream stops until the next run."""

SENDER = {"statement_timeout": "0", "transaction_timeout": "0"}
"""What our user should have at the source: PostgreSQL copies a table that is added later in one long statement."""


def role_settings(source: psycopg.Connection, warehouse: psycopg.Connection) -> Iterator[Finding]:
    """Whether what reaches the apply worker and the sender leaves them alone."""
    role, odd = _odd(warehouse, APPLY_WORKER)
    if odd:
        yield failed(
            "settings of the apply worker",
            f"The warehouse's user {role} has {_listed(odd)}: PostgreSQL applies the changes with these settings, and "
            "they would stop it.",
            f"As its administrator: {_set_back(role, odd, APPLY_WORKER)} then run again.",
            SetupError,
        )
    else:
        yield ok("settings of the apply worker", "leave it alone")
    role, odd = _odd(warehouse, LOCKS)
    if odd:
        yield warning(
            "lock_timeout of the apply worker",
            f"The warehouse's user {role} has {_listed(odd)}: whenever another session locks a table for longer, the "
            "stream stops until the next run.",
            f"As its administrator: {_set_back(role, odd, LOCKS)}",
        )
    role, odd = _odd(source, SENDER)
    if odd:
        yield warning(
            "settings of the sender",
            f"The source's user {role} has {_listed(odd)}: the first copy is ours and not limited, but PostgreSQL's "
            "own copy of a table that is added later is.",
            f"As its administrator: {_set_back(role, odd, SENDER)}",
        )
    else:
        yield ok("settings of the sender", "leave it alone")


def _odd(connection: psycopg.Connection, wanted: dict[str, str]) -> tuple[str, dict[str, str]]:
    """The role, and those settings that a new session of it does not have as wanted."""
    rows = connection.execute(
        # What a session begins with, not what ours was given since.
        "select name, reset_val from pg_settings where name = any(%s)",
        (list(wanted),),
    ).fetchall()
    (role,) = one(connection, "select current_user")
    return role, {name: value for name, value in rows if value != wanted[name]}


def _listed(odd: dict[str, str]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in sorted(odd.items()))


def _set_back(role: str, odd: dict[str, str], wanted: dict[str, str]) -> str:
    return " ".join(f"""ALTER ROLE "{role}" SET {name} = '{wanted[name]}';""" for name in sorted(odd))
