"""The declared faults of the population (`defects.yml`): which rules it breaks, how often, and why."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml


@dataclass(frozen=True)
class Defect:
    """One fault: the rule that it breaks, the share of rows that it touches, and why real data has it."""

    name: str
    rule: str
    of: str
    share: float
    reason: str


@cache
def defects() -> dict[str, Defect]:
    """All declared faults by name."""
    text = (files("sandbox.population") / "defects.yml").read_text(encoding="utf-8")
    return {name: Defect(name=name, **fields) for name, fields in yaml.safe_load(text).items()}


def share_of(name: str) -> float:
    """Share of rows with this fault. Raises KeyError for a fault that is not declared."""
    return defects()[name].share
