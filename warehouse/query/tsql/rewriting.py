"""A query whose names are known, written as PostgreSQL has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from sqlglot import exp

from warehouse.query.tsql import functions, inference, patterns, zones
from warehouse.query.tsql.alike import compared, interchangeable, without_collation
from warehouse.query.tsql.findings import Refused, Report, stands_for
from warehouse.query.tsql.functions.aggregates import whole_average
from warehouse.query.tsql.functions.conversion import converted, tried
from warehouse.query.tsql.functions.function import as_text
from warehouse.query.tsql.kinds import Kind
from warehouse.query.tsql.templates import call, pg

_EQUAL: Final = (exp.EQ, exp.NEQ)
_MORE_OR_LESS: Final = (exp.GT, exp.GTE, exp.LT, exp.LTE)
_COMPARES: Final = (*_EQUAL, *_MORE_OR_LESS, exp.In, exp.Like, exp.Between)

_CONCATENATED: Final = "+ between texts is ||"
_KEPT_APART: Final = "{} keeps texts apart that differ only in capital letters: use LOWER(…) to have them together"


def rewrite(node: exp.Expr, report: Report) -> None:
    """Rewrite a query in place, its innermost parts first; what has no counterpart goes into the report."""
    for part in list(node.iter_expressions()):
        rewrite(part, report)
    try:
        made = _written(node, report)
    except Refused as refused:
        report.refuse(refused.fault, refused.what, refused.instead, node)
        return
    if made is not node:
        inference.note(made, inference.kind(node))
        stands_for(made, node)
        node.replace(made)


def _written(node: exp.Expr, report: Report) -> exp.Expr:
    for kinds, write in _WRITERS:
        if isinstance(node, kinds):
            return write(node, report)
    _compare(node, report)
    _agree(node)
    _group(node, report)
    return node


def _function(node: exp.Anonymous, report: Report) -> exp.Expr:
    return functions.written(node, [_valued(one) for one in node.expressions], report)


def _cast(node: exp.Cast, _: Report) -> exp.Expr:
    return converted(node.to, node.this, inference.kind(node.this))


def _try_cast(node: exp.TryCast, _: Report) -> exp.Expr:
    return tried(node.to, node.this, inference.kind(node.this))


def _windowed(node: exp.Window, report: Report) -> exp.Expr:
    for one in node.args.get("partition_by") or ():
        if inference.kind(one) is Kind.text:
            one.replace(call("lower", one))
    is_average = isinstance(node.this, exp.Anonymous) and node.this.name.lower() == "avg"
    return whole_average(node, node, report) if is_average and inference.kind(node) is Kind.integer else node


def _collated(node: exp.Collate, report: Report) -> exp.Expr:
    if isinstance(node.parent, _COMPARES):
        return node  # The comparison asks whether capital letters count.
    ((bare, _),), _ = without_collation([_valued(node)], report)
    return bare.copy()


def _valued(node: exp.Expr) -> tuple[exp.Expr, Kind]:
    return node, inference.kind(node)


def _compare(node: exp.Expr, report: Report) -> None:
    """A comparison of values of one kind, and of texts without regard to case."""
    if isinstance(node, (*_EQUAL, *_MORE_OR_LESS)):
        if not isinstance(node.expression, exp.Any | exp.All):
            sorts = isinstance(node, _MORE_OR_LESS)
            both = compared([_valued(node.this), _valued(node.expression)], report, node, sorts=sorts)
            _put(node, ("this", "expression"), both)
    elif isinstance(node, exp.Between):
        parts = ("this", "low", "high")
        _put(node, parts, compared([_valued(node.args[part]) for part in parts], report, node, sorts=True))
    elif isinstance(node, exp.In) and node.args.get("query"):
        _among_rows(node, report)
    elif isinstance(node, exp.In):
        first, *others = compared([_valued(one) for one in (node.this, *node.expressions)], report, node)
        node.set("this", first.copy())
        node.set("expressions", [one.copy() for one in others])
    elif isinstance(node, exp.Case) and node.this:
        first, *others = compared([_valued(node.this), *(_valued(one.this) for one in node.args["ifs"])], report, node)
        node.set("this", first.copy())
        for one, wanted in zip(node.args["ifs"], others, strict=True):
            one.set("this", wanted.copy())


def _among_rows(node: exp.In, report: Report) -> None:
    """IN with a query: its one column is compared, in each SELECT that a UNION puts together."""
    wanted = node.this
    for select in _selects(node.args["query"]):
        if len(select.selects) != 1 or isinstance(select.selects[0], exp.Star):
            continue
        (given,) = select.selects
        value = given.this if isinstance(given, exp.Alias) else given
        first, other = compared([_valued(wanted), _valued(value)], report, node)
        if first is not wanted:
            node.set("this", first.copy())
        if other is not value:
            select.set("expressions", [other.copy()])


def _selects(query: exp.Expr) -> Iterator[exp.Select]:
    if isinstance(query, exp.SetOperation):
        yield from _selects(query.this)
        yield from _selects(query.expression)
    elif isinstance(query, exp.Subquery):
        yield from _selects(query.this)
    elif isinstance(query, exp.Select):
        yield query


def _put(node: exp.Expr, parts: tuple[str, ...], made: list[exp.Expr]) -> None:
    for part, one in zip(parts, made, strict=True):
        if one is not node.args[part]:
            node.set(part, one.copy())


def _agree(node: exp.Expr) -> None:
    """The values of a CASE, of which each may stand for the others."""
    if not isinstance(node, exp.Case):
        return
    default = node.args.get("default")
    given = [one.args["true"] for one in node.args["ifs"]]
    made = interchangeable([_valued(one) for one in ([*given, default] if default else given)])
    for one, value in zip(node.args["ifs"], made, strict=False):
        one.set("true", value.copy())
    if default:
        node.set("default", made[-1].copy())


def _added(node: exp.Add | exp.Sub, report: Report) -> exp.Expr:
    """+ and -: of texts, of days, and of numbers."""
    (left, left_kind), (right, right_kind) = _valued(node.this), _valued(node.expression)
    kinds = {left_kind, right_kind}
    if isinstance(node, exp.Add) and Kind.text in kinds:
        if not kinds <= {Kind.text, Kind.unknown}:
            raise Refused(
                "+ between a text and something else adds numbers in SQL Server.",
                "Use CONCAT(…), or CAST(… AS varchar(20)).",
            )
        report.changed(_CONCATENATED, node)
        return exp.DPipe(this=left.copy(), expression=right.copy(), safe=True)
    if left_kind.is_time and right_kind.is_time:
        raise Refused("The difference of two dates has no counterpart.", "Use DATEDIFF(day, a, b).")
    if left_kind.is_time and right_kind.is_number:
        report.changed("a number that is added to a date is an interval of days", node)
        sign = "+" if isinstance(node, exp.Add) else "-"
        return pg(f":d {sign} :n * interval '1 day'", d=left, n=right)
    return node


def _group(node: exp.Expr, report: Report) -> None:
    """Where rows come together by a text, SQL Server did not regard case."""
    if isinstance(node, exp.GroupConcat):
        _as_text(node)
    elif isinstance(node, exp.Group):
        for one in node.expressions:
            if _is_of_texts(one):
                report.differs(_KEPT_APART.format("GROUP BY"), one)
    elif isinstance(node, exp.Select) and node.args.get("distinct"):
        for one in node.selects:
            if _is_of_texts(one):
                report.differs(_KEPT_APART.format("DISTINCT"), one)


def _is_of_texts(node: exp.Expr) -> bool:
    columns = [one for one in node.find_all(exp.Column) if inference.kind(one) is Kind.text]
    return inference.kind(node) is Kind.text and bool(columns)


def _as_text(node: exp.GroupConcat) -> None:
    """What STRING_AGG puts together, also where it sorts first."""
    inner = node.this.this if isinstance(node.this, exp.Order) else node.this
    if inner is not None:
        inner.replace(as_text(inner.copy(), inference.kind(inner)))


_WRITERS: Final[tuple[tuple[Any, Callable[[Any, Report], exp.Expr]], ...]] = (
    (exp.Anonymous, _function),
    (exp.National, lambda node, _: exp.Literal.string(node.name)),
    (exp.CurrentTimestamp, lambda *_: pg("current_timestamp at time zone 'UTC'")),
    (exp.TryCast, _try_cast),
    (exp.Cast, _cast),
    ((exp.Add, exp.Sub), _added),
    (exp.Like, patterns.like),
    (exp.Window, _windowed),
    (exp.Collate, _collated),
    (exp.AtTimeZone, zones.in_zone),
)
"""What is replaced by something else; of everything else the parts are put right where they are."""
