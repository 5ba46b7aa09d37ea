"""The monthly files of Teachers' Pensions: their codes, the mistakes in them, and when a post counts as ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sandbox.domain.tables import records

TYPES: Final = ("FT", "PTR", "PTI", "PT")
"""The text for each type of employment."""

MONTHS_UNTIL_ENDED: Final = 5
"""A post ends when its last known date is more than this many months before the extract."""

BAD_NINO: Final = 2
"""The bit of the commonest mistake."""


@dataclass(frozen=True)
class Fault:
    """A mistake in a line of a file, and the bit in `errors` that loading sets for it."""

    field: str
    bit: int
    text: str | None
    share: float


def faults() -> tuple[Fault, ...]:
    """All mistakes that are ever made, one for each field; only their bits are ever set."""
    return records("pensions_faults", Fault)
