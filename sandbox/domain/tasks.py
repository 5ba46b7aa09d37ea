"""Support tasks: the process that raises one of a type, and the outcomes that it may be closed with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sandbox.domain.tables import records


@dataclass(frozen=True)
class Outcome:
    """What closing a task with an outcome means."""

    code: int
    task_type: int
    decision: int | None
    """As the data of the task keeps it, for types that do."""
    process_type: int
    mirror: str | None
    """The event of the older store that mirrors the closing."""


@dataclass(frozen=True)
class _Type:
    task_type: int
    creating: int
    saving: int | None


@cache
def outcomes() -> dict[int, Outcome]:
    """All outcomes by their code."""
    return {outcome.code: outcome for outcome in records("task_outcomes", Outcome)}


def outcomes_of(task_type: int) -> list[Outcome]:
    """The outcomes of a type of task."""
    return [outcome for outcome in outcomes().values() if outcome.task_type == task_type]


def outcome(task_type: int, decision: int) -> Outcome:
    """The outcome of a type of task that stands for a decision."""
    return next(outcome for outcome in outcomes_of(task_type) if outcome.decision == decision)


def creating(task_type: int) -> int:
    """The type of process that raises a task."""
    return next(kind.creating for kind in records("tasks", _Type) if kind.task_type == task_type)


@cache
def saving() -> dict[int, int]:
    """The type of process that saves an unfinished task, for the types of task that can be saved."""
    return {kind.task_type: kind.saving for kind in records("tasks", _Type) if kind.saving is not None}
