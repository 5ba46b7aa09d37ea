"""Functions that choose between values, and functions of numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from sqlglot import exp

from warehouse.query.tsql.alike import compared, interchangeable
from warehouse.query.tsql.findings import Refused
from warehouse.query.tsql.functions.function import Call, Function, as_argument, same, template
from warehouse.query.tsql.kinds import Kind
from warehouse.query.tsql.literals import is_whole_number
from warehouse.query.tsql.templates import call, pg, text


def _isnull(called: Call) -> exp.Expr:
    first, otherwise = interchangeable(called.arguments)
    if called.kind(0) is Kind.text and called.kind(1).is_number:
        otherwise = text(otherwise.name) if isinstance(otherwise, exp.Literal) else called.text(1)
    return call("coalesce", first, otherwise)


def _coalesce(called: Call) -> exp.Expr:
    return call("coalesce", *interchangeable(called.arguments))


def _nullif(called: Call) -> exp.Expr:
    left, right = compared(called.arguments, called.report, called.node)
    if left == called[0]:
        return call("nullif", left, right)
    return pg("case when :a = :b then null else :c end", a=left, b=right, c=called[0])


def _iif(called: Call) -> exp.Expr:
    yes, no = interchangeable(called.arguments[1:])
    return pg("case when :a then :b else :c end", a=called[0], b=yes, c=no)


def _choose(called: Call) -> exp.Expr:
    choices = [exp.If(this=exp.Literal.number(number), true=called[number].copy()) for number in range(1, len(called))]
    return exp.Case(this=called[0].copy(), ifs=choices)


def _round(called: Call) -> exp.Expr:
    if len(called) == 3 and not (is_whole_number(called[2]) and called[2].name == "0"):
        raise Refused("ROUND that cuts off has no counterpart.", "Use FLOOR, or CAST to an int.")
    number = called[0] if called.kind(0).is_number and called.kind(0) is Kind.integer else None
    return call("round", number or pg("cast(:a as numeric)", a=called[0]), called[1])


def _first_known(begin: int) -> Callable[[Sequence[exp.Expr], Callable[[exp.Expr], Kind]], Kind]:
    def kind_of(arguments: Sequence[exp.Expr], kind: Callable[[exp.Expr], Kind]) -> Kind:
        kinds = [kind(one) for one in arguments[begin:]]
        return next((one for one in kinds if one is not Kind.unknown), Kind.unknown)

    return kind_of


FUNCTIONS: Final = {
    "ISNULL": Function(_isnull, as_argument(0), 2, 2, "ISNULL is coalesce"),
    "COALESCE": Function(_coalesce, _first_known(0), 2, 254),
    "NULLIF": Function(_nullif, as_argument(0), 2, 2),
    "IIF": Function(_iif, _first_known(1), 3, 3, "IIF is case"),
    "CHOOSE": Function(_choose, _first_known(1), 2, 254, "CHOOSE is case"),
    "ABS": Function(same(), as_argument(0), 1, 1),
    "CEILING": Function(same(), as_argument(0), 1, 1),
    "FLOOR": Function(same(), as_argument(0), 1, 1),
    "SIGN": Function(same(), as_argument(0), 1, 1),
    "ROUND": Function(_round, as_argument(0), 2, 3),
    "POWER": Function(same(), as_argument(0), 2, 2),
    "SQRT": Function(same(), Kind.number, 1, 1),
    "EXP": Function(same(), Kind.number, 1, 1),
    "LOG": Function(template("ln(:a)"), Kind.number, 1, 1, "LOG is ln"),
    "LOG10": Function(template("log(:a)"), Kind.number, 1, 1),
}
