"""Codes of the old copy that a query looks for: those that TRS does not keep apart would find nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from sqlglot import exp

from warehouse.query.tsql.findings import Fault, Report
from warehouse.query.tsql.old_names import SCHEMA, Code, OldNames
from warehouse.query.tsql.scopes import ORIGIN

_GUID: Final = re.compile(r"\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?", re.IGNORECASE)


def check(tree: exp.Query, names: OldNames, report: Report) -> None:
    """Report each code that the views do not show, unless the code that they show for it is asked for as well."""
    read = {column.meta[ORIGIN][0] for column in tree.find_all(exp.Column) if ORIGIN in column.meta}
    for node in tree.find_all(exp.EQ, exp.NEQ, exp.In, exp.Case):
        for column, values in _asked(node):
            table, name = column.meta.get(ORIGIN, ("", ""))
            if _was_guid(names, table, name):
                _check_guids(column, values, report)
            # A question about the look-up itself has an answer.
            if (users := names.listed_for.get((table, name))) and read.isdisjoint(users):
                continue
            if known := names.codes.get((table, name)):
                asked = {value.name.strip() for value in values}
                for value in values:
                    _check(column, value, asked, known, report)


def _asked(node: exp.Expr) -> list[tuple[exp.Column, list[exp.Literal]]]:
    """The columns that are compared with written values."""
    if isinstance(node, exp.In):
        sides = [(node.this, node.expressions)]
    elif isinstance(node, exp.Case):
        sides = [(node.this, [one.this for one in node.args["ifs"]])]
    else:
        sides = [(node.this, [node.args["expression"]]), (node.args["expression"], [node.this])]
    return [
        (column, [value for value in values if isinstance(value, exp.Literal)])
        for column, values in sides
        if isinstance(column, exp.Column)
    ]


def _was_guid(names: OldNames, table: str, name: str) -> bool:
    known = names.tables.get((SCHEMA, table))
    return known is not None and name in known.columns and known.columns[name].was_guid


def _check_guids(column: exp.Column, values: list[exp.Literal], report: Report) -> None:
    """Refuse an identifier where the view has a code: it would find nothing."""
    table, name = column.meta[ORIGIN]
    for value in values:
        if _GUID.fullmatch(value.name):
            what = f"{table}.{name} no longer has the identifier of a row: TRS did not keep it."
            instead = f"Use the code that it has now, as SELECT DISTINCT {name} shows it, or the name in {name}name."
            report.refuse(Fault.code, what, instead, value)


def _check(column: exp.Column, value: exp.Literal, asked: set[str], known: Mapping[str, Code], report: Report) -> None:
    wanted = value.name.strip()
    folded = {key.upper(): code for key, code in known.items()}
    code = folded.get(wanted.upper())
    table, name = column.meta[ORIGIN]
    where = f"{table}.{name}"
    if code is None:
        if all(one.shown_as is None for one in known.values()):
            return  # Which others there are is not known.
        shown = sorted(key for key, one in known.items() if one.shown_as == key)
        some = f" It has {', '.join(shown[:12])}{' …' if len(shown) > 12 else ''}." if shown else ""
        report.refuse(Fault.code, f"{where} has no code {wanted}.", f"Use a code that it has.{some}", value)
    elif code.shown_as is None:
        what = f"No row has the code {wanted} ({code.label}) in {where}: it was not carried over to TRS."
        report.refuse(Fault.code, what, "Leave the code out.", value)
    elif code.shown_as != wanted and code.shown_as not in asked:
        stands = known.get(code.shown_as)
        label = f" ({stands.label})" if stands else ""
        what = f"{where} no longer keeps the code {wanted} ({code.label}) apart."
        report.refuse(Fault.code, what, f"Use {code.shown_as}{label}, which stands for it as well.", value)
