"""The one moment that all files of a delivery are read at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from warehouse.core.errors import DeliveryError


@contextmanager
def snapshot(connection: psycopg.Connection, what: str, next_command: str) -> Iterator[None]:
    """One read-only transaction. A failure of the database is reported without its own words: they can quote values.

    Args:
        what: is read, at the beginning of a sentence.
        next_command: what a person does when it cannot be read.

    Raises:
        DeliveryError: it could not be read.
    """
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    try:
        with connection.transaction():
            yield
    except psycopg.Error as error:
        state = f"SQLSTATE {error.sqlstate}" if error.sqlstate else type(error).__name__
        raise DeliveryError(
            f"{what} could not be read to its end ({state}).",
            meaning="Nothing was sent, and what was begun is removed.",
            next_command=next_command,
        ) from None
