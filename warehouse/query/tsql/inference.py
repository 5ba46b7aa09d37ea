"""The kind of each value in a query, from the kinds of the columns that it is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from sqlglot import exp

from warehouse.query.tsql import functions
from warehouse.query.tsql.kinds import Kind, kind_of_type

_KEY: Final = "kind"

_CONDITIONS: Final = (exp.Predicate, exp.Connector, exp.Not, exp.Exists)
_AS_ITS_CONTENT: Final = (exp.Paren, exp.Alias, exp.Neg, exp.Window, exp.Collate, exp.Any, exp.All)


def kind(node: exp.Expr | None) -> Kind:
    """The kind of a value that `note` has seen."""
    found = node.meta.get(_KEY) if node is not None else None
    return found if isinstance(found, Kind) else Kind.unknown


def note(node: exp.Expr, known: Kind | None = None) -> None:
    """Note the kind of a value, once those of its parts are noted."""
    node.meta[_KEY] = known or _kind(node)


def _kind(node: exp.Expr) -> Kind:
    if isinstance(node, _CONDITIONS):
        return Kind.boolean
    return next((found(node) for kinds, found in _KINDS if isinstance(node, kinds)), Kind.unknown)


def _literal(node: exp.Literal) -> Kind:
    if node.is_string:
        return Kind.text
    return Kind.integer if node.is_int else Kind.number


def _case(node: exp.Case) -> Kind:
    return first_known([*(one.args["true"] for one in node.args["ifs"]), node.args.get("default")])


def first_known(nodes: Iterable[exp.Expr | None]) -> Kind:
    """The kind of values of which each may stand for the others."""
    kinds = [kind(node) for node in nodes]
    if Kind.number in kinds:
        return Kind.number
    return next((one for one in kinds if one is not Kind.unknown), Kind.unknown)


def _calculated(node: exp.Binary) -> Kind:
    kinds = {kind(node.this), kind(node.expression)}
    if Kind.moment in kinds or Kind.date in kinds:
        return Kind.moment
    if kinds == {Kind.text} or (isinstance(node, exp.Add) and kinds == {Kind.text, Kind.unknown}):
        return Kind.text
    if Kind.unknown in kinds:
        return Kind.unknown
    return Kind.integer if kinds == {Kind.integer} else Kind.number


_KINDS: Final[tuple[tuple[Any, Callable[[Any], Kind]], ...]] = (
    (exp.Literal, _literal),
    ((exp.National, exp.GroupConcat), lambda _: Kind.text),
    ((exp.CurrentTimestamp, exp.AtTimeZone), lambda _: Kind.moment),
    (exp.Cast, lambda node: kind_of_type(node.to.sql("tsql"))),
    (exp.Anonymous, lambda node: functions.kind_of(node.name, node.expressions, kind)),
    (exp.Case, _case),
    ((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod), _calculated),
    ((exp.Subquery, exp.Query), lambda node: kind(node.selects[0]) if node.selects else Kind.unknown),
    (exp.Distinct, lambda node: kind(node.expressions[0]) if node.expressions else Kind.unknown),
    (_AS_ITS_CONTENT, lambda node: kind(node.this)),
)
