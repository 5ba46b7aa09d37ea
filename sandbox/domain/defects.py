"""The declared faults of the population (`defects.csv`): which rules it breaks, how often, and why.

Migrated or hand-made data really has them. The population breaks a rule only where the list says so, by roughly the
share given. Tests count each of them, and fail if a rule is broken that is not listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sandbox.domain.tables import records


@dataclass(frozen=True)
class Defect:
    """One fault: the rule that it breaks, the rows it can touch and their share, and why real data has it."""

    name: str
    rule: str
    of: str
    share: float
    reason: str


@cache
def defects() -> dict[str, Defect]:
    """All declared faults by name."""
    return {defect.name: defect for defect in records("defects", Defect)}


def share_of(name: str) -> float:
    """Share of rows with this fault. Raises KeyError for a fault that is not declared."""
    return defects()[name].share
