"""The rule of a contract that compares the number of rows with that of the last delivery.

The standard has no word for it. So it is a rule of type text, which every tool takes for a note to people, with the
thresholds in its customProperties; each has its reason as its description.
"""

from __future__ import annotations

from typing import Any, Final

from open_data_contract_standard.model import DataQuality

FEWER: Final = "fewerRowsThanLastDelivery"
MORE: Final = "moreRowsThanLastDelivery"
WITHIN: Final = "unlessWithinRows"

_KNOWN: Final = (FEWER, MORE, WITHIN)


class Unclear(ValueError):
    """A rule that cannot be understood; its text says why."""


def thresholds(quality: DataQuality) -> dict[str, float]:
    """The thresholds of a rule of type text; empty when it is for people alone.

    Raises:
        Unclear: a property that is not known, a number that is none, or a threshold without a reason.
    """
    found: dict[str, float] = {}
    for entry in quality.customProperties or []:
        name = str(entry.property)
        if name not in _KNOWN:
            raise Unclear(f"`{name}` is none of {', '.join(_KNOWN)}")
        found[name] = _number(name, entry.value)
        if not (entry.description or "").strip():
            raise Unclear(f"{name} has no description: each threshold needs its reason")
    if found and not found.keys() & {FEWER, MORE}:
        raise Unclear(f"{WITHIN} belongs to {FEWER} or {MORE}")
    return found


def _number(name: str, given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or given <= 0:
        raise Unclear(f"{name} is not a number above 0")
    if name == FEWER and given > 100:
        raise Unclear(f"{name} is more than 100 per cent")
    return float(given)
