"""Saved queries of the old reporting copy, which were T-SQL, asked of the schema `legacy`.

statement     the one statement of a file
grammar       T-SQL as sqlglot reads it
constructs    what a query is made of: known, left out, or refused
identifiers   names without regard to case
scopes        which column each name means
inference     which kind each value is of
codes         codes that the views do not show
rewriting     the query as PostgreSQL has it: functions/, alike, patterns
translation   all of it, in this order
"""

from warehouse.query.tsql.findings import CannotTranslate, Fault, Place, Problem, Remark
from warehouse.query.tsql.old_names import Code, Column, Gone, LookUp, OldNames, Table
from warehouse.query.tsql.translation import Translation, translate

__all__ = [
    "CannotTranslate",
    "Code",
    "Column",
    "Fault",
    "Gone",
    "LookUp",
    "OldNames",
    "Place",
    "Problem",
    "Remark",
    "Table",
    "Translation",
    "translate",
]
