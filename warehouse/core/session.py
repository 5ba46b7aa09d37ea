"""What every session of ours is like, whatever the server, the database, the role and the shell have set.

Dates, intervals, arrays and type names are read, compared and stored as text in many places, so the session decides how
they are written. A time-out that a person finds useful for queries would end a copy of a million rows. Row security
would show a part of a table as the whole of it.
"""

from __future__ import annotations

import os
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.pq import Conninfo

SETTINGS: dict[LiteralString, LiteralString] = {
    # How values are written and read as text.
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "array_nulls": "on",
    "standard_conforming_strings": "on",
    "quote_all_identifiers": "off",
    "xmloption": "content",
    # Which objects a name means: those of PostgreSQL itself, and ours only with their schema.
    "search_path": "",
    # What our statements do.
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "transform_null_equals": "off",
    # A read that would be filtered fails instead: nobody may take a part for the whole.
    "row_security": "off",
    # A copy, a comparison or a wait for the source takes as long as it takes.
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    # A notice would be handled inside a callback of the driver, where Ctrl-C is swallowed.
    "client_min_messages": "warning",
}

SINCE: dict[LiteralString, tuple[int, LiteralString]] = {
    "transaction_timeout": (170_000, "0"),
}
"""Settings that older servers do not have: name, the first version that has it, value."""

SECRETS = frozenset({"PGPASSWORD", "PGPASSFILE"})
"""The only variables of PostgreSQL's own that count: a password need not stand in a connection string."""

_ALSO_READ = frozenset({"PGDATESTYLE", "PGTZ", "PGGEQO", "PGSYSCONFDIR", "PGLOCALEDIR"})


def forget_shell_variables() -> None:
    """Take the PG… variables out of this process's environment, but for a password.

    A person's shell has them for psql. Here PGOPTIONS, PGTZ or PGSERVICE would change what is read and compared, and
    they would not reach the warehouse's server, which connects to the source by itself.
    """
    read = {option.envvar.decode() for option in Conninfo.get_defaults() if option.envvar}
    for name in (read | _ALSO_READ) - SECRETS:
        os.environ.pop(name, None)


def prepare(connection: psycopg.Connection, *, read_only: bool = False) -> None:
    """Give a session our settings; in autocommit, before its first statement.

    Args:
        read_only: refuse every write that is not let through by `writing()`.
    """
    settings = wanted(connection.info.server_version, read_only=read_only)
    # One message to the server, and understood over a replication connection as well.
    connection.execute(
        sql.SQL("; ").join(
            sql.SQL("set {} = {}").format(sql.SQL(name), sql.SQL("''") if value == "" else sql.Literal(value))
            for name, value in settings.items()
        )
    )


def wanted(server_version: int, *, read_only: bool = False) -> dict[LiteralString, LiteralString]:
    """Our settings on a server of that version."""
    settings: dict[LiteralString, LiteralString] = {
        **SETTINGS,
        "default_transaction_read_only": "on" if read_only else "off",
    }
    settings.update({name: value for name, (since, value) in SINCE.items() if server_version >= since})
    return settings
