"""Which replicated tables leave as change files, and which of their columns: `changeFiles` in a contract."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.core.contracts.model import IDENTIFIER

PROPERTY = "changeFiles"


@dataclass(frozen=True)
class TableRule:
    """What leaves of a table.

    Attributes:
        only: these columns; None for every column that is replicated.
        without: of every column, these stay behind.
    """

    only: frozenset[str] | None = None
    without: frozenset[str] = frozenset()

    def lets_out(self, column: str) -> bool:
        """Whether a replicated column leaves."""
        return column not in self.without and (self.only is None or column in self.only)


@dataclass(frozen=True)
class ChangeRules:
    """The tables that leave: one that is not named stays behind."""

    tables: Mapping[str, TableRule]

    def columns(self, table: str, replicated: Iterable[str]) -> list[str]:
        """Of a table's replicated columns those that leave, in their order."""
        rule = self.tables.get(table)
        return [] if rule is None else [name for name in replicated if rule.lets_out(name)]


def change_rules_of(given: Any, wrong: Callable[[str, str], None]) -> ChangeRules:
    """From what a contract says.

    Args:
        wrong: called with the place of each mistake, and what it is.
    """
    place = f"customProperties.{PROPERTY}"
    if not isinstance(given, dict) or not given:
        wrong(place, "must name the tables that leave, each with `all`, the columns, or `without: [columns]`")
        return ChangeRules({})
    found = {}
    for table, said in given.items():
        if not isinstance(table, str) or not IDENTIFIER.match(table):
            wrong(place, f"`{table}` is not the name of a table")
        elif said == "all":
            found[table] = TableRule()
        elif _names(said):
            found[table] = TableRule(only=frozenset(said))
        elif isinstance(said, dict) and set(said) == {"without"} and _names(said["without"]):
            found[table] = TableRule(without=frozenset(said["without"]))
        else:
            wrong(f"{place}.{table}", "is neither `all`, nor a list of columns, nor `without:` such a list")
    return ChangeRules(found)


def is_of_changes(path: Path) -> bool:
    """Whether a file is a contract of change files, sound or not: those have no model."""
    return re.search(rf"^\s*- property: {PROPERTY}\s*$", path.read_text("utf-8", "replace"), re.MULTILINE) is not None


def _names(given: Any) -> bool:
    return (
        isinstance(given, list) and bool(given) and all(isinstance(one, str) and IDENTIFIER.match(one) for one in given)
    )
