"""Days that the database holds and Python does not: years that were typed with five digits, in routes from DQT.

Whoever reads a whole row has to be able to write it back, so such a day stays the text that the server gave.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.datetime import DateLoader


class FarDay(str):
    """A day after the year 9999, as the server writes it. Beside a day that Python holds, it is the later one."""

    __slots__ = ()

    def __gt__(self, other: object) -> bool:
        return isinstance(other, date) or str.__gt__(self, other)  # type: ignore[operator]

    def __ge__(self, other: object) -> bool:
        return isinstance(other, date) or str.__ge__(self, other)  # type: ignore[operator]

    def __lt__(self, other: object) -> bool:
        return not isinstance(other, date) and str.__lt__(self, other)  # type: ignore[operator]

    def __le__(self, other: object) -> bool:
        return not isinstance(other, date) and str.__le__(self, other)  # type: ignore[operator]


class _Loader(DateLoader):
    def load(self, data: Any) -> Any:
        try:
            return super().load(data)
        except psycopg.DataError:
            written = bytes(data).decode()
            if len(written.partition("-")[0]) <= len("9999") or written.endswith("BC"):
                raise
            return FarDay(written)


def open_cursor(connection: psycopg.Connection[Any]) -> psycopg.Cursor[dict[str, Any]]:
    """A cursor that gives rows by the names of their columns, and reads days after the year 9999."""
    cursor = connection.cursor(row_factory=dict_row)
    cursor.adapters.register_loader("date", _Loader)
    return cursor
