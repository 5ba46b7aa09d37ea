"""Route types by their names in the seed, those that are spoken of by name, and the routes that lead to awards."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from sandbox.domain.tables import records
from sandbox.schema import seed_rows

QTLS: Final = "QTLS and SET Membership"
APPLY: Final = "Apply for Qualified Teacher Status in England"
WELSH: Final = "Welsh Recognition"
SCOTTISH: Final = "Scottish Recognition"
NORTHERN_IRISH: Final = "Northern Irish Recognition"
OVERSEAS_TRAINED: Final = "Overseas Trained Teacher Recognition"
ABROAD: Final = (APPLY, "European Recognition", "EC directive", OVERSEAS_TRAINED, "European Recognition - PQTS")
"""Routes of people who qualified in another country."""
UK_NATIONS: Final = {WELSH: "GB-WLS", SCOTTISH: "GB-SCT", NORTHERN_IRISH: "GB-NIR"}
"""Routes of people who qualified in another nation of the United Kingdom, with its code."""

PASSED_IN_WALES: Final = "39550fa9-3147-489d-b808-4feea7f7f979"
QUALIFIED_BEFORE_2000: Final = "5a80cee8-98a8-426b-8422-b0e81cb49b36"
"""Reasons for an exemption from induction that are spoken of by name."""


@cache
def identifier(name: str) -> str:
    """The identifier of a route type."""
    types = seed_rows("route_to_professional_status_types")
    return next(row["route_to_professional_status_type_id"] for row in types if row["name"] == name)


@dataclass(frozen=True)
class Choice:
    """A route that some people of a kind took in some financial years, with what the record of DQT says of it."""

    kind: str
    route: str
    from_year: int
    to_year: int
    weight: float
    dqt_status: str
    provider: str
    """The list that the provider comes from: `current`, `old`, `teach_first` or `none`."""


@cache
def choices(kind: str, year: int) -> tuple[Choice, ...]:
    """The routes of a kind of person (see `sandbox.population.cohorts`) in a financial year."""
    found = [choice for choice in records("routes_by_year", Choice) if choice.kind == kind]
    # Later years carry on with what the last listed year had; earlier ones begin with what the first had.
    first, last = min(choice.from_year for choice in found), max(choice.to_year for choice in found)
    year = min(max(year, first), last)
    return tuple(choice for choice in found if choice.from_year <= year <= choice.to_year)
