"""All checks in their stages: those of a later stage rest on what an earlier one found to be there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from warehouse.deliver.breach import FIRST_ROWS, Breach, RowOfFile
from warehouse.deliver.screening import geography, metadata, shape, values
from warehouse.deliver.screening.checks import Check, Outcome, Result
from warehouse.deliver.screening.pair import NotReadable, Pair, read_pair

STAGES: tuple[tuple[str, tuple[Check, ...]], ...] = (
    ("names of the files", shape.FILE_NAMES),
    ("columns", shape.COLUMNS_THERE),
    ("across the files", shape.ACROSS_FILES),
    ("names of columns", shape.COLUMN_NAMES),
    ("kinds of columns", metadata.KINDS),
    ("metadata", metadata.METADATA),
    ("empty values", values.GENERAL),
    ("filters that differ", values.FILTERS_DIFFER),
    ("kinds of time", values.TIMES_VALID),
    ("levels", geography.LEVELS_VALID),
    ("time", values.TIMES),
    ("filters", values.FILTERS),
    ("rows", values.ROWS),
    ("geography", geography.GEOGRAPHY),
    ("indicators", values.INDICATORS),
    ("limits of the API", values.LIMITS),
)
CHECKS: tuple[Check, ...] = tuple(check for _, checks in STAGES for check in checks)


@dataclass(frozen=True)
class Screening:
    """What became of the checks.

    Attributes:
        outcomes: of each check that was run, in order.
        stopped_at: the stage whose checks failed, after which none was run; None when all were.
    """

    data_name: str
    meta_name: str
    outcomes: tuple[Outcome, ...]
    stopped_at: str | None

    @property
    def failed(self) -> tuple[Outcome, ...]:
        return tuple(one for one in self.outcomes if one.result is Result.FAIL)

    @property
    def warnings(self) -> tuple[Outcome, ...]:
        return tuple(one for one in self.outcomes if one.result is Result.WARNING)

    def breaches(self) -> list[Breach]:
        """The checks that failed, as the gate tells of rules: columns and rows of the file, never a value."""
        return [self._breach(one) for one in self.failed]

    def report(self) -> str:
        """All of it, for a person: one line for each check."""
        lines = [f"{self.data_name} and {self.meta_name}"]
        lines += [f"{one.result:7} {one.check.name}: {self._told(one)}" for one in self.outcomes]
        if self.stopped_at:
            left = len(CHECKS) - len(self.outcomes)
            lines.append(f"Stopped after `{self.stopped_at}`: {left} more checks rest on what failed there.")
        return "\n".join(lines) + "\n"

    def as_dict(self) -> dict[str, object]:
        """As the manifest has it."""
        return {"checks": len(self.outcomes), "warnings": [one.check.name for one in self.warnings]}

    def _told(self, outcome: Outcome) -> str:
        return outcome.check.wants if outcome.problem is None else f"{outcome.check.wants}; {self._breach(outcome)}"

    def _breach(self, outcome: Outcome) -> Breach:
        problem = outcome.problem
        assert problem is not None
        name = self.meta_name if problem.in_metadata else self.data_name
        first = tuple(RowOfFile(name, row) for row in problem.rows[:FIRST_ROWS])
        return Breach(outcome.check.name, problem.columns, len(problem.rows), first, f"({outcome.check.wants})")


def screen(data: Path, meta: Path) -> Screening:
    """Screen a data file with its metadata.

    Raises:
        NotReadable: one is no CSV file.
    """
    return screen_pair(read_pair(data, meta))


def screen_pair(pair: Pair, stages: Sequence[tuple[str, tuple[Check, ...]]] = STAGES) -> Screening:
    """Screen what was read. The stage in which a check fails is the last."""
    outcomes: list[Outcome] = []
    for stage, checks in stages:
        found = [Outcome(check, check.finds(pair)) for check in checks]
        outcomes += found
        if any(one.result is Result.FAIL for one in found):
            return Screening(pair.data_name, pair.meta_name, tuple(outcomes), stage)
    return Screening(pair.data_name, pair.meta_name, tuple(outcomes), None)


__all__ = ["CHECKS", "STAGES", "NotReadable", "Screening", "screen", "screen_pair"]
