"""Logins that exist for a moment: to see what a role may do, or to ask a question with no more than a reader has."""

from __future__ import annotations

import psycopg
from psycopg import sql


def make(connection: psycopg.Connection, name: str, group: str, password: str, *, until: str = "infinity") -> None:
    """Make a login that has one role and nothing else.

    Args:
        until: the moment after which its password is no longer taken.
    """
    # The server gets no more than the verifier, whatever it logs of statements.
    verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    connection.execute(
        sql.SQL("create role {} login connection limit 2 password {} valid until {} in role {}").format(
            sql.Identifier(name), sql.Literal(verifier), sql.Literal(until), sql.Identifier(group)
        )
    )


def drop(connection: psycopg.Connection, name: str) -> None:
    """Drop it, if it is there."""
    connection.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(name)))
