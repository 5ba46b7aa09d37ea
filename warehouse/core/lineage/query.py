"""From the SQL of a query to what each of its columns is made of.

sqlglot reads the SQL and qualifies it: every star is expanded and every column has its table. Its own `lineage` follows
values only, and one column at a time; this also follows what decides which row a value comes from, for all columns at
once. What it does not know, it refuses (docs/adr/0036-column-lineage.md has the rules).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify

from warehouse.core.lineage.flows import (
    NONE,
    Flow,
    Flows,
    Kind,
    Origin,
    Relation,
    as_joined,
    as_rows,
    as_values,
    looked_up,
    marked,
    released,
    union,
)

MARKER: Final = re.compile(r"/\*\s*released:\s*(\w+)\s*\*/\s*\(")
"""What a macro of the short list puts before the parenthesis round its result. A comment costs the database nothing."""

_CALL: Final = "released__"

IS_NULL: Final = "is_null"
"""The release that needs no macro: `x is null` says nothing of x but whether it is there."""

# Functions that sqlglot has no class for, and that read nothing but what they are given. One that is not here may read
# a table by its name, or run SQL in a text.
_HARMLESS: Final = frozenset((Path(__file__).with_name("harmless_functions.txt")).read_text(encoding="utf-8").split())

_ENDLESS: Final = 20
"""Rounds after which a recursive query that still changes is refused; each adds at least one flow."""


class Unreadable(Exception):
    """A query that is not understood, so nothing is known about what it shows; says why, without values."""


def read(
    sql: str, relations: Mapping[tuple[str, str], tuple[str, Sequence[str]]], dialect: str = "postgres"
) -> dict[str, Flows]:
    """What each column of a query is made of.

    Args:
        sql: one query, compiled.
        relations: of each table that it may read, by schema and name as in the SQL: its place, and its columns.

    Raises:
        Unreadable: it is no single query, it reads something else, or it uses what is not known.
    """
    if _CALL in sql:
        raise Unreadable(f"it uses the name {_CALL}, which stands for releases")
    try:
        parsed = sqlglot.parse(MARKER.sub(rf"{_CALL}\1(", sql), dialect=dialect)
        if len(parsed) != 1 or not isinstance(parsed[0], exp.Query):
            raise Unreadable("it is not one query")
        query = _without_databases(parsed[0], relations)
        schema: dict[str, Any] = {}
        for (in_schema, table), (_, columns) in relations.items():
            schema.setdefault(in_schema, {})[table] = dict.fromkeys(columns, "text")
        qualified = qualify(query, schema=schema, dialect=dialect, quote_identifiers=False)
    except SqlglotError as error:
        raise Unreadable(f"sqlglot cannot read it ({_first_line(error)})") from None
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    assert isinstance(qualified, exp.Query)
    return _Reader(relations).query(qualified, {}, {}).whole()


def _first_line(error: Exception) -> str:
    """Which kind of mistake; not where: the text there may hold a value."""
    return str(error).splitlines()[0].split(" Line ")[0].rstrip(". ")[:120]


def _without_databases(query: exp.Query, relations: Mapping[tuple[str, str], tuple[str, Sequence[str]]]) -> exp.Query:
    """Every table by schema and name; one that is not to be read is refused."""
    for table in query.find_all(exp.Table):
        table.set("catalog", None)
        if table.db and (table.db, table.name) not in relations:
            raise Unreadable(f"it reads {table.db}.{table.name}, which it does not name by ref or source")
    return query


Scope = dict[str, Relation]
"""The relations of a FROM clause, by their aliases; those of the queries around it are there, too."""


class _Reader:
    def __init__(self, relations: Mapping[tuple[str, str], tuple[str, Sequence[str]]]) -> None:
        self._relations = relations

    # -- queries -------------------------------------------------------------------------------------------------

    def query(self, node: exp.Expr, ctes: Mapping[str, Relation], outer: Scope) -> Relation:
        """What a query gives.

        Args:
            ctes: the common table expressions that it may read.
            outer: the relations of the queries around it, for a correlated one.
        """
        ctes = self._with(node, ctes, outer)
        if isinstance(node, exp.Select):
            return self._select(node, ctes, outer)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, ctes, outer)
        if isinstance(node, exp.Subquery):
            return self.query(node.this, ctes, outer)
        if isinstance(node, exp.Values):
            return self._values(node, ctes, outer)
        raise Unreadable(f"it has a query of the kind {type(node).__name__}")

    def _with(self, node: exp.Expr, ctes: Mapping[str, Relation], outer: Scope) -> Mapping[str, Relation]:
        clause = node.args.get("with_") or node.args.get("with")
        if clause is None:
            return ctes
        known = dict(ctes)
        for cte in clause.expressions:
            if not isinstance(cte.this, exp.Query):
                raise Unreadable("a common table expression of it is not a query")
            known[cte.alias] = (
                self._recursive(cte, known, outer) if clause.args.get("recursive") else self._cte(cte, known, outer)
            )
        return known

    def _cte(self, cte: exp.CTE, ctes: Mapping[str, Relation], outer: Scope) -> Relation:
        return _renamed(self.query(cte.this, ctes, outer), _alias_columns(cte))

    def _recursive(self, cte: exp.CTE, ctes: Mapping[str, Relation], outer: Scope) -> Relation:
        """One that may read itself: what its rows are made of in the end."""
        names = _alias_columns(cte) or [select.alias_or_name for select in cte.this.selects]
        relation = Relation(dict.fromkeys(names, NONE))
        for _ in range(_ENDLESS * (len(names) + 1)):
            again = self._cte(cte, {**ctes, cte.alias: relation}, outer)
            if again == relation:
                return relation
            relation = again
        raise Unreadable("a recursive query of it has no end")

    def _set_operation(self, node: exp.SetOperation, ctes: Mapping[str, Relation], outer: Scope) -> Relation:
        left, right = self.query(node.this, ctes, outer), self.query(node.expression, ctes, outer)
        if len(left.columns) != len(right.columns) or node.args.get("by_name"):
            raise Unreadable("the queries of a union have different columns")
        rows = left.rows | right.rows
        if not isinstance(node, exp.Union):
            # What the right side holds decides which rows of the left one stay.
            rows |= as_rows(union(right.columns.values()))
            return Relation(left.columns, rows)
        pairs = zip(left.columns.items(), right.columns.values(), strict=True)
        return Relation({name: flows | others for (name, flows), others in pairs}, rows)

    def _select(self, node: exp.Select, ctes: Mapping[str, Relation], outer: Scope) -> Relation:
        if node.args.get("kind") or node.args.get("into") or node.args.get("match"):
            raise Unreadable("it selects into something else than rows")
        scope, rows = self._sources(node, ctes, outer)
        values = _Values(self, scope, ctes, node.args.get("windows") or ())
        chosen = NONE
        for clause in ("where", "having", "qualify"):
            if condition := node.args.get(clause):
                chosen |= self._condition(condition.this, scope, values)
        if (distinct := node.args.get("distinct")) and (on := distinct.args.get("on")):
            chosen |= as_rows(values.of(on))
        if any(node.args.get(clause) for clause in ("limit", "offset")) and (order := node.args.get("order")):
            chosen |= as_rows(values.of(order))
        columns: dict[str, Flows] = {}
        for projection in node.expressions:
            if isinstance(projection, exp.Star) or projection.is_star:
                raise Unreadable("a star of it cannot be expanded")
            name = projection.alias_or_name
            if not name or name in columns:
                raise Unreadable("two of its columns have one name, or one has none")
            flows = values.of(projection)
            # A constant says which rows it stands in.
            columns[name] = flows or as_values(chosen)
        return Relation(columns, rows | chosen)

    # -- the FROM clause -----------------------------------------------------------------------------------------

    def _sources(self, node: exp.Select, ctes: Mapping[str, Relation], outer: Scope) -> tuple[Scope, Flows]:
        """The relations of a FROM clause, and what decides which of their rows there are.

        What decides about the rows of an outer join's side is added to that side's columns: they are null without it.
        """
        inner: Scope = {}
        rows = NONE
        clause = node.args.get("from_") or node.args.get("from")
        listed: list[tuple[exp.Expr, exp.Join | None]] = [(clause.this, None)] if clause else []
        listed += [(join.this, join) for join in node.args.get("joins") or ()]
        listed += [(lateral, None) for lateral in node.args.get("laterals") or ()]
        for source, join in listed:
            alias = source.alias_or_name
            if not alias or alias in inner:
                raise Unreadable("two tables of it have one name, or one has none")
            relation = self._source(source, ctes, {**outer, **inner})
            before = tuple(inner)
            inner[alias] = relation
            scope = {**outer, **inner}
            side = (join.side if join else "").upper()
            decided = relation.rows
            if join is not None:
                if join.method or join.args.get("using"):
                    raise Unreadable("it has a join whose columns are not written out")
                if (join.kind or "").upper() not in ("", "INNER", "CROSS", "OUTER"):
                    raise Unreadable(f"it has a join of the kind {join.kind}")
                if on := join.args.get("on"):
                    decided |= self._condition(on, scope, _Values(self, scope, ctes))
                    kept = {"LEFT": before, "RIGHT": (alias,), "FULL": (*before, alias)}.get(side, ())
                    self._look_up(on, inner, scope, ctes, kept)
            if side == "LEFT":
                _decide(inner, (alias,), decided)
            elif side in ("RIGHT", "FULL"):
                _decide(inner, (*before, alias), decided)
            else:
                rows |= decided
        if where := node.args.get("where"):
            self._look_up(where.this, inner, {**outer, **inner}, ctes)
        return {**outer, **inner}, rows

    def _source(self, source: exp.Expr, ctes: Mapping[str, Relation], scope: Scope) -> Relation:
        if source.args.get("pivots") or source.args.get("joins"):
            raise Unreadable("it has a pivot, or a join within parentheses")
        names = _alias_columns(source)
        if isinstance(source, exp.Table):
            if isinstance(source.this, exp.Func):
                return self._function(source.this, names, ctes, scope)
            relation = self._table(source, ctes)
        elif isinstance(source, exp.Subquery):
            relation = self.query(source, ctes, scope)
        elif isinstance(source, exp.Lateral):
            if isinstance(source.this, exp.Subquery):
                relation = self.query(source.this, ctes, scope)
            else:
                return self._function(source.this, names, ctes, scope)
        elif isinstance(source, exp.Values):
            relation = self._values(source, ctes, scope)
        elif isinstance(source, exp.Unnest):
            return self._function(source, names, ctes, scope)
        else:
            raise Unreadable(f"it reads from something of the kind {type(source).__name__}")
        return _renamed(relation, names)

    def _table(self, table: exp.Table, ctes: Mapping[str, Relation]) -> Relation:
        if not table.db:
            if table.name in ctes:
                relation = ctes[table.name]
                return Relation(dict(relation.columns), relation.rows, relation.others)
            raise Unreadable(f"it reads {table.name}, which it does not name by ref or source")
        place, columns = self._relations[table.db, table.name]
        return Relation({name: frozenset({Flow(Origin(place, name))}) for name in columns})

    def _function(self, node: exp.Expr, names: Sequence[str], ctes: Mapping[str, Relation], scope: Scope) -> Relation:
        """A function that gives rows: each column is made of all that it was given."""
        given = _Values(self, scope, ctes).of(node)
        return Relation(dict.fromkeys(names, given), others=given)

    def _values(self, node: exp.Values, ctes: Mapping[str, Relation], scope: Scope) -> Relation:
        values = _Values(self, scope, ctes)
        rows = [[values.of(cell) for cell in row.expressions] for row in node.expressions]
        names = _alias_columns(node) or [f"column{number + 1}" for number in range(len(rows[0]))]
        return Relation({name: union(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)})

    # -- conditions ----------------------------------------------------------------------------------------------

    def _condition(self, condition: exp.Expr, scope: Scope, values: _Values) -> Flows:
        """What a condition says of the rows that are left: what it looks at, and what it compares with what."""
        decided = []
        for part in _parts(condition):
            by_alias = {alias: values.of_alias(part, alias) for alias in _aliases(part, scope)}
            if len(by_alias) < 2:
                decided.append(as_rows(values.of(part)))
                continue
            decided.append(as_joined(values.of(part)))
            for alias, flows in by_alias.items():
                decided.append(looked_up(flows, _others(by_alias, alias), Kind.LOOKED_UP))
        return union(decided)

    def _look_up(
        self,
        condition: exp.Expr,
        inner: Scope,
        scope: Scope,
        ctes: Mapping[str, Relation],
        kept: Collection[str] = (),
    ) -> None:
        """Add to each relation's columns what a comparison with another relation's column chose its rows by.

        Args:
            kept: the relations that keep all their rows, whatever is compared.
        """
        values = _Values(self, scope, ctes)
        found: dict[str, list[Flows]] = {}
        for part in _parts(condition):
            by_alias = {alias: values.of_alias(part, alias) for alias in _aliases(part, scope)}
            for alias, own in by_alias.items():
                others = _others(by_alias, alias)
                if alias in inner and others:
                    kind = Kind.LISTED if alias in kept else Kind.LOOKED_UP
                    found.setdefault(alias, []).append(looked_up(others, own, kind))
        for alias, flows in found.items():
            _decide(inner, (alias,), union(flows))


class _Values:
    """The flows of expressions within one query."""

    def __init__(
        self, reader: _Reader, scope: Scope, ctes: Mapping[str, Relation], windows: Sequence[exp.Expr] = ()
    ) -> None:
        self._reader, self._scope, self._ctes, self._windows = reader, scope, ctes, windows

    def of(self, node: Any) -> Flows:
        """What an expression is made of."""
        if isinstance(node, list):
            return union(self.of(one) for one in node)
        if not isinstance(node, exp.Expr) or isinstance(node, exp.DataType | exp.Identifier | exp.Literal):
            return NONE
        if isinstance(node, exp.Query):
            relation = self._reader.query(node, self._ctes, self._scope)
            return union(relation.columns.values()) | relation.rows
        own = self._OWN.get(type(node))
        if own is not None:
            return own(self, node)
        if isinstance(node, exp.Command | exp.TableColumn | exp.Placeholder | exp.Parameter | exp.DML | exp.DDL):
            raise Unreadable(f"it has something of the kind {type(node).__name__}")
        return union(self.of(argument) for argument in node.args.values())

    def of_alias(self, node: exp.Expr, alias: str) -> Flows:
        """What an expression is made of, of one relation."""
        relation = self._scope[alias]
        only = {name: Relation(dict.fromkeys(one.columns, NONE), others=NONE) for name, one in self._scope.items()}
        return _Values(self._reader, {**only, alias: relation}, self._ctes, self._windows).of(node)

    def _column(self, column: exp.Column) -> Flows:
        relation = self._scope.get(column.table)
        if relation is not None and column.name in relation.columns:
            return relation.columns[column.name]
        if relation is not None and relation.others is not None:
            return relation.others
        raise Unreadable(f"its column {column.name} belongs to no table that it reads")

    def _is(self, node: exp.Is) -> Flows:
        flows = self.of([node.this, node.expression])
        return marked(flows, IS_NULL) if isinstance(node.expression, exp.Null) else flows

    def _exists(self, node: exp.Exists) -> Flows:
        return self._reader.query(node.this, self._ctes, self._scope).rows

    def _star(self, node: exp.Star) -> Flows:
        if isinstance(node.parent, exp.Count):
            return NONE
        raise Unreadable("a star of it cannot be expanded")

    def _window(self, node: exp.Window) -> Flows:
        """A window's partition only groups rows; its order, and what it is over, are values."""
        groups = as_rows(union(self.of(one) for one in node.args.get("partition_by") or ()))
        rest = union(self.of(given) for name, given in node.args.items() if name != "partition_by")
        for named in self._windows:
            rest |= self.of(list(named.args.values()))
        return groups | rest

    def _anonymous(self, node: exp.Anonymous) -> Flows:
        given = union(self.of(argument) for argument in node.expressions)
        name = node.name.lower()
        if name.startswith(_CALL):
            return released(given, name.removeprefix(_CALL))
        if name not in _HARMLESS:
            raise Unreadable(f"it calls {name}, and what that reads is not known")
        return given

    _OWN: ClassVar[Mapping[type[exp.Expr], Callable[[Any, Any], Flows]]] = {
        exp.Column: _column,
        exp.Is: _is,
        exp.Exists: _exists,
        exp.Window: _window,
        exp.Anonymous: _anonymous,
        exp.Star: _star,
    }


