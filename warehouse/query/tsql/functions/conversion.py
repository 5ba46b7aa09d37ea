"""CAST, CONVERT with its styles, and FORMAT."""

from __future__ import annotations

import re
from typing import Final

from sqlglot import exp

from warehouse.query.tsql.findings import Refused
from warehouse.query.tsql.functions.function import Call, Function, as_text
from warehouse.query.tsql.functions.without import SAFE
from warehouse.query.tsql.kinds import Kind, kind_of_type
from warehouse.query.tsql.literals import check_date, is_text
from warehouse.query.tsql.templates import call, pg, text

_DAY_STYLES: Final = {
    "1": "MM/DD/YY",
    "3": "DD/MM/YY",
    "4": "DD.MM.YY",
    "5": "DD-MM-YY",
    "12": "YYMMDD",
    "23": "YYYY-MM-DD",
    "101": "MM/DD/YYYY",
    "102": "YYYY.MM.DD",
    "103": "DD/MM/YYYY",
    "104": "DD.MM.YYYY",
    "105": "DD-MM-YYYY",
    "106": "DD Mon YYYY",
    "107": "Mon DD, YYYY",
    "110": "MM-DD-YYYY",
    "111": "YYYY/MM/DD",
    "112": "YYYYMMDD",
}
_SECONDS: Final = dict.fromkeys(("20", "120"), "YYYY-MM-DD HH24:MI:SS")
_MILLISECONDS: Final = dict.fromkeys(("21", "25", "121"), "YYYY-MM-DD HH24:MI:SS.MS")
_TIMES: Final = dict.fromkeys(("8", "24", "108"), "HH24:MI:SS")
_STYLES: Final = {**_DAY_STYLES, **_SECONDS, **_MILLISECONDS, **_TIMES}

_TYPES: Final = {
    "BIGINT": "bigint",
    "BIT": "boolean",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "DATETIME": "timestamp",
    "DATETIME2": "timestamp",
    "DATETIMEOFFSET": "timestamptz",
    "DOUBLE": "double precision",
    "FLOAT": "double precision",
    "INT": "int",
    "INTEGER": "int",
    "MONEY": "numeric(19, 4)",
    "REAL": "real",
    "SMALLDATETIME": "timestamp",
    "SMALLINT": "smallint",
    "SMALLMONEY": "numeric(10, 4)",
    "TEXT": "text",
    "NTEXT": "text",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TINYINT": "smallint",
    "UNIQUEIDENTIFIER": "uuid",
}
_TEXTS: Final = ("VARCHAR", "NVARCHAR", "CHAR", "NCHAR")
_FILLED: Final = ("CHAR", "NCHAR")
"""Types whose texts end with blanks up to their length."""

_WHOLE: Final = {
    "BIGINT": (-(2**63), 2**63 - 1),
    "INT": (-(2**31), 2**31 - 1),
    "INTEGER": (-(2**31), 2**31 - 1),
    "SMALLINT": (-(2**15), 2**15 - 1),
    "TINYINT": (0, 255),
}
_IF_WHOLE: Final = """
case
    when trim(:a) in ('', '+', '-') then 0
    when trim(:a) ~ '^[+-]?[0-9]+$' then
        case when cast(trim(:a) as numeric) between {} and {} then cast(trim(:a) as {}) end
end
"""
"""A text as a whole number, or null. SQL Server reads one without a digit as 0."""

_WITHOUT_LENGTH: Final = "30"
"""The length that SQL Server takes for varchar where a conversion gives none."""

_FORMAT: Final = {
    "yyyy": "YYYY",
    "yy": "YY",
    "MMMM": "FMMonth",
    "MMM": "Mon",
    "MM": "MM",
    "M": "FMMM",
    "dddd": "FMDay",
    "ddd": "Dy",
    "dd": "DD",
    "d": "FMDD",
    "HH": "HH24",
    "hh": "HH12",
    "mm": "MI",
    "ss": "SS",
    "tt": "AM",
}
_FORMAT_TOKEN: Final = re.compile(r"([yMdHhmst])\1*|[-/., :]+")
_NUMBERS: Final = {
    "N0": "FM999,999,999,999,990",
    "#,##0": "FM999,999,999,999,990",
    "#,#": "FM999,999,999,999,999",
    "N2": "FM999,999,999,999,990.00",
    "N": "FM999,999,999,999,990.00",
    "0": "FM999999999999990",
    "0.0": "FM999999999999990.0",
    "0.00": "FM999999999999990.00",
}


