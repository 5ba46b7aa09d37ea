"""AT TIME ZONE, by the names that Windows has for time zones."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from warehouse.query.tsql.findings import Refused, Report
from warehouse.query.tsql.literals import is_text
from warehouse.query.tsql.templates import pg, text

_UTC: Final = "UTC"
_ZONES: Final = {_UTC: _UTC, "GMT STANDARD TIME": "Europe/London"}
_LONDON: Final = "Write x AT TIME ZONE 'UTC' AT TIME ZONE 'GMT Standard Time': the times of the warehouse are in UTC."


def in_zone(node: exp.AtTimeZone, report: Report) -> exp.Expr:
    """A time of the warehouse, which is in UTC, as the clocks of another zone showed it.

    Raises:
        Refused: it does not say that the time is in UTC, or the zone is not known.
    """
    zone = node.args["zone"]
    name = _ZONES.get(zone.name.upper()) if is_text(zone) else None
    is_inner = isinstance(node.parent, exp.AtTimeZone)
    says_utc = isinstance(node.this, exp.AtTimeZone)
    if name is None or is_inner == says_utc or (is_inner and name != _UTC):
        raise Refused("AT TIME ZONE is translated only from UTC to the time in London.", _LONDON)
    if says_utc:
        report.changed("GMT Standard Time is Europe/London", node)
    return pg(":a at time zone :z", a=node.this, z=text(name))
