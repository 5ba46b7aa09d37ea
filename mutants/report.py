"""What is printed: a row for each change, a row for each model, and the total."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from mutants.accepted import Accepted
from mutants.trying import Outcome, Tried

LEAST_SHARE: Final = 0.95
"""Of the changes that are SQL, so many have to be noticed (issue: marts); each of the others is a row with a reason."""


@dataclass(frozen=True)
class Report:
    """The changes that were tried, and what that says of the tests."""

    tried: list[Tried]
    accepted: list[Accepted]
    seed: int

    def number(self, *outcomes: Outcome) -> int:
        return sum(one.outcome in outcomes for one in self.tried)

    @property
    def share(self) -> float:
        total = self.number(Outcome.NOTICED, Outcome.UNNOTICED, Outcome.ACCEPTED)
        return self.number(Outcome.NOTICED) / total if total else 1.0

    @property
    def stale(self) -> list[Accepted]:
        """Accepted ones that a test notices by now."""
        noticed = [one for one in self.tried if one.outcome in (Outcome.NOTICED, Outcome.NO_SQL)]
        return [row for row in self.accepted if any(row.covers(one.model, one.change) for one in noticed)]

    @property
    def is_good(self) -> bool:
        return self.share >= LEAST_SHARE and not self.number(Outcome.UNNOTICED) and not self.stale

    def text(self, *, everything: bool = False) -> str:
        shown = [one for one in self.tried if everything or one.outcome is Outcome.UNNOTICED]
        rows: list[tuple[str, ...]] = [("model", "change", "noticed", "line")]
        rows += [(one.model, one.change.change, one.by or one.outcome.value, one.change.line) for one in shown]
        lines = [*_table(rows), ""] if shown else []
        lines += _table([("model", "changes", "noticed", "accepted", "not noticed"), *self._by_model()])
        lines += ["", *(f"accepted.csv: a test notices this by now, delete the row: {row}" for row in self.stale)]
        lines.append(
            f"{self.number(Outcome.NOTICED)} of {len(self.tried) - self.number(Outcome.NO_SQL)} noticed"
            f" ({self.share:.1%}), {self.number(Outcome.ACCEPTED)} accepted with a reason,"
            f" {self.number(Outcome.UNNOTICED)} not noticed; {self.number(Outcome.NO_SQL)} more were no SQL."
            f" Seed {self.seed}."
        )
        return "\n".join(lines)

    def _by_model(self) -> list[tuple[str, ...]]:
        counts: dict[str, Counter[Outcome]] = {}
        for one in self.tried:
            counts.setdefault(one.model, Counter())[one.outcome] += 1
        shown = (Outcome.NOTICED, Outcome.ACCEPTED, Outcome.UNNOTICED)
        return [
            (model, str(count.total() - count[Outcome.NO_SQL]), *(str(count[outcome]) for outcome in shown))
            for model, count in counts.items()
        ]


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
