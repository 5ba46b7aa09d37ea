"""A finding: one thing that was examined, and how it is. Status, doctor, preflight, drift and conflicts report these.

A room finds; `warehouse.cli.findings` prints, as lines or as JSON; where a command has to stop, `Finding.as_error`
makes the error that a person meets. So what is wrong, what it means and what to type are written once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from warehouse.core.errors import WarehouseError

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True)
class Finding:
    """What was found.

    Attributes:
        code: a stable name for machines; docs/runbooks/alerting.md lists those of the stream's status.
        what: what is so, in a sentence, with names but never with values of personal data.
        next_command: for a warning or a failure, what to type or to do.
        meaning: what it means for the data, where that does not follow from `what`.
        error: for a failure, the kind of error that a command stops with because of it.
    """

    code: str
    state: State
    what: str
    next_command: str | None = None
    meaning: str | None = None
    error: type[WarehouseError] | None = None

    @property
    def exit_code(self) -> int:
        """What a command that stops because of it exits with; 0 when none has to."""
        return self.error.exit_code if self.error else 0

    def as_error(self, meaning: str = "Nothing was changed.") -> WarehouseError:
        """A failure as the error that a person meets.

        Args:
            meaning: for a finding that says nothing of its own about it.
        """
        kind = self.error or WarehouseError
        return kind(
            self.what,
            meaning=self.meaning or meaning,
            next_command=self.next_command or "Run `warehouse doctor`.",
        )

    def as_dict(self) -> dict[str, Any]:
        """The finding as `--json` prints it."""
        return {
            "code": self.code,
            "state": self.state,
            "what": self.what,
            "meaning": self.meaning,
            "next_command": self.next_command,
            "exit_code": self.exit_code,
        }


def ok(code: str, what: str) -> Finding:
    """What is as it should be."""
    return Finding(code, "ok", what)


def warning(code: str, what: str, next_command: str | None = None) -> Finding:
    """What a person should know, and no command has to stop for."""
    return Finding(code, "warning", what, next_command)


def failed(code: str, what: str, next_command: str, error: type[WarehouseError], meaning: str | None = None) -> Finding:
    """What is wrong."""
    return Finding(code, "failed", what, next_command, meaning, error)


def from_error(code: str, error: WarehouseError) -> Finding:
    """An error that an examination met, as its finding."""
    return failed(code, error.what, error.next_command, type(error), error.meaning)


def first_failed(findings: Iterable[Finding]) -> Finding | None:
    """The first failure, by which a command's exit code goes; None when there is none."""
    return next((one for one in findings if one.state == "failed"), None)
