"""Changes that no test can or need notice: rows of accepted.csv, each with its reason."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mutants.changes import Change

FILE: Final = Path(__file__).parent / "accepted.csv"


@dataclass(frozen=True)
class Accepted:
    """One row: a change, named by its model, the line that it is in, and what becomes of what."""

    model: str
    line: str
    change: str
    reason: str

    def covers(self, model: str, change: Change) -> bool:
        return (self.model, self.line, self.change) == (model, change.line, change.change)


def load_accepted(file: Path = FILE) -> list[Accepted]:
    with file.open(encoding="utf-8", newline="") as rows:
        return [Accepted(**row) for row in csv.DictReader(rows)]
