"""The root of the tree."""

from __future__ import annotations

from typing import Any


class WarehouseError(Exception):
    """The root of the tree.

    Args:
        what: one sentence on what happened, with names but never with values of personal data.
        meaning: what that means for the data and for what was already done.
        next_command: what to type or to change now.

    Attributes:
        passes: whether the same command may succeed later although nobody changes anything. An error that does not
            pass waits for a person; a program that meets one stops.
    """

    exit_code = 1
    passes = False

    def __init__(self, what: str, *, meaning: str, next_command: str) -> None:
        super().__init__(what)
        self.what = what
        self.meaning = meaning
        self.next_command = next_command

    def as_dict(self) -> dict[str, Any]:
        """The error as `--json` prints it."""
        return {
            "error": type(self).__name__,
            "what": self.what,
            "meaning": self.meaning,
            "next": self.next_command,
            "exit_code": self.exit_code,
            "passes": self.passes,
        }


class UsageError(WarehouseError):
    exit_code = 2


class UnexpectedFailure(WarehouseError):
    exit_code = 70


class Interrupted(WarehouseError):
    exit_code = 130
