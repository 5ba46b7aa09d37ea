"""The exceptions from the rules of the house: rows of house_rules.csv, each with a reason."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

EXCEPTIONS: Final = Path(__file__).parent / "house_rules.csv"

CAN_BE_BROKEN: Final = "what a YAML says of a column can be untrue"
"""Asked of the compiled SQL, in test_lineage.py, where that is at hand."""

KEEPS_TEXT: Final = "a mart with dates of TRS has those that clients cannot read as text"
"""Asked of the lineage, in test_lineage.py."""


def exceptions() -> list[dict[str, str]]:
    with EXCEPTIONS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def excepted(rule: str) -> set[str]:
    """What may break a rule."""
    return {row["thing"] for row in exceptions() if row["rule"] == rule}
