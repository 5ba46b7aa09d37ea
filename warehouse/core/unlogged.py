"""Statements that hold a password, kept out of the log of the server that runs them: as far as the user may say so.

PostgreSQL and pgaudit log CREATE and ALTER SUBSCRIPTION whole, the source's password included, and pg_stat_statements
keeps their text. Only a superuser, or a user with SET on these settings, may switch that off for a transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

SETTINGS = {
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
    "log_transaction_sample_rate": "0",
    "log_min_error_statement": "panic",
    "auto_explain.log_min_duration": "-1",
    "pgaudit.log": "none",
    "pg_stat_statements.track": "none",
}


@contextmanager
def unlogged(connection: psycopg.Connection) -> Iterator[list[str]]:
    """A transaction of whose statements the server keeps nothing.

    Yields:
        The settings that the user may not set: with these the server may keep them.
    """
    with connection.transaction():
        refused: list[str] = []
        for name, value in SETTINGS.items():
            try:
                with connection.transaction():
                    connection.execute("select pg_catalog.set_config(%s, %s, true)", (name, value))
            except psycopg.errors.InsufficientPrivilege:
                refused.append(name)
        yield refused


_KEPT = """
select name, setting from pg_catalog.pg_settings where name = any(%s)
"""


def kept_by(connection: psycopg.Connection) -> list[str]:
    """The settings, as `name = value`, by which the server keeps such a statement although it was asked not to."""
    with connection.transaction(force_rollback=True), unlogged(connection) as refused:
        rows = connection.execute(_KEPT, (list(refused),)).fetchall()
    return sorted(f"{name} = {value}" for name, value in rows if value != SETTINGS[name])