def _others(by_alias: Mapping[str, Flows], alias: str) -> Flows:
    return union(flows for name, flows in by_alias.items() if name != alias)


def _decide(inner: Scope, aliases: Sequence[str], flows: Flows) -> None:
    """Add flows to every column of some relations."""
    if flows:
        for alias in aliases:
            relation = inner[alias]
            inner[alias] = Relation(
                {name: own | flows for name, own in relation.columns.items()},
                relation.rows,
                None if relation.others is None else relation.others | flows,
            )


def _parts(condition: exp.Expr) -> Iterator[exp.Expr]:
    """The parts of a condition that all have to be true."""
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        yield from _parts(condition.this)
        yield from _parts(condition.expression)
    else:
        yield condition


def _aliases(node: exp.Expr, scope: Scope) -> list[str]:
    """The relations of a scope whose columns an expression mentions."""
    return sorted({column.table for column in node.find_all(exp.Column) if column.table in scope})


def _alias_columns(node: exp.Expr) -> list[str]:
    alias = node.args.get("alias")
    return [column.name for column in alias.columns] if isinstance(alias, exp.TableAlias) else []


def _renamed(relation: Relation, names: Sequence[str]) -> Relation:
    """The same with other column names, as `t (a, b)` gives them."""
    if not names:
        return relation
    own = list(relation.columns.values())
    if len(names) > len(own):
        raise Unreadable("it gives more names than there are columns")
    kept = dict(zip(names, own, strict=False)) | dict(list(relation.columns.items())[len(names) :])
    return Relation(kept, relation.rows, relation.others)
