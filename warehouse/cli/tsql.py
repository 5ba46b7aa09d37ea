"""A saved query in T-SQL on its way to `warehouse sql`: translated, with what was changed on standard error."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import psycopg

from warehouse.cli.output import err, out, print_json
from warehouse.core.errors import NameShared, NoCounterpart, OldCodeGone, OldNameGone, QueryNotTranslated
from warehouse.query.columns import columns_of

if TYPE_CHECKING:
    from warehouse.query.tsql import CannotTranslate, Translation

_SHOW: Final = "Each problem above has what to use instead. docs/legacy-queries.md shows what is translated, and how."


def translated(text: str, connection: psycopg.Connection) -> Translation:
    """The same query for PostgreSQL; what was changed is printed on standard error.

    Raises:
        QueryNotTranslated: or one of its kinds, with every reason.
    """
    from warehouse.query import tsql  # noqa: PLC0415 - the grammar is loaded for those alone who need it
    from warehouse.query.tsql.old_copy import look_up  # noqa: PLC0415

    try:
        translation = tsql.translate(text, look_up(partial(columns_of, connection)))
    except tsql.CannotTranslate as refusal:
        raise _refused(refusal) from None
    for remark in translation.changes:
        err.print(f"changed: {remark}")
    for remark in translation.caveats:
        err.print(f"not as in SQL Server: {remark}")
    return translation


def show(translation: Translation, form: str) -> None:
    """Print the query for PostgreSQL instead of running it."""
    if form == "json":
        print_json(
            {
                "sql": translation.sql,
                "changed": [str(remark) for remark in translation.changes],
                "not_as_in_sql_server": [str(remark) for remark in translation.caveats],
            }
        )
    else:
        out.program(translation.sql)


def _refused(refusal: CannotTranslate) -> QueryNotTranslated:
    from warehouse.query.tsql import Fault  # noqa: PLC0415

    kinds = {
        Fault.reading: QueryNotTranslated,
        Fault.counterpart: NoCounterpart,
        Fault.gone: OldNameGone,
        Fault.code: OldCodeGone,
        Fault.shared: NameShared,
    }
    problems = refusal.problems
    first = problems[0]
    several = len(problems) > 1
    if several:
        for problem in problems:
            err.print(f"{problem} {problem.instead}")
    error = kinds[first.fault](
        f"{len(problems)} parts of the query cannot be translated; the first is at {first}" if several else str(first),
        meaning="Nothing was asked.",
        next_command=_SHOW if several else first.instead,
    )
    error.problems = tuple(
        {
            "what": problem.what,
            "line": problem.place and problem.place.line,
            "column": problem.place and problem.place.column,
            "instead": problem.instead,
            "exit_code": kinds[problem.fault].exit_code,
        }
        for problem in problems
    )
    return error
