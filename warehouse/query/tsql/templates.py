"""SQL of PostgreSQL with places for the parts of a query."""

from __future__ import annotations

from functools import cache

import sqlglot
from sqlglot import exp

_NEEDS_NONE = (exp.Func, exp.Literal, exp.Column, exp.Paren, exp.Null, exp.Boolean, exp.Subquery, exp.Case, exp.Star)
"""What is one thing beside any operator."""


@cache
def _parsed(template: str) -> exp.Expr:
    return sqlglot.parse_one(template, dialect="postgres")


def pg(template: str, **parts: exp.Expr) -> exp.Expr:
    """The template with each `:name` replaced by a part, in parentheses where it needs them."""
    tree = exp.Paren(this=_parsed(template).copy())
    for place in list(tree.find_all(exp.Placeholder)):
        part = parts[place.name].copy()
        inside = isinstance(place.parent, exp.Func | exp.Paren | exp.Distinct)
        place.replace(part if inside or isinstance(part, _NEEDS_NONE) else exp.Paren(this=part))
    inner: exp.Expr = tree.this
    return inner.pop()


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """A function of PostgreSQL."""
    return exp.Anonymous(this=name, expressions=[one.copy() for one in arguments])


def text(value: str) -> exp.Literal:
    """A text."""
    return exp.Literal.string(value)
