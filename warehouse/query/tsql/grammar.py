"""T-SQL as sqlglot reads it, but with every function left as it was called.

sqlglot's own reading turns most functions into a common form, and loses on the way what matters here: the style of a
CONVERT, the boundaries that DATEDIFF counts. The functions are translated in functions/ instead, and one that is not
listed there is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from sqlglot import exp
from sqlglot.dialects.tsql import TSQL
from sqlglot.parsers.tsql import TSQLParser
from sqlglot.tokenizer_core import TokenType

_WITH_DATE_PART: Final = ("DATEADD", "DATEDIFF", "DATEDIFF_BIG", "DATENAME", "DATEPART")
"""Functions whose first argument is a word such as month, and no column."""


def _with_date_part(name: str) -> Callable[[list[exp.Expr]], exp.Anonymous]:
    def build(arguments: list[exp.Expr]) -> exp.Anonymous:
        first, *others = arguments or [exp.Null()]
        return exp.Anonymous(this=name, expressions=[exp.var(first.name.lower()), *others])

    return build


def _placed(parse: Callable[[Any], exp.Expr]) -> Callable[[Any], exp.Expr]:
    """The same parser, but what it gives knows where its name stands: before the parenthesis just read."""

    def parse_placed(parser: Any) -> exp.Expr:
        name = parser._tokens[parser._index - 2]
        return parse(parser).update_positions(name)

    return parse_placed


class _Parser(TSQLParser):
    FUNCTIONS: ClassVar[dict[str, Any]] = {name: _with_date_part(name) for name in _WITH_DATE_PART}
    FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
        **{name: _placed(TSQLParser.FUNCTION_PARSERS[name]) for name in ("CAST", "TRY_CAST", "STRING_AGG")},
        "CONVERT": _placed(lambda parser: parser._with_type("CONVERT")),
        "TRY_CONVERT": _placed(lambda parser: parser._with_type("TRY_CONVERT")),
    }

    def _parse_parameter(self) -> exp.Parameter:
        at = self._prev
        return super()._parse_parameter().update_positions(at)

    def _with_type(self, name: str) -> exp.Anonymous:
        to = self._parse_types()
        self._match(TokenType.COMMA)
        return exp.Anonymous(this=name, expressions=[to, *self._parse_csv(self._parse_assignment)])


class OldTSql(TSQL):
    """The dialect of the saved queries."""

    Parser = _Parser
    parser_class = _Parser  # type: ignore[assignment]
