"""Values that are compared with one another, or of which one stands for another: PostgreSQL wants them of one kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlglot import exp

from warehouse.query.tsql.findings import Report
from warehouse.query.tsql.kinds import Kind
from warehouse.query.tsql.literals import check_date, has_case, is_text, is_whole_number
from warehouse.query.tsql.templates import call, pg, text

Valued = tuple[exp.Expr, Kind]

_CASE: Final = "texts are compared without regard to case (lower), as SQL Server did"


def compared(values: Sequence[Valued], report: Report, at: exp.Expr, *, sorts: bool = False) -> list[exp.Expr]:
    """Values that are compared with one another.

    Args:
        sorts: by more and less, not only whether they are equal.

    Raises:
        Refused: one cannot be compared with the others as in SQL Server.
    """
    values, cased = without_collation(values, report)
    kinds = {kind for _, kind in values}
    if Kind.text in kinds and len(kinds) > 1:
        values = _one_kind(values, kinds, report, at)
        kinds = {kind for _, kind in values}
    nodes = interchangeable(values)
    if kinds <= {Kind.text, Kind.unknown} and Kind.text in kinds and not cased:
        return _without_case(nodes, report, at, sorts=sorts)
    if Kind.key in kinds:
        return [_small(node) if is_text(node) else node for node in nodes]
    return nodes


def interchangeable(values: Sequence[Valued]) -> list[exp.Expr]:
    """Values of which one may stand for another: 0 and 1 beside a yes or no are false and true."""
    if any(kind is Kind.boolean for _, kind in values):
        return [exp.Boolean(this=node.name == "1") if _is_bit(node) else node for node, _ in values]
    return [node for node, _ in values]


def _is_bit(node: exp.Expr) -> bool:
    return is_whole_number(node) and node.name in ("0", "1")


def _one_kind(values: Sequence[Valued], kinds: set[Kind], report: Report, at: exp.Expr) -> list[Valued]:
    """Texts beside values of another kind, which PostgreSQL does not compare."""
    if Kind.date in kinds or Kind.moment in kinds:
        for node, _ in values:
            check_date(node)
        return [(node, kind) if is_text(node) or kind.is_time else (_as_moment(node), kind) for node, kind in values]
    if Kind.uuid in kinds:
        if all(is_text(node) for node, kind in values if kind is Kind.text):
            return [(node, Kind.uuid) for node, _ in values]
        return [(_key(node, kind), Kind.key) for node, kind in values]
    if Kind.key in kinds:
        return [(_key(node, kind), Kind.key) for node, kind in values]
    if Kind.integer in kinds or Kind.number in kinds:
        return _texts_and_numbers(values, report, at)
    return list(values)


def _texts_and_numbers(values: Sequence[Valued], report: Report, at: exp.Expr) -> list[Valued]:
    if all(is_text(node) for node, kind in values if kind is Kind.text):
        # PostgreSQL reads a text in quotation marks as the number beside it.
        return [(node, Kind.number) for node, _ in values]
    report.differs("a text and a number are compared as texts: '01' is not 1", at)
    return [(_number_as_text(node, kind), Kind.text) for node, kind in values]


def _number_as_text(node: exp.Expr, kind: Kind) -> exp.Expr:
    if not kind.is_number:
        return node
    return text(node.name) if isinstance(node, exp.Literal) else pg("cast(:a as text)", a=node)


def _as_moment(node: exp.Expr) -> exp.Expr:
    return pg("cast(:a as timestamp)", a=node)


def _key(node: exp.Expr, kind: Kind) -> exp.Expr:
    if kind is Kind.uuid:
        return pg("cast(:a as text)", a=node)
    return _small(node) if kind is Kind.text else node


def _small(node: exp.Expr) -> exp.Expr:
    is_small = is_text(node) and node.name == node.name.lower()
    return node if is_small else call("lower", node)


def _without_case(nodes: list[exp.Expr], report: Report, at: exp.Expr, *, sorts: bool) -> list[exp.Expr]:
    """The same comparison with small letters; nothing is to be done where one side has no letters."""
    first, *others = nodes
    if not sorts and (not has_case(first) or not any(has_case(node) for node in others)):
        return nodes
    report.changed(_CASE, at)
    return [call("lower", node) if has_case(node) else node for node in nodes]


def without_collation(values: Sequence[Valued], report: Report) -> tuple[list[Valued], bool]:
    """Without COLLATE, and whether it said that capital letters count."""
    bare: list[Valued] = []
    cased = False
    for node, kind in values:
        if isinstance(node, exp.Collate):
            name = node.expression.name.upper()
            cased = cased or "_CS" in name or "_BIN" in name
            counts = "capital letters count" if "_CS" in name or "_BIN" in name else "capital letters do not count"
            report.changed(f"COLLATE is left out: {counts}", node)
            bare.append((node.this, kind))
        else:
            bare.append((node, kind))
    return bare, cased
