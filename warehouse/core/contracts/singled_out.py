"""The rule of a contract on how many rows single a person out: open columns together may say whose a row is.

The standard has no word for it. So it is a rule of type text, which every tool takes for a note to people, with the
limits in its customProperties; each has its reason as its description.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from open_data_contract_standard.model import DataQuality

from warehouse.core import identifiers
from warehouse.core.contracts.model import Column
from warehouse.core.contracts.types import Kind
from warehouse.core.identifiers import NINO, PERSON_ID, TRN

QUASI_IDENTIFIERS: Final = "quasi_identifiers"
OPEN_COLUMNS: Final = "open_columns"

UNIQUE: Final = {"uniqueByQuasiIdentifiers": QUASI_IDENTIFIERS, "uniqueByOpenColumns": OPEN_COLUMNS}
"""Limits on the share of rows, and of people, that are alone with their values; each with the columns it is about."""

FEW: Final = {"inSmallGroupsByQuasiIdentifiers": QUASI_IDENTIFIERS, "inSmallGroupsByOpenColumns": OPEN_COLUMNS}
"""The same of those in a group smaller than GROUPS_UNDER."""

GROUPS_UNDER: Final = "groupsUnder"

DEFAULT_GROUPS_UNDER: Final = 10
"""Which groups are small, where a contract does not say it: as counts in the contracts of statistics."""

PROPERTIES: Final = (*UNIQUE, *FEW, GROUPS_UNDER)


class Unclear(ValueError):
    """A rule that cannot be understood; its text says why."""


def is_about(quality: DataQuality) -> bool:
    """Whether a rule of type text is about this."""
    return any(entry.property in PROPERTIES for entry in quality.customProperties or [])


def limits(quality: DataQuality) -> dict[str, float]:
    """What a rule says, by its properties.

    Raises:
        Unclear: a property that is not known, a number that is none, or one without a reason.
    """
    found: dict[str, float] = {}
    for entry in quality.customProperties or []:
        name, given = str(entry.property), entry.value
        if name not in PROPERTIES:
            raise Unclear(f"`{name}` is none of {', '.join(PROPERTIES)}")
        if isinstance(given, bool) or not isinstance(given, int | float):
            raise Unclear(f"{name} is not a number")
        if name == GROUPS_UNDER and (not isinstance(given, int) or given < 2):
            raise Unclear(f"{name} is not a whole number of 2 or more")
        if name != GROUPS_UNDER and not 0 <= given <= 100:
            raise Unclear(f"{name} is not from 0 to 100 per cent")
        if not (entry.description or "").strip():
            raise Unclear(f"{name} has no description: each limit needs its reason")
        found[name] = given
    return found


def why_not_countable(columns: Sequence[Column], given: Iterable[str], as_at_column: str | None) -> str | None:
    """Why a rule could never be applied to a table; None when it can."""
    if person_of(columns) is None:
        return "no column says whose a row is, so nobody can be counted"
    sets = columns_by(columns, as_at_column)
    for name in given:
        if (by := {**UNIQUE, **FEW}.get(name)) and not sets.get(by):
            what = "is tagged quasi-identifier" if by == QUASI_IDENTIFIERS else "of class open could single anybody out"
            return f"{name} is about no column: none {what}"
    return None


def person_of(columns: Sequence[Column]) -> Column | None:
    """The column that says whose a row is, the whole career rather than one record; None where rows are not people."""
    kinds = {column.name: identifiers.kind_of_column(column.name) for column in columns}
    known = [column for column in columns if kinds[column.name] and column.type.kind is Kind.STRING]
    order = (PERSON_ID, TRN, NINO)
    known.sort(key=lambda one: (order.index(kinds[one.name] or NINO), not one.name.startswith("live_")))
    return known[0] if known else None


def columns_by(columns: Sequence[Column], as_at_column: str | None = None) -> dict[str, tuple[str, ...]]:
    """The columns that may single a person out together, without those that say whose or which the row is."""
    may = [
        column
        for column in columns
        if not column.unique
        and not column.pseudonym
        and column.name != as_at_column
        and (identifiers.kind_of_column(column.name) is None or column.type.kind is not Kind.STRING)
    ]
    found = {
        QUASI_IDENTIFIERS: tuple(one.name for one in may if one.quasi_identifier),
        OPEN_COLUMNS: tuple(one.name for one in may if one.classification == "open"),
    }
    return {name: theirs for name, theirs in found.items() if theirs}


def in_words(arguments: Mapping[str, Any]) -> str:
    """The limits of a rule, for a register that people read."""
    under = int(arguments.get(GROUPS_UNDER, DEFAULT_GROUPS_UNDER))
    every = [(UNIQUE, "alone"), (FEW, f"in groups under {under}")]
    return "; ".join(
        f"at most {arguments[name]:g} % {how} by their {_plain(by)}"
        for names, how in every
        for name, by in names.items()
        if name in arguments
    )


def _plain(by: str) -> str:
    return by.replace("_", "-" if by == QUASI_IDENTIFIERS else " ")
