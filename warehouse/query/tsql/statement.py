"""The one statement of a saved query: it reads, and nothing else is in the file."""

from __future__ import annotations

import re
from typing import Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError, TokenError

from warehouse.query.tsql.findings import CannotTranslate, Fault, Place, Problem
from warehouse.query.tsql.grammar import OldTSql

ONE: Final = (
    "Leave one SELECT (it may begin with WITH), with the values in the place of variables; "
    "save each further SELECT as a file of its own."
)

_LINE_OF_GO: Final = re.compile(r"^[ \t]*go[ \t]*(?:\d+[ \t]*)?;?[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_FIRST_WORD: Final = re.compile(r"(?:\s|;|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL)
_ERROR_STYLE: Final = re.compile(r"\x1b\[\d+m")


def read(text: str) -> exp.Query:
    """The statement.

    Raises:
        CannotTranslate: it is none, it is several, it does more than read, or it cannot be read.
    """
    begin = _FIRST_WORD.match(text)
    first = re.match(r"[\w#@\\]*\(?", text[begin.end() if begin else 0 :])
    word = first.group().upper() if first else ""
    at = Place.at(text, begin.end() if begin else 0)
    if not word:
        raise _not_one("There is no statement.", at)
    if word.rstrip("(") not in ("SELECT", "WITH", ""):
        raise _not_one(f"It begins with {word.rstrip('(')}; only one statement that reads is translated.", at)
    if found := _LINE_OF_GO.search(text):
        raise _not_one("GO separates batches; only one statement is translated.", Place.at(text, found.start()))
    statements = [one for one in _parsed(text) if one is not None and not isinstance(one, exp.Semicolon)]
    if len(statements) != 1:
        raise _not_one(f"There are {len(statements)} statements; only one is translated.", None)
    (statement,) = statements
    if not isinstance(statement, exp.Query):
        raise _not_one(f"It is {type(statement).__name__.upper()}, which does not only read.", at)
    return statement


def _parsed(text: str) -> list[exp.Expr | None]:
    try:
        return sqlglot.parse(text, dialect=OldTSql)
    except ParseError as error:
        found = error.errors[0] if error.errors else {}
        raise _unreadable(found) from None
    except TokenError:
        raise _not_one("A quotation mark, a bracket or a comment that begins does not end.", None) from None
    except RecursionError:
        raise _not_one("It is nested too deeply.", None) from None
    except SqlglotError as error:
        raise _not_one(f"It cannot be read ({type(error).__name__}).", None) from None


def _unreadable(found: dict[str, object]) -> CannotTranslate:
    word = _ERROR_STYLE.sub("", str(found.get("highlight") or "")).strip()
    line, end = int(str(found.get("line") or 1)), int(str(found.get("col") or 1))
    # sqlglot counts columns to the end of the word.
    place = Place(line, max(1, end - len(word) + 1))
    if word.upper() in ("SELECT", "INSERT", "UPDATE", "DELETE", "EXEC", "DECLARE", "SET", "WITH"):
        return _not_one(f"A further statement begins with {word.upper()}; only one is translated.", place)
    shown = f"the word {word}" if re.fullmatch(r"[A-Za-z_]{1,40}", word) else "what stands there"
    return _not_one(f"It cannot be read: {shown} is not understood.", place, "Correct the statement there.")


def _not_one(what: str, place: Place | None, instead: str = ONE) -> CannotTranslate:
    return CannotTranslate([Problem(Fault.reading, what, instead, place)])
