"""What is asked: a database with the tables of TRS, and with the models that a build made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol


class Asked(Protocol):
    """Queries name tables and models without their schemas.

    Attributes:
        as_at: the business date of the build.
    """

    as_at: str

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""

    def number(self, query: str) -> int:
        """The one number that a query gives."""


Count = Callable[[Asked], None]
"""Fails where marts and source do not say the same."""

_AS_AT: Final = "{as_at}"
"""Stands in a query for the business date."""


def pairs(queries: Mapping[str, tuple[str, str]]) -> dict[str, Count]:
    """Pairs of queries with the same answer: what a mart says, and the same from the tables of TRS."""
    return {name: _pair(*pair) for name, pair in queries.items()}


def _pair(of_mart: str, of_source: str) -> Count:
    def count(asked: Asked) -> None:
        mart, source = (
            sorted(asked.rows(query.replace(_AS_AT, asked.as_at)), key=repr) for query in (of_mart, of_source)
        )
        assert mart == source

    return count
