"""What a query is made of: each construct is known to mean the same, is left out with a remark, or is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlglot import exp

from warehouse.query.tsql import functions
from warehouse.query.tsql.findings import Fault, Report
from warehouse.query.tsql.statement import ONE

_KNOWN: Final[tuple[type[exp.Expr], ...]] = (
    *(
        exp.Select,
        exp.Union,
        exp.Except,
        exp.Intersect,
        exp.Subquery,
        exp.With,
        exp.CTE,
        exp.TableAlias,
        exp.Table,
        exp.Column,
    ),
    *(exp.Identifier, exp.Alias, exp.Star, exp.From, exp.Join, exp.Lateral, exp.Where, exp.Group, exp.Having),
    *(exp.Order, exp.Ordered, exp.Limit, exp.LimitOptions, exp.Fetch, exp.Offset, exp.Distinct, exp.Literal),
    *(exp.National, exp.Null, exp.Paren, exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE),
    *(exp.In, exp.Between, exp.Like, exp.Escape, exp.Is, exp.Exists, exp.Any, exp.All, exp.Add, exp.Sub, exp.Mul),
    *(
        exp.Div,
        exp.Mod,
        exp.Neg,
        exp.Case,
        exp.If,
        exp.Cast,
        exp.TryCast,
        exp.DataType,
        exp.DataTypeParam,
        exp.Var,
        exp.Anonymous,
    ),
    *(
        exp.Window,
        exp.WindowSpec,
        exp.GroupConcat,
        exp.CurrentTimestamp,
        exp.Tuple,
        exp.Values,
        exp.Collate,
        exp.AtTimeZone,
    ),
)
"""Constructs that mean the same in PostgreSQL, as sqlglot writes them, or that this package rewrites."""

_WITHOUT: Final[dict[type[exp.Expr], tuple[str, str]]] = {
    exp.Parameter: ("A variable has no value here", "Write the value in its place."),
    exp.SessionParameter: ("A variable of the server has no counterpart", "Leave it out."),
    exp.Pivot: ("PIVOT has no counterpart", "Write a column for each value: SUM(CASE WHEN x = 1 THEN 1 END)."),
    exp.TableSample: ("TABLESAMPLE does not take the same rows", "Leave it out, or use TOP with ORDER BY."),
    exp.HexString: ("A binary value has no counterpart", "Write the number, or the text."),
    exp.Rollup: ("WITH ROLLUP has no counterpart", "Add the totals by a second query with UNION ALL."),
    exp.Cube: ("CUBE has no counterpart", "Add the totals by further queries with UNION ALL."),
    exp.GroupingSets: ("GROUPING SETS is not translated", "Add each grouping by a query with UNION ALL."),
    exp.Concat: ("Two texts follow one another", "Write AS before a heading, and + between texts."),
    exp.Dot: ("A method, or a function of the old database, has no counterpart", "Write what it did into the query."),
}

_TEMPORARY: Final = "Write it as a common table expression: WITH name AS (SELECT …)."


def check(node: exp.Expr, report: Report) -> None:
    """Refuse what has no counterpart, and leave out what only said how SQL Server was to run it."""
    before = len(report.problems)
    for kinds, look in _LOOKS:
        if isinstance(node, kinds):
            look(node, report)
    if type(node) not in _KNOWN:
        _unknown(node, report)
    if len(report.problems) == before:
        for part in list(node.iter_expressions()):
            check(part, report)


def _unknown(node: exp.Expr, report: Report) -> None:
    kind = next((one for one in _WITHOUT if isinstance(node, one)), None)
    what, instead = _WITHOUT[kind] if kind else (f"{type(node).__name__.upper()} is not translated", "Leave it out.")
    report.refuse(Fault.reading if kind is exp.Parameter else Fault.counterpart, f"{what}.", instead, node)


def _select(node: exp.Select, report: Report) -> None:
    if node.args.get("into"):
        report.refuse(Fault.reading, "SELECT … INTO writes a table.", f"Leave INTO out. {ONE}", node.args["into"])
        node.set("into", None)
    if clause := node.args.get("for_"):
        instead = "Use STRING_AGG for a list in one text, and --json for JSON."
        report.refuse(Fault.counterpart, f"FOR {clause.args.get('kind')} has no counterpart.", instead, clause)
        node.set("for_", None)
    if node.args.get("options"):
        report.changed("OPTION (…), which said how SQL Server was to run it, is left out", None)
        node.set("options", None)
    for one in node.expressions:
        if isinstance(one, exp.Predicate):
            what = "A condition stands where a value does; with a text before it, = gives a heading."
            report.refuse(Fault.counterpart, what, "Write the heading after AS, or CASE WHEN … THEN 1 ELSE 0 END.", one)
    limit = node.args.get("limit")
    options = limit.args.get("limit_options") if isinstance(limit, exp.Limit) else None
    if options is not None and options.args.get("percent"):
        instead = "Count the rows, and write TOP with a number."
        report.refuse(Fault.counterpart, "TOP … PERCENT has no counterpart.", instead, limit)
    elif options is not None and options.args.get("with_ties") and limit is not None:
        ties = exp.LimitOptions(rows=True, with_ties=True)
        node.set("limit", exp.Fetch(direction="FIRST", count=limit.expression, limit_options=ties))


def _table(node: exp.Table, report: Report) -> None:
    if isinstance(node.this, exp.Anonymous):
        what = f"The function {node.this.name} stands where a table does."
        report.refuse(Fault.counterpart, what, "Read a table of the schema legacy or marts.", node)
    elif isinstance(node.this, exp.Dot):
        instead = "Leave the names of server and database out."
        report.refuse(Fault.counterpart, "A table on another server cannot be read.", instead, node)
    elif isinstance(node.this, exp.Identifier) and node.this.args.get("temporary"):
        report.refuse(Fault.reading, f"#{node.name} is a temporary table.", _TEMPORARY, node)
    if node.args.get("hints"):
        report.changed("WITH (NOLOCK) and the like are left out: readers wait for nobody", node)
        node.set("hints", None)


def _join(node: exp.Join, report: Report) -> None:
    if hint := node.args.get("hint"):
        report.changed(f"the hint {hint} of a join is left out", node)
        node.set("hint", None)
    if isinstance(node.this, exp.Lateral) and not isinstance(node.this.this, exp.Subquery):
        report.refuse(
            Fault.counterpart, "APPLY of a function has no counterpart.", "Write what it did as a subquery.", node
        )


_LOOKS: Final[tuple[tuple[type[exp.Expr], Callable[[Any, Report], None]], ...]] = (
    (exp.Table, _table),
    (exp.Select, _select),
    (exp.Join, _join),
    (exp.Anonymous, functions.check),
)
