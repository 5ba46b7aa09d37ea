"""Values that ledgers and messages never show: a hash with the installation's key stands in their place.

Equal values can be recognised. Without the key, which is in no database, nobody can try out whose a hash is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

import psycopg

from warehouse.core import keys
from warehouse.core.errors import KeyUnusable
from warehouse.core.keys import Key
from warehouse.core.settings import Settings

Hide = Callable[[str], str]
"""Gives what is shown in the place of a value."""

UNSHOWN: Final = "(hidden)"
"""What is shown of a value when the key cannot be used."""


def hidden(key: Key, value: str) -> str:
    """The hash of a value, whatever its case."""
    return f"hmac:{key.digest(f'shown:{value.lower()}')[:32]}"


def hiding(connection: psycopg.Connection, settings: Settings) -> Hide:
    """What hides values; the key is read when there is one to hide.

    Args:
        connection: to the warehouse.
    """

    @cache
    def key() -> Key | None:
        try:
            return keys.installation(connection, settings)
        except KeyUnusable:
            return None

    def hide(value: str) -> str:
        used = key()
        return hidden(used, value) if used else UNSHOWN

    return hide
