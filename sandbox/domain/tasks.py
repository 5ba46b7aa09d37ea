"""Support tasks: the process that raises one of a type, and the outcomes that it may be closed with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sandbox.domain.tables import rows


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


@cache
def outcomes() -> dict[int, Outcome]:
    """All outcomes by their code."""
    found = (
        Outcome(
            int(row["outcome"]),
            int(row["task_type"]),
            int(row["decision"]) if row["decision"] else None,
            int(row["process_type"]),
            row["mirror"] or None,
        )
        for row in rows("task_outcomes")
    )
    return {outcome.code: outcome for outcome in found}


def outcomes_of(task_type: int) -> list[Outcome]:
    """The outcomes of a type of task."""
    return [outcome for outcome in outcomes().values() if outcome.task_type == task_type]


def outcome(task_type: int, decision: int) -> Outcome:
    """The outcome of a type of task that stands for a decision."""
    return next(outcome for outcome in outcomes_of(task_type) if outcome.decision == decision)


def creating(task_type: int) -> int:
    """The type of process that raises a task."""
    return next(int(row["creating"]) for row in rows("tasks") if row["task_type"] == str(task_type))


@cache
def saving() -> dict[int, int]:
    """The type of process that saves an unfinished task, for the types of task that can be saved."""
    return {int(row["task_type"]): int(row["saving"]) for row in rows("tasks") if row["saving"]}
