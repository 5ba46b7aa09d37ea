"""A question of a person was not answered."""

from __future__ import annotations

from typing import Any

from warehouse.core.errors.base import WarehouseError


class QueryTooLong(WarehouseError):
    exit_code = 47


class NoReadersLogin(WarehouseError):
    exit_code = 102


class QueryNotTranslated(WarehouseError):
    """Attributes:
    problems: all that cannot be translated: what, the place in the query, and what to use instead.
    """

    exit_code = 76
    problems: tuple[dict[str, Any], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The error as `--json` prints it."""
        return {**super().as_dict(), "problems": list(self.problems)}


class NoCounterpart(QueryNotTranslated):
    exit_code = 77


class OldNameGone(QueryNotTranslated):
    exit_code = 78


class OldCodeGone(QueryNotTranslated):
    exit_code = 79


class NameShared(QueryNotTranslated):
    exit_code = 81
