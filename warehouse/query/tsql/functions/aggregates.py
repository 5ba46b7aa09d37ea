"""Functions over rows: of groups, and of windows."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from warehouse.query.tsql.findings import Report
from warehouse.query.tsql.functions.function import Call, Function, as_argument, same
from warehouse.query.tsql.kinds import Kind
from warehouse.query.tsql.templates import call, pg

_CASE: Final = "texts are counted without regard to case (lower), as SQL Server did"


def _count(called: Call) -> exp.Expr:
    counted = called[0]
    if isinstance(counted, exp.Distinct) and called.kind(0) is Kind.text:
        called.report.changed(_CASE, called.node)
        counted = exp.Distinct(expressions=[call("lower", counted.expressions[0])])
    return call("count", counted)


def whole_average(average: exp.Expr, at: exp.Expr, report: Report) -> exp.Expr:
    """An average of whole numbers, which SQL Server cuts off."""
    report.changed("AVG of whole numbers is a whole number, cut off, as in SQL Server", at)
    return pg("cast(trunc(:a) as bigint)", a=average)


def _average(called: Call) -> exp.Expr:
    average = call("avg", called[0])
    is_windowed = isinstance(called.node.parent, exp.Window)
    return (
        average
        if is_windowed or called.kind(0) is not Kind.integer
        else whole_average(average, called.node, called.report)
    )


FUNCTIONS: Final = {
    "COUNT": Function(_count, Kind.integer, 1, 1),
    "COUNT_BIG": Function(_count, Kind.integer, 1, 1),
    "SUM": Function(same(), as_argument(0), 1, 1),
    "MIN": Function(same(), as_argument(0), 1, 1),
    "MAX": Function(same(), as_argument(0), 1, 1),
    "AVG": Function(_average, as_argument(0), 1, 1),
    **{
        name: Function(same(of), Kind.number, 1, 1) for name, of in (("STDEV", "stddev_samp"), ("STDEVP", "stddev_pop"))
    },
    **{name: Function(same(of), Kind.number, 1, 1) for name, of in (("VAR", "var_samp"), ("VARP", "var_pop"))},
    **{name: Function(same(), Kind.integer, 0, 0) for name in ("ROW_NUMBER", "RANK", "DENSE_RANK")},
    **{name: Function(same(), Kind.number, 0, 0) for name in ("PERCENT_RANK", "CUME_DIST")},
    "NTILE": Function(same(), Kind.integer, 1, 1),
    "LAG": Function(same(), as_argument(0), 1, 3),
    "LEAD": Function(same(), as_argument(0), 1, 3),
    "FIRST_VALUE": Function(same(), as_argument(0), 1, 1),
    "LAST_VALUE": Function(same(), as_argument(0), 1, 1),
}
