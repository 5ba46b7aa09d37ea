"""Texts. SQL Server compares them without regard to case, and LEN does not count blanks at the end."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from warehouse.query.tsql.findings import Refused
from warehouse.query.tsql.functions.function import Call, Function, of_texts
from warehouse.query.tsql.kinds import Kind
from warehouse.query.tsql.literals import has_case
from warehouse.query.tsql.templates import call, pg


def _charindex(called: Call) -> exp.Expr:
    sought, within = called.text(0), called.text(1)
    if has_case(sought):
        sought, within = call("lower", sought), call("lower", within)
    if len(called) == 2:
        return pg("strpos(:b, :a)", a=sought, b=within)
    start = called[2]
    if not (isinstance(start, exp.Literal) and start.is_int):
        raise Refused("CHARINDEX from a place that is calculated has no counterpart.", "Use SUBSTRING first.")
    if int(start.name) <= 1:
        return pg("strpos(:b, :a)", a=sought, b=within)
    found = "coalesce(nullif(strpos(substring(:b, :s), :a), 0) + :s - 1, 0)"
    return pg(found, a=sought, b=within, s=start)


def _replace(called: Call) -> exp.Expr:
    if has_case(called[1]):
        called.report.differs("REPLACE replaces only what has the same capital letters", called.node)
    return call("replace", *(called.text(number) for number in range(3)))


def _left_or_right(called: Call) -> exp.Expr:
    return call(called.name.lower(), called.text(0), called[1])


def _substring(called: Call) -> exp.Expr:
    return call("substring", called.text(0), called[1], called[2])


def _stuff(called: Call) -> exp.Expr:
    sql = "overlay(:a placing :d from :b for :c)"
    return pg(sql, a=called.text(0), b=called[1], c=called[2], d=called.text(3))


_LENGTH: Final = "LEN does not count blanks at the end, as in SQL Server"

FUNCTIONS: Final = {
    **{name: Function(of_texts(), Kind.text, 1, 1) for name in ("UPPER", "LOWER", "LTRIM", "RTRIM", "REVERSE")},
    "TRIM": Function(of_texts("btrim"), Kind.text, 1, 1),
    "LEN": Function(lambda called: pg("length(rtrim(:a))", a=called.text(0)), Kind.integer, 1, 1, _LENGTH),
    "LEFT": Function(_left_or_right, Kind.text, 2, 2),
    "RIGHT": Function(_left_or_right, Kind.text, 2, 2),
    "SUBSTRING": Function(_substring, Kind.text, 3, 3),
    "CHARINDEX": Function(_charindex, Kind.integer, 2, 3, "CHARINDEX seeks without regard to case"),
    "REPLACE": Function(_replace, Kind.text, 3, 3),
    "REPLICATE": Function(lambda called: call("repeat", called.text(0), called[1]), Kind.text, 2, 2),
    "SPACE": Function(lambda called: pg("repeat(' ', :a)", a=called[0]), Kind.text, 1, 1),
    "STUFF": Function(_stuff, Kind.text, 4, 4, "STUFF is overlay"),
    "CONCAT": Function(of_texts(), Kind.text, 2, 254),
    "CONCAT_WS": Function(of_texts(), Kind.text, 3, 254),
    "CHAR": Function(lambda called: call("chr", called[0]), Kind.text, 1, 1),
    "NCHAR": Function(lambda called: call("chr", called[0]), Kind.text, 1, 1),
    "ASCII": Function(of_texts(), Kind.integer, 1, 1),
    "UNICODE": Function(of_texts("ascii"), Kind.integer, 1, 1),
}
