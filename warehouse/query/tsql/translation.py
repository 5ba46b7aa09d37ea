"""A saved query in T-SQL becomes a query of PostgreSQL that answers the same from the schema `legacy`."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import ErrorLevel
from sqlglot.errors import UnsupportedError

from warehouse.query.tsql import codes, constructs, identifiers, scopes, statement
from warehouse.query.tsql.findings import CannotTranslate, Fault, Problem, Remark, Report
from warehouse.query.tsql.old_names import LookUp
from warehouse.query.tsql.rewriting import rewrite


@dataclass(frozen=True)
class Translation:
    """A query of PostgreSQL.

    Attributes:
        changes: what reads differently and means the same.
        caveats: what does not do all that it did in SQL Server.
    """

    sql: str
    changes: tuple[Remark, ...]
    caveats: tuple[Remark, ...]


def translate(text: str, look_up: LookUp) -> Translation:
    """Translate one statement that reads.

    Args:
        look_up: says what is known of the tables that the query names.

    Raises:
        CannotTranslate: with every reason.
    """
    report = Report(text)
    tree = statement.read(text)
    constructs.check(tree, report)
    identifiers.fold(tree)
    names = look_up(scopes.named_tables(tree))
    scopes.resolve(tree, names, report)
    codes.check(tree, names, report)
    rewrite(tree, report)
    report.stop_if_refused()
    identifiers.keep_headings(tree)
    try:
        sql = tree.sql(
            "postgres", pretty=True, comments=False, normalize_functions=False, unsupported_level=ErrorLevel.RAISE
        )
    except UnsupportedError as error:
        what = f"It cannot be written for PostgreSQL: {error}."
        raise CannotTranslate([Problem(Fault.counterpart, what, "Write it in another way.", None)]) from None
    return Translation(sql, report.changes(), report.caveats())
