"""Who writes the replica on purpose: a session of ours says so, and the triggers that note manual writes ignore it."""

from __future__ import annotations

from typing import Final

import psycopg

NOT_ON_PURPOSE: Final = "coalesce(current_setting('warehouse.writer', true), '') = ''"
"""The condition of those triggers, in SQL: the session has not said that it writes on purpose."""


def write_on_purpose(connection: psycopg.Connection, writer: str) -> None:
    """Say, inside a transaction of ours, that it writes the replica on purpose.

    Args:
        writer: what for, in a word: "repair", "backfill", "erase", "trial".
    """
    connection.execute("select set_config('warehouse.writer', %s, true)", (writer,))
