"""Which column each name of a query means, and of which kind it is; names that are gone or mean several columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from warehouse.core.catalogue import near_names
from warehouse.query.tsql import inference
from warehouse.query.tsql.findings import Fault, Report
from warehouse.query.tsql.identifiers import rename
from warehouse.query.tsql.kinds import Kind
from warehouse.query.tsql.old_names import OLD_SCHEMAS, SCHEMA, OldNames, Table, TableName

ORIGIN = "origin"
"""Where a column keeps the table and column that it is, in small letters."""

_SIMPLER = "Read it in FROM or in a common table expression: WITH name AS (SELECT …)."
_COVERAGE = "docs/legacy.md and legacy.coverage say what became of each column"


@dataclass(frozen=True)
class _Relation:
    """What a FROM clause can name.

    Attributes:
        columns: None where they are not known.
        table: where it is one.
    """

    columns: Mapping[str, Kind] | None
    table: Table | None = None


_Scope = dict[str, _Relation]
_Around = tuple[_Scope, ...]


def named_tables(tree: exp.Query) -> set[TableName]:
    """The tables that the query names; also those names that stand for its own common table expressions."""
    return {(table.db, table.name) for table in tree.find_all(exp.Table) if isinstance(table.this, exp.Identifier)}


def resolve(tree: exp.Query, names: OldNames, report: Report) -> None:
    """Give each table its schema of today, and each value its kind; report the names that mean nothing."""
    resolver = _Resolver(names, report)
    resolver.query(tree, {}, ())
    for table in tree.find_all(exp.Table):
        if id(table) not in resolver.seen:
            report.refuse(Fault.counterpart, f"What {table.name} is in the query cannot be followed.", _SIMPLER, table)


class _Resolver:
    def __init__(self, names: OldNames, report: Report) -> None:
        self._names = names
        self._report = report
        self.seen: set[int] = set()

    def query(self, node: exp.Expr, ctes: Mapping[str, _Relation], around: _Around) -> Mapping[str, Kind] | None:
        """The columns that a query gives; None where they are not known.

        Args:
            around: the scopes of the queries around it, the nearest first.
        """
        ctes = self._with(node, ctes, around)
        given: Mapping[str, Kind] | None
        if isinstance(node, exp.SetOperation):
            given = self.query(node.this, ctes, around)
            self.query(node.expression, ctes, around)
        elif isinstance(node, exp.Subquery):
            given = self.query(node.this, ctes, around)
        elif isinstance(node, exp.Select):
            given = self._select(node, ctes, around)
        else:
            given = None
        inference.note(node)
        return given

    def _with(self, node: exp.Expr, ctes: Mapping[str, _Relation], around: _Around) -> Mapping[str, _Relation]:
        clause = node.args.get("with_")
        known = dict(ctes)
        if clause is None:
            return known
        for cte in clause.expressions:
            if any(table.name == cte.alias and not table.db for table in cte.this.find_all(exp.Table)):
                # T-SQL does not say so; PostgreSQL wants to know.
                clause.set("recursive", True)
                anchor = cte.this.this if isinstance(cte.this, exp.SetOperation) else None
                columns = self.query(anchor, known, around) if anchor is not None else None
                known[cte.alias] = _Relation(_called(columns, cte.args.get("alias")))
            known[cte.alias] = _Relation(_called(self.query(cte.this, known, around), cte.args.get("alias")))
        return known

    def _select(self, node: exp.Select, ctes: Mapping[str, _Relation], around: _Around) -> Mapping[str, Kind] | None:
        scope: _Scope = {}
        conditions: list[exp.Expr] = []
        for source in _sources(node, conditions):
            name, relation = self._source(source, scope, ctes, around)
            scope[name] = relation
        self._visit_parts(node, ctes, (scope, *around))
        for condition in conditions:
            self._visit(condition, ctes, (scope, *around))
        return self._given(node, scope)

    def _source(
        self, node: exp.Expr, scope: _Scope, ctes: Mapping[str, _Relation], around: _Around
    ) -> tuple[str, _Relation]:
        alias = node.args.get("alias")
        name = node.alias or node.name
        if isinstance(node, exp.Table):
            self.seen.add(id(node))
            if not node.db and node.name in ctes:
                return name, _Relation(_called(ctes[node.name].columns, alias))
            return name, self._table(node)
        if isinstance(node, exp.Subquery | exp.Lateral):
            beside = (scope, *around) if isinstance(node, exp.Lateral) else around
            return name, _Relation(_called(self.query(node.this, ctes, beside), alias))
        if isinstance(node, exp.Values):
            self._visit_parts(node, ctes, around)
            columns = alias.args.get("columns") or () if alias else ()
            return name, _Relation({column.name: Kind.unknown for column in columns} or None)
        return name, _Relation(None)

    def _table(self, node: exp.Table) -> _Relation:
        if not isinstance(node.this, exp.Identifier) or node.this.args.get("temporary"):
            return _Relation(None)  # constructs.check() has refused it.
        schema, name = node.db, node.name
        if node.catalog:
            self._report.changed(f"the name of the database, {node.catalog}, is left out", node)
            node.set("catalog", None)
            schema = schema or "dbo"
        old = schema in OLD_SCHEMAS
        table = self._names.tables.get((SCHEMA if old else schema, name))
        if table is None:
            self._no_table(node, schema, name, old=old)
            return _Relation(None)
        if schema != table.schema:
            said = f"{schema}.{name}" if schema else name
            self._report.changed(f"{said} is {table.full_name}", node)
        node.set("db", exp.to_identifier(table.schema))
        rename(node.this, table.name)
        return _Relation({key: column.kind for key, column in table.columns.items()}, table)

    def _no_table(self, node: exp.Table, schema: str, name: str, *, old: bool) -> None:
        gone = self._names.gone.get(name) if old else None
        if gone:
            instead = gone.instead or "Nothing takes its place; docs/which-table.md lists what there is."
            self._report.refuse(Fault.gone, f"The old table {name} has no successor: {gone.why}.", instead, node)
            return
        known = {table.name: table.full_name for table in self._names.tables.values()}
        near = [known[one] for one in near_names(name, known)]
        instead = f"Did you mean {' or '.join(near)}?" if near else "docs/which-table.md lists what there is."
        said = f"{schema}.{name}" if schema else name
        self._report.refuse(Fault.gone, f"There is no table {said}.", instead, node)

    def _visit_parts(self, node: exp.Expr, ctes: Mapping[str, _Relation], scopes: _Around) -> None:
        for key, value in node.args.items():
            if key in ("with_", "from_", "joins", "alias"):
                continue
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, exp.Expr):
                    self._visit(part, ctes, scopes)

    def _visit(self, node: exp.Expr, ctes: Mapping[str, _Relation], scopes: _Around) -> None:
        if isinstance(node, exp.Query | exp.Subquery):
            self.query(node, ctes, scopes)
            return
        if isinstance(node, exp.Column):
            self._column(node, scopes)
            return
        self._visit_parts(node, ctes, scopes)
        inference.note(node)

    def _column(self, node: exp.Column, scopes: _Around) -> None:
        if isinstance(node.this, exp.Star):
            return
        if node.table:
            self._qualified(node, scopes)
            return
        if _is_heading(node):
            return
        for scope in scopes:
            having = [name for name, one in scope.items() if one.columns is not None and node.name in one.columns]
            if len(having) > 1:
                instead = f"Write {' or '.join(f'{name}.{node.name}' for name in having)}."
                what = f"The column {node.name} is in {_listed(having)}."
                self._report.refuse(Fault.shared, what, instead, node)
                return
            if having:
                _mark(node, scope[having[0]])
                return
            if any(one.columns is None for one in scope.values()):
                return
        self._no_column(node, [one.table for scope in scopes for one in scope.values() if one.table])

    def _qualified(self, node: exp.Column, scopes: _Around) -> None:
        relation = next((scope[node.table] for scope in scopes if node.table in scope), None)
        if relation is None:
            instead = "Use the name, or the alias, of a table in FROM."
            self._report.refuse(Fault.gone, f"{node.table} is no table of the query.", instead, node)
        elif relation.columns is not None and node.name not in relation.columns:
            self._no_column(node, [relation.table] if relation.table else [])
        else:
            node.set("db", None)
            node.set("catalog", None)
            _mark(node, relation)

    def _no_column(self, node: exp.Column, tables: Sequence[Table]) -> None:
        name = node.name
        for table in tables:
            if gone := table.gone.get(name):
                instead = gone.instead or f"Nothing takes its place; {_COVERAGE}."
                what = f"The column {table.name}.{name} is gone: {gone.why}."
                self._report.refuse(Fault.gone, what, instead, node)
                return
        read = _listed([table.full_name for table in tables]) if tables else "what the query reads there"
        near = near_names(name, sorted({column for table in tables for column in table.columns}))
        homes = sorted(self._names.homes.get(name, ()))[:4]
        if homes:
            instead = f"It is in {_listed(homes)}: join it, or read from it."
        elif near:
            instead = f"Did you mean {' or '.join(near)}?"
        else:
            instead = "`warehouse tables` shows the columns of a mart."
        self._report.refuse(Fault.gone, f"There is no column {name} in {read}.", instead, node)

    def _given(self, node: exp.Select, scope: _Scope) -> Mapping[str, Kind] | None:
        given: dict[str, Kind] = {}
        for projection in node.selects:
            star_of = _star_of(projection)
            if star_of is None:
                given[projection.alias_or_name] = inference.kind(projection)
                continue
            for name, relation in scope.items():
                if star_of and name != star_of:
                    continue
                if relation.columns is None:
                    return None
                given.update(relation.columns)
                self._star(relation.table, projection)
        return given

    def _star(self, table: Table | None, node: exp.Expr) -> None:
        select = node.find_ancestor(exp.Select)
        if table and table.gone and not (select and isinstance(select.parent, exp.Exists)):
            left_out = f"* leaves out {len(table.gone)} columns that {table.name} no longer has"
            self._report.differs(f"{left_out}: {_COVERAGE}", node)


def _sources(node: exp.Expr, conditions: list[exp.Expr]) -> Iterator[exp.Expr]:
    """What a FROM clause reads, also within joins in parentheses; the conditions of its joins are added to the list."""
    if isinstance(node, exp.Select):
        if clause := node.args.get("from_"):
            yield from _sources(clause.this, conditions)
    elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
        yield from _sources(node.this, conditions)
    else:
        yield node
    for join in node.args.get("joins") or ():
        yield from _sources(join.this, conditions)
        if on := join.args.get("on"):
            conditions.append(on)


def _called(columns: Mapping[str, Kind] | None, alias: exp.Expr | None) -> Mapping[str, Kind] | None:
    """The same columns by the names that an alias gives them: q (a, b)."""
    names = [column.name for column in alias.args.get("columns") or ()] if alias else []
    if not names:
        return columns
    kinds = list(columns.values()) if columns is not None else []
    return {name: kinds[number] if number < len(kinds) else Kind.unknown for number, name in enumerate(names)}


def _is_heading(node: exp.Column) -> bool:
    """Whether it stands in ORDER BY and is the heading of a column of the answer."""
    ordered = node.parent
    order = ordered.parent if isinstance(ordered, exp.Ordered) else None
    query = order.parent if isinstance(order, exp.Order) else None
    if not isinstance(query, exp.Query):
        return False
    headings = {one.alias: one for one in query.selects if isinstance(one, exp.Alias)}
    if node.name in headings:
        inference.note(node, inference.kind(headings[node.name]))
    return node.name in headings


def _mark(node: exp.Column, relation: _Relation) -> None:
    columns = relation.columns
    inference.note(node, columns[node.name] if columns is not None else Kind.unknown)
    if relation.table and (column := relation.table.columns.get(node.name)):
        node.meta[ORIGIN] = (relation.table.name.lower(), node.name)
        if column.name != node.name:
            node.this.set("this", column.name)
            node.this.set("quoted", True)


def _star_of(projection: exp.Expr) -> str | None:
    """The table whose columns a star stands for, the empty text for all; None when it is no star."""
    if isinstance(projection, exp.Star):
        return ""
    return projection.table if isinstance(projection, exp.Column) and isinstance(projection.this, exp.Star) else None


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