def converted(to: exp.Expr, node: exp.Expr, kind: Kind, style: exp.Expr | None = None) -> exp.Expr:
    """A value as another type, as CONVERT and CAST give it.

    Raises:
        Refused: SQL Server gives something else than PostgreSQL, or its settings decide.
    """
    name, length = _type(to)
    if name in _TEXTS:
        whole = _dated(node, kind, style) if kind.is_time else as_text(node, kind)
        if name in _FILLED:
            return call("rpad", whole, exp.Literal.number(length))
        return exp.cast(whole, "text" if length == "MAX" else f"varchar({length})", dialect="postgres")
    wanted = kind_of_type(name)
    if wanted.is_time and (kind is Kind.text or is_text(node)):
        return _parsed(node, style, "date" if wanted is Kind.date else "timestamp")
    if style is not None and not kind.is_time:
        raise Refused("A style says how a date is written, and this is none.", "Leave the style out.")
    if kind.is_time and not wanted.is_time and name != "TIME":
        raise Refused("A date does not become a number.", "Count days by DATEDIFF; a day without its time is a date.")
    whole = pg("trunc(:a)", a=node) if wanted is Kind.integer and kind is Kind.number else node
    return exp.cast(whole.copy(), _pg_type(name, length), dialect="postgres")


def tried(to: exp.Expr, node: exp.Expr, kind: Kind, style: exp.Expr | None = None) -> exp.Expr:
    """A value as another type, or null where it is none of that type, as TRY_CONVERT and TRY_CAST give it.

    Raises:
        Refused: SQL Server gives something else than PostgreSQL, or PostgreSQL cannot ask before it converts.
    """
    name, _ = _type(to)
    if kind is Kind.text and name in _WHOLE:
        return pg(_IF_WHOLE.format(*_WHOLE[name], _TYPES[name]), a=node)
    if kind in (Kind.text, Kind.unknown) and name not in _TEXTS:
        raise Refused(f"To try whether a value is of the type {name} has no counterpart.", SAFE)
    return converted(to, node, kind, style)


def _type(to: exp.Expr) -> tuple[str, str]:
    written = to.sql("tsql").upper()
    name = re.match(r"\w+", written)
    inner = re.search(r"\((.+)\)", written)
    if name is None:
        raise Refused("The type is not known.", "Use a type of SQL Server.")
    return name.group(), inner.group(1) if inner else _WITHOUT_LENGTH if name.group() in _TEXTS else ""


def _pg_type(name: str, inner: str) -> str:
    if name in ("DECIMAL", "NUMERIC"):
        return f"numeric({inner or '18, 0'})"
    if name not in _TYPES:
        raise Refused(f"The type {name} has no counterpart.", "Use a text, a number or a date.")
    return _TYPES[name]


def _dated(node: exp.Expr, kind: Kind, style: exp.Expr | None) -> exp.Expr:
    if style is None:
        return as_text(node, kind)
    if style.name not in _STYLES:
        raise Refused(f"Style {style.name} has no counterpart.", f"Use one of {', '.join(sorted(_STYLES, key=int))}.")
    form = _STYLES[style.name]
    # A day has no time of day, also where the style would give one.
    return call("to_char", node, text(form.split(" HH24")[0] if kind is Kind.date else form))


def _parsed(node: exp.Expr, style: exp.Expr | None, to: str) -> exp.Expr:
    if style is None:
        check_date(node)
        return exp.cast(node.copy(), to, dialect="postgres")
    if style.name in _DAY_STYLES:
        return exp.cast(call("to_date", node, text(_DAY_STYLES[style.name])), to, dialect="postgres")
    if style.name in {**_SECONDS, **_MILLISECONDS}:
        return exp.cast(exp.cast(node.copy(), "timestamp", dialect="postgres"), to, dialect="postgres")
    raise Refused(f"Style {style.name} of a date has no counterpart.", f"Use one of {', '.join(_DAY_STYLES)} or 120.")


def _convert(called: Call) -> exp.Expr:
    return converted(called[0], called[1], called.kind(1), called[2] if len(called) == 3 else None)


def _try_convert(called: Call) -> exp.Expr:
    return tried(called[0], called[1], called.kind(1), called[2] if len(called) == 3 else None)


def _format(called: Call) -> exp.Expr:
    form = called[1].name if is_text(called[1]) else ""
    if called.kind(0).is_number and form in _NUMBERS:
        return call("to_char", called[0], text(_NUMBERS[form]))
    tokens = [found.group() for found in _FORMAT_TOKEN.finditer(form)]
    known = all(token in _FORMAT or not token.isalpha() for token in tokens) and "".join(tokens) == form
    if not called.kind(0).is_time or not known or len(form) < 2:
        raise Refused("FORMAT with this form has no counterpart.", "Use CONVERT with a style, or yyyy, MM, dd and HH.")
    return call("to_char", called[0], text("".join(_FORMAT.get(token, token) for token in tokens)))


FUNCTIONS: Final = {
    "CONVERT": Function(_convert, lambda arguments, _: kind_of_type(arguments[0].sql("tsql")), 2, 3),
    "TRY_CONVERT": Function(_try_convert, lambda arguments, _: kind_of_type(arguments[0].sql("tsql")), 2, 3),
    "FORMAT": Function(_format, Kind.text, 2, 2),
}
