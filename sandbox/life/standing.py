"""What a person holds and where their induction stands, worked out from their routes by the rules.

Nothing else sets these columns of `persons`, except what is entered for the person: the induction status without
exemptions, its dates and the reasons for an exemption.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sandbox.life.reference import EYPS, EYTS, PQTS, QTLS, QTS

HOLDS = 1
NONE, REQUIRED, EXEMPT, IN_PROGRESS, PASSED, FAILED, FAILED_IN_WALES = range(7)
# From the highest: a status gives way to an exemption only if it stands after it here.
PRIORITY = (FAILED, PASSED, EXEMPT, IN_PROGRESS, FAILED_IN_WALES, REQUIRED, NONE)
QTLS_NONE, QTLS_EXPIRED, QTLS_ACTIVE = range(3)

# People with QTS from before this day never had to do induction.
INDUCTION_BEGAN = date(2000, 5, 7)
EARLIEST_INDUCTION = date(1999, 5, 7)

Types = Mapping[UUID, Mapping[str, Any]]
Row = Mapping[str, Any]


def is_live(route: Row) -> bool:
    """A route that gives its holder the status now."""
    return route["deleted_on"] is None and route["status"] == HOLDS


def exempt_by_date(status_type: int, status: int, holds_from: date | None) -> bool | None:
    """Whether a route exempts from induction by its date alone; nothing when it is not a held QTS route."""
    if status_type != QTS or status != HOLDS or holds_from is None:
        return None
    return holds_from < INDUCTION_BEGAN


def outranks(first: int, second: int) -> bool:
    """Whether the first induction status wins over the second."""
    return PRIORITY.index(first) < PRIORITY.index(second)


def standing(person: Row, routes: Sequence[Row], types: Types) -> dict[str, Any]:
    """The derived columns of `persons`, for a person as entered and all their routes, deleted ones too."""
    held = [route for route in routes if is_live(route)]

    def earliest(status_type: int) -> date | None:
        dates = [
            route["holds_from"]
            for route in held
            if _type(route, types) == status_type and route["holds_from"] is not None
        ]
        return min(dates, default=None)

    qts = earliest(QTS)
    by_date = any(route["exempt_from_induction_due_to_qts_date"] for route in held)
    without_exemption = person["induction_status_without_exemption"]
    if qts is not None and without_exemption == NONE and not by_date:
        without_exemption = REQUIRED
    elif qts is None and without_exemption == REQUIRED:
        without_exemption = NONE
    exempt = (
        by_date
        or bool(person["induction_exemption_reason_ids"])
        or person["induction_exempt_without_reason"]
        or any(route["exempt_from_induction"] for route in held)
    )
    return {
        "qts_date": qts,
        "eyts_date": earliest(EYTS),
        "pqts_date": earliest(PQTS),
        "has_eyps": any(_type(route, types) == EYPS for route in held),
        "qtls_status": _qtls(routes),
        "induction_status_without_exemption": without_exemption,
        "induction_status": EXEMPT if exempt and outranks(EXEMPT, without_exemption) else without_exemption,
    }


def _type(route: Row, types: Types) -> int:
    return int(types[route["route_to_professional_status_type_id"]]["professional_status_type"])


def _qtls(routes: Sequence[Row]) -> int:
    memberships = [route for route in routes if route["route_to_professional_status_type_id"] == QTLS]
    if any(is_live(route) for route in memberships):
        return QTLS_ACTIVE
    return QTLS_EXPIRED if memberships else QTLS_NONE
