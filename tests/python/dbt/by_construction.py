"""What a model's SQL makes true of its columns, whatever the rows are: a rule that says the same can never be broken.

It finds the plain kinds (a default that is a constant, a count, a truth about null, a case of texts, a row number) and
follows names through a model's own common table expressions. What it does not understand may be anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from sqlglot import exp, parse_one

from tests.python.dbt.nodes import Node

Expression = exp.Expression


@dataclass(frozen=True)
class Found:
    """An expression and the select that it stands in, which says what its names mean."""

    of: Expression
    within: exp.Select


class Model:
    """The compiled SQL of a model."""

    def __init__(self, compiled: str) -> None:
        tree = parse_one(compiled, dialect="postgres")
        self._steps: dict[str, Expression] = {cte.alias: cte.this for cte in tree.find_all(exp.CTE)}
        self._tree = tree

    def column(self, name: str) -> list[Found]:
        """What the column is in each select of the model's result; nothing where that cannot be told."""
        return self._column(self._tree, name)

    def _column(self, query: Expression, name: str) -> list[Found]:
        found: list[Found] = []
        for select in _selects(query):
            expression = next((one for one in select.expressions if one.alias_or_name == name), None)
            if expression is not None:
                found.append(Found(expression.unalias(), select))
                continue
            # `select *` of one relation.
            stars = [one for one in select.expressions if isinstance(one, exp.Star)]
            source = select.args.get("from_")
            inner = self._steps.get(source.this.name) if stars and source and not select.args.get("joins") else None
            deeper = self._column(inner, name) if inner is not None else []
            if not deeper:
                return []
            found += deeper
        return found

    def _behind(self, found: Found) -> list[Found]:
        """Of a plain column what stands behind its name, in a step that no outer join can make null."""
        column, select = found.of, found.within
        source = select.args.get("from_")
        if not isinstance(column, exp.Column) or source is None:
            return []
        joins = select.args.get("joins") or []
        tables = [source.this, *(join.this for join in joins)]
        named = [t for t in tables if t.alias_or_name == column.table] if column.table else tables
        if len(named) != 1 or any(join.side in ("RIGHT", "FULL") for join in joins):
            return []
        outer = any(join.this is named[0] and join.side == "LEFT" for join in joins)
        step = self._steps.get(named[0].name)
        return [] if outer or step is None else self._column(step, column.name)

    def values(self, name: str) -> set[str] | None:
        """All values (but null) that the column can have, if they are constants; None if they may be others."""
        return self._all_values(self.column(name))

    def _all_values(self, found: Iterable[Found]) -> set[str] | None:
        every: set[str] = set()
        some = False
        for one in found:
            values = self._values(one)
            if values is None:
                return None
            some = True
            every |= values
        return every if some else None

    def _values(self, found: Found) -> set[str] | None:
        if isinstance(found.of, exp.Column):
            return self._all_values(self._behind(found))
        if parts := _one_of(found.of):
            return self._all_values(Found(part, found.within) for part in parts)
        return _constant(found.of)

    def is_never_null(self, name: str) -> bool:
        found = self.column(name)
        return bool(found) and all(map(self._never_null, found))

    def _never_null(self, found: Found) -> bool:
        if isinstance(found.of, _NEVER_NULL):
            return True
        if isinstance(found.of, exp.Column):
            behind = self._behind(found)
            return bool(behind) and all(map(self._never_null, behind))
        parts = [self._never_null(Found(part, found.within)) for part in _one_of(found.of) or _all_of(found.of)]
        if isinstance(found.of, exp.Coalesce):
            return any(parts)
        if isinstance(found.of, exp.Case) and found.of.args.get("default") is None:
            return False
        return bool(parts) and all(parts)

    def is_row_number(self, name: str) -> bool:
        found = self.column(name)
        return bool(found) and all(map(self._row_number, found))

    def _row_number(self, found: Found) -> bool:
        match found.of:
            case exp.Window():
                return isinstance(found.of.this, exp.RowNumber) and not found.of.args.get("partition_by")
            case exp.Cast() | exp.Paren():
                return self._row_number(Found(found.of.this, found.within))
            case exp.Column():
                behind = self._behind(found)
                return bool(behind) and all(map(self._row_number, behind))
        return False


_NEVER_NULL: Final = (exp.Literal, exp.Boolean, exp.Is, exp.Exists, exp.Count, exp.RowNumber)


def _one_of(expression: Expression) -> list[Expression]:
    """The parts of which one is the value."""
    match expression:
        case exp.Cast() | exp.Paren():
            return [expression.this]
        case exp.Coalesce():
            return [expression.this, *expression.expressions]
        case exp.Case():
            default = expression.args.get("default")
            return [*(one.args["true"] for one in expression.args["ifs"]), *([default] if default else [])]
    return []


def _all_of(expression: Expression) -> list[Expression]:
    """The parts that make the value, which is null only if one of them is."""
    match expression:
        case exp.Not() | exp.Window():
            return [expression.this]
        case exp.And() | exp.Or() | exp.EQ() | exp.NEQ() | exp.GT() | exp.LT() | exp.GTE() | exp.LTE():
            return [expression.this, expression.expression]
    return []


def _constant(expression: Expression) -> set[str] | None:
    match expression:
        case exp.Literal():
            return {expression.name}
        case exp.Boolean():
            return {str(expression.this).lower()}
        case exp.Null():
            return set()
    return None


def _selects(query: Expression) -> Iterator[exp.Select]:
    """The selects of a query, one for each side of its unions."""
    if isinstance(query, exp.SetOperation):
        yield from _selects(query.this)
        yield from _selects(query.expression)
    elif isinstance(query, exp.Select):
        yield query
    elif isinstance(query, exp.Subquery):
        yield from _selects(query.this)


def cannot_be_broken(node: Node) -> set[str]:
    """The rules of a model's YAML that its SQL makes true: `model.column rule`.

    The keys of a grain are asked for in any case, so only one that is a row number says nothing.
    """
    model, found = Model(node["compiled_code"]), set[str]()
    grain = node["config"]["meta"].get("grain", [])
    for name, column in node["columns"].items():
        meta = column["config"]["meta"]
        if meta.get("required") and model.is_never_null(name):
            found.add(f"{node['name']}.{name} required")
        if (meta.get("unique") or grain == [name]) and model.is_row_number(name):
            found.add(f"{node['name']}.{name} unique")
        accepted = {str(value).lower() if isinstance(value, bool) else str(value) for value in meta.get("accepted", [])}
        if accepted and (values := model.values(name)) is not None and values <= accepted:
            found.add(f"{node['name']}.{name} accepted")
    return found
