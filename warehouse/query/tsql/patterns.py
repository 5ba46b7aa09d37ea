"""LIKE: without regard to case, without an escape character unless one is said, and with sets of characters."""

from __future__ import annotations

import re
from typing import Final

from sqlglot import exp

from warehouse.query.tsql import inference
from warehouse.query.tsql.alike import without_collation
from warehouse.query.tsql.findings import Refused, Report
from warehouse.query.tsql.functions.function import as_text
from warehouse.query.tsql.literals import has_case, is_text
from warehouse.query.tsql.templates import pg, text

_PIECE: Final = re.compile(r"(?P<any>%)|(?P<one>_)|\[(?P<not>\^?)(?P<set>[^\]]+)\]|(?P<itself>.)", re.DOTALL)


def like(node: exp.Like, report: Report) -> exp.Expr:
    """The same question by ILIKE, or by a regular expression where it has a set of characters.

    Raises:
        Refused: the pattern has both a set and an escape character, or a date is compared with it.
    """
    escaped = isinstance(node.parent, exp.Escape)
    ((value, kind), (pattern, _)), cased = without_collation(
        [(node.this, inference.kind(node.this)), (node.expression, inference.kind(node.expression))], report
    )
    value = as_text(value, kind) if not kind.is_text else value
    if is_text(pattern) and "[" in pattern.name:
        if escaped:
            raise Refused("A pattern with a set [ ] and ESCAPE is not translated.", "Write two conditions.")
        report.changed("LIKE with a set of characters is a regular expression", node)
        matches = pg(":a ~ :b" if cased else ":a ~* :b", a=value, b=text(expression_of(pattern.name)))
        return exp.Not(this=exp.Paren(this=matches)) if node.args.get("negate") else matches
    ignores = has_case(pattern) and not cased
    if ignores:
        report.changed("LIKE is ILIKE, which does not regard case, as SQL Server did not", node)
    made: exp.Expr = (exp.ILike if ignores else exp.Like)(
        this=value.copy(), expression=pattern.copy(), negate=node.args.get("negate")
    )
    if not escaped and (not is_text(pattern) or "\\" in pattern.name):
        # PostgreSQL takes a backslash for the escape character; SQL Server had none.
        return exp.Escape(this=made, expression=text(""))
    return made


def expression_of(pattern: str) -> str:
    """The regular expression that matches what a pattern of LIKE matches."""
    return "^" + "".join(_piece(found) for found in _PIECE.finditer(pattern)) + "$"


def _piece(found: re.Match[str]) -> str:
    if found["any"]:
        return ".*"
    if found["one"]:
        return "."
    if found["set"]:
        return f"[{found['not']}{_members(found['set'])}]"
    return found["itself"] if re.fullmatch(r"[\w\s]", found["itself"]) else "\\" + found["itself"]


def _members(members: str) -> str:
    """The characters of a set; those that a regular expression would take for a sign are escaped."""
    return re.sub(r"([\\\[\]^])", r"\\\1", members)
