"""Dates and times. SQL Server's clock was UTC, and so is the session that asks here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from sqlglot import exp

from warehouse.query.tsql.findings import Refused
from warehouse.query.tsql.functions.function import Call, Function
from warehouse.query.tsql.kinds import Kind
from warehouse.query.tsql.literals import check_date
from warehouse.query.tsql.templates import pg

_PARTS: Final = {
    **dict.fromkeys(("year", "yy", "yyyy"), "year"),
    **dict.fromkeys(("quarter", "qq", "q"), "quarter"),
    **dict.fromkeys(("month", "mm", "m"), "month"),
    **dict.fromkeys(("dayofyear", "dy", "y"), "dayofyear"),
    **dict.fromkeys(("day", "dd", "d"), "day"),
    **dict.fromkeys(("week", "wk", "ww"), "week"),
    **dict.fromkeys(("weekday", "dw", "w"), "weekday"),
    **dict.fromkeys(("iso_week", "isowk", "isoww"), "iso_week"),
    **dict.fromkeys(("hour", "hh"), "hour"),
    **dict.fromkeys(("minute", "mi", "n"), "minute"),
    **dict.fromkeys(("second", "ss", "s"), "second"),
}

_PART_OF: Final = {
    **{part: f"cast(extract({part} from :d) as int)" for part in ("year", "quarter", "month", "day", "hour", "minute")},
    "second": "cast(floor(extract(second from :d)) as int)",
    "dayofyear": "cast(extract(doy from :d) as int)",
    "iso_week": "cast(extract(week from :d) as int)",
    "weekday": "cast(extract(dow from :d) as int) + 1",
}

_NAME_OF: Final = {"month": "to_char(:d, 'FMMonth')", "weekday": "to_char(:d, 'FMDay')"}

_DAYS: Final = "cast(:b as date) - cast(:a as date)"
_YEARS: Final = "cast(extract(year from :b) - extract(year from :a) as int)"
_QUARTERS: Final = (
    "cast((extract(year from :b) - extract(year from :a)) * 4"
    " + extract(quarter from :b) - extract(quarter from :a) as int)"
)
_MONTHS: Final = (
    "cast((extract(year from :b) - extract(year from :a)) * 12"
    " + extract(month from :b) - extract(month from :a) as int)"
)
# 7 January 1900 was a Sunday, with which a week begins for DATEDIFF whatever the settings are.
_WEEKS: Final = (
    "cast(floor((cast(:b as date) - cast('1900-01-07' as date)) / 7.0)"
    " - floor((cast(:a as date) - cast('1900-01-07' as date)) / 7.0) as int)"
)
_SPAN: Final = (
    "cast(extract(epoch from date_trunc('{0}', cast(:b as timestamp)) - date_trunc('{0}', cast(:a as timestamp)))"
    " / {1} as bigint)"
)

_BETWEEN: Final = {
    "year": _YEARS,
    "quarter": _QUARTERS,
    "month": _MONTHS,
    **dict.fromkeys(("day", "dayofyear", "weekday"), _DAYS),
    "week": _WEEKS,
    "hour": _SPAN.format("hour", 3600),
    "minute": _SPAN.format("minute", 60),
    "second": _SPAN.format("second", 1),
}
"""How many boundaries of a part lie between two moments: as DATEDIFF counts, not whole years that have passed."""

_STEPS: Final = {
    "year": "1 year",
    "quarter": "3 months",
    "month": "1 month",
    **dict.fromkeys(("day", "dayofyear", "weekday"), "1 day"),
    "week": "7 days",
    "hour": "1 hour",
    "minute": "1 minute",
    "second": "1 second",
}
_WITHIN_A_DAY: Final = frozenset({"hour", "minute", "second"})


def moment(node: exp.Expr, kind: Kind) -> exp.Expr:
    """An argument that is a date or a time: a number counts days from 1 January 1900."""
    if kind is Kind.integer:
        start = "cast('1900-01-01' as timestamp)"
        return pg(start) if node.name == "0" else pg(f"{start} + :n * interval '1 day'", n=node)
    if kind is Kind.text:
        check_date(node)
        return pg("cast(:d as timestamp)", d=node)
    if kind is Kind.number or kind is Kind.boolean:
        raise Refused("A number stands in the place of a date.", "Write the date.")
    return node


def _part(called: Call, of: dict[str, str]) -> str:
    said = called[0].name.lower()
    if (part := _PARTS.get(said)) in of:
        return str(part)
    instead = "Use iso_week." if part == "week" else f"Use one of {', '.join(of)}."
    raise Refused(f"{called.name} of {said} has no counterpart.", instead)


def _datepart(called: Call) -> exp.Expr:
    return _part_of(called, _part(called, _PART_OF), 1)


def _part_of(called: Call, part: str, argument: int) -> exp.Expr:
    if part == "weekday":
        called.report.changed("a week begins on Sunday, as it did by SQL Server's own setting", called.node)
    return pg(_PART_OF[part], d=moment(*called.arguments[argument]))


def _named_part(part: str) -> Callable[[Call], exp.Expr]:
    return lambda called: _part_of(called, part, 0)


def _datename(called: Call) -> exp.Expr:
    part = _part(called, _PART_OF)
    if part in _NAME_OF:
        return pg(_NAME_OF[part], d=moment(*called.arguments[1]))
    return pg("cast(:a as text)", a=_part_of(called, part, 1))


def _dateadd(called: Call) -> exp.Expr:
    part = _part(called, _STEPS)
    count = called[1] if called.kind(1) is Kind.integer else pg("trunc(:n)", n=called[1])
    added = pg(f":d + :n * interval '{_STEPS[part]}'", d=moment(*called.arguments[2]), n=count)
    keeps = called.kind(2) is Kind.date and part not in _WITHIN_A_DAY
    return pg("cast(:d as date)", d=added) if keeps else added


def _added_kind(arguments: Sequence[exp.Expr], kind: Callable[[exp.Expr], Kind]) -> Kind:
    is_date = len(arguments) == 3 and kind(arguments[2]) is Kind.date
    return Kind.date if is_date and _PARTS.get(arguments[0].name.lower()) not in _WITHIN_A_DAY else Kind.moment


def _datediff(called: Call) -> exp.Expr:
    part = _part(called, _BETWEEN)
    return pg(_BETWEEN[part], a=moment(*called.arguments[1]), b=moment(*called.arguments[2]))


def _eomonth(called: Call) -> exp.Expr:
    months = called[1] if len(called) > 1 else exp.Literal.number(0)
    after = "date_trunc('month', cast(:d as timestamp)) + (:n + 1) * interval '1 month' - interval '1 day'"
    return pg("cast(:a as date)", a=pg(after, d=moment(*called.arguments[0]), n=months))


def _now(sql: str = "current_timestamp at time zone 'UTC'") -> Callable[[Call], exp.Expr]:
    return lambda _: pg(sql)


_BOUNDARIES: Final = "DATEDIFF counts the boundaries between two days, as SQL Server does"

FUNCTIONS: Final = {
    **{
        name: Function(_now(), Kind.moment, 0, 0, f"{name} is the server's clock in UTC, not the day of the build")
        for name in ("GETDATE", "GETUTCDATE", "SYSDATETIME", "SYSUTCDATETIME")
    },
    "SYSDATETIMEOFFSET": Function(_now("current_timestamp"), Kind.moment, 0, 0),
    **{part.upper(): Function(_named_part(part), Kind.integer, 1, 1) for part in ("year", "month", "day")},
    "DATEPART": Function(_datepart, Kind.integer, 2, 2),
    "DATENAME": Function(_datename, Kind.text, 2, 2),
    "DATEADD": Function(_dateadd, _added_kind, 3, 3, "DATEADD is an interval that is added"),
    "DATEDIFF": Function(_datediff, Kind.integer, 3, 3, _BOUNDARIES),
    "DATEDIFF_BIG": Function(_datediff, Kind.integer, 3, 3, _BOUNDARIES),
    "EOMONTH": Function(_eomonth, Kind.date, 1, 2, "EOMONTH is the day before the first of the next month"),
    "DATEFROMPARTS": Function(
        lambda called: pg("make_date(:a, :b, :c)", a=called[0], b=called[1], c=called[2]), Kind.date, 3, 3
    ),
}
