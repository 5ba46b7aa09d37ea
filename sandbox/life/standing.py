"""What a person holds and where their induction stands, worked out from their routes by the rules.

Nothing else sets these columns of `persons`, except what is entered for the person: the induction status without
exemptions, its dates and the reasons for an exemption.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sandbox.domain import dates
from sandbox.domain.codes import Award, Induction, Qtls, RouteStatus
from sandbox.life.lookup import QTLS

Types = Mapping[UUID, Mapping[str, Any]]
Row = Mapping[str, Any]


def is_live(route: Row) -> bool:
    """A route that gives its holder the status now."""
    return route["deleted_on"] is None and route["status"] == RouteStatus.HOLDS


def exempt_by_date(status_type: int, status: int, holds_from: date | None) -> bool | None:
    """Whether a route exempts from induction by its date alone; nothing when it is not a held QTS route."""
    if status_type != Award.QTS or status != RouteStatus.HOLDS or holds_from is None:
        return None
    return holds_from < dates.QTS_EXEMPT_BEFORE


def outranks(first: int, second: int) -> bool:
    """Whether the first induction status wins over the second."""
    return Induction.PRIORITY.index(first) < Induction.PRIORITY.index(second)


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

    qts = earliest(Award.QTS)
    by_date = any(route["exempt_from_induction_due_to_qts_date"] for route in held)
    without_exemption = person["induction_status_without_exemption"]
    if qts is not None and without_exemption == Induction.NONE and not by_date:
        without_exemption = Induction.REQUIRED
    elif qts is None and without_exemption == Induction.REQUIRED:
        without_exemption = Induction.NONE
    exempt = outranks(Induction.EXEMPT, without_exemption) and (
        by_date
        or bool(person["induction_exemption_reason_ids"])
        or person["induction_exempt_without_reason"]
        or any(route["exempt_from_induction"] for route in held)
    )
    return {
        "qts_date": qts,
        "eyts_date": earliest(Award.EYTS),
        "pqts_date": earliest(Award.PQTS),
        "has_eyps": any(_type(route, types) == Award.EYPS for route in held),
        "qtls_status": _qtls(routes),
        "induction_status_without_exemption": without_exemption,
        "induction_status": Induction.EXEMPT if exempt else without_exemption,
    }


def _type(route: Row, types: Types) -> int:
    return int(types[route["route_to_professional_status_type_id"]]["professional_status_type"])


def _qtls(routes: Sequence[Row]) -> int:
    memberships = [route for route in routes if route["route_to_professional_status_type_id"] == QTLS]
    if any(is_live(route) for route in memberships):
        return Qtls.ACTIVE
    return Qtls.EXPIRED if memberships else Qtls.NONE
