"""The functions of T-SQL: what each is in PostgreSQL. One that is not listed here is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from sqlglot import exp

from warehouse.core.catalogue import near_names
from warehouse.query.tsql.findings import Fault, Report
from warehouse.query.tsql.functions import aggregates, conversion, dates, texts, values
from warehouse.query.tsql.functions.function import Call, Function
from warehouse.query.tsql.functions.without import WITHOUT
from warehouse.query.tsql.kinds import Kind

_FUNCTIONS: Final[dict[str, Function]] = {
    **dates.FUNCTIONS,
    **texts.FUNCTIONS,
    **conversion.FUNCTIONS,
    **values.FUNCTIONS,
    **aggregates.FUNCTIONS,
}


def check(node: exp.Anonymous, report: Report) -> None:
    """Refuse a function that has no counterpart, or that has another number of arguments."""
    function = _FUNCTIONS.get(node.name.upper())
    if function is None:
        refuse(node.name, node, report)
    elif not function.fewest <= len(node.expressions) <= function.most:
        what = f"{node.name.upper()} does not take {len(node.expressions)} arguments."
        report.refuse(Fault.counterpart, what, "Correct the arguments.", node)


def refuse(name: str, node: exp.Expr, report: Report) -> None:
    """Report a function without a counterpart, with what to use instead."""
    near = near_names(name, sorted(one.lower() for one in _FUNCTIONS))
    guess = f"Did you mean {' or '.join(near).upper()}?" if near else "Write what it did into the query."
    instead = WITHOUT.get(name.upper(), guess)
    report.refuse(Fault.counterpart, f"The function {name.upper()} has no counterpart.", instead, node)


def kind_of(name: str, arguments: Sequence[exp.Expr], kind: Callable[[exp.Expr], Kind]) -> Kind:
    """The kind of what a function gives."""
    function = _FUNCTIONS.get(name.upper())
    if function is None:
        return Kind.unknown
    return function.kind if isinstance(function.kind, Kind) else function.kind(arguments, kind)


def written(node: exp.Anonymous, arguments: Sequence[tuple[exp.Expr, Kind]], report: Report) -> exp.Expr:
    """The function as PostgreSQL has it.

    Args:
        arguments: translated already, each with its kind.

    Raises:
        Refused: with these arguments it has no counterpart.
    """
    function = _FUNCTIONS.get(node.name.upper())
    if function is None or not function.fewest <= len(arguments) <= function.most:
        return node  # check() has refused it.
    made = function.write(Call(node, arguments, report))
    if function.says:
        report.changed(function.says, node)
    return made
