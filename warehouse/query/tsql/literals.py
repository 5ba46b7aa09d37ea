"""Values that are written in a query."""

from __future__ import annotations

import re
from typing import Final

from sqlglot import exp

from warehouse.query.tsql.findings import Refused

_SURE: Final = re.compile(
    r"\s*(\d{4}-\d{1,2}-\d{1,2}|\d{8}|\d{1,2} +[a-z]{3,9},? +\d{4}|[a-z]{3,9} +\d{1,2},? +\d{4})"
    r"([ t]+\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?z?)?\s*",
    re.IGNORECASE,
)


def is_text(node: exp.Expr) -> bool:
    """Whether it is a text in quotation marks."""
    return isinstance(node, exp.Literal) and node.is_string


def is_whole_number(node: exp.Expr) -> bool:
    """Whether it is a number without a point."""
    return isinstance(node, exp.Literal) and node.is_int


def has_case(node: exp.Expr) -> bool:
    """Whether capital letters could make a difference; not in a text without letters."""
    return not is_text(node) or node.name.lower() != node.name.upper()


def check_date(node: exp.Expr) -> None:
    """Refuse a date that means another day under other settings, such as 01/02/2023."""
    if is_text(node) and not _SURE.fullmatch(node.name):
        raise Refused(
            "A text in the place of a date can mean another day under other settings, or is no date.",
            "Write it as '2023-09-01', or say its form: CONVERT(date, x, 103).",
        )
