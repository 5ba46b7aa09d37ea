"""Which columns of the replica and its history change files are made of, by the contracts that are delivered.

Whoever delivers may read these and no other: a draft gives no rights, and neither does a contract that is not sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from warehouse.core.contracts.change_rules import ChangeRules, is_of_changes
from warehouse.core.contracts.load import load_contract
from warehouse.core.contracts.place import EXPORTS, contract_files
from warehouse.core.errors import ContractError
from warehouse.core.history_names import HISTORY_COLUMNS, LOG_COLUMNS, OWN_COLUMNS

PHYSICAL: Final = "xmin"
"""What a row of a span is found by before it is looked into; PostgreSQL's own column, with a right of its own."""


@dataclass(frozen=True)
class Leaving:
    """What leaves under all contracts of change files that are delivered.

    Attributes:
        rules: of each contract.
    """

    rules: tuple[ChangeRules, ...]

    def of_row(self, table: str, columns: Sequence[str]) -> tuple[str, ...]:
        """Of the columns of a replica's table; none when it stays behind."""
        found = self._of(table, [one for one in columns if one not in OWN_COLUMNS])
        return (*found, *(one for one in OWN_COLUMNS if one in columns), PHYSICAL) if found else ()

    def of_history(self, table: str, columns: Sequence[str]) -> tuple[str, ...]:
        """Of those of its settled history."""
        found = self._of(table, [one for one in columns if one not in HISTORY_COLUMNS])
        return (*found, *(one for one in HISTORY_COLUMNS if one in columns)) if found else ()

    def of_log(self, table: str) -> tuple[str, ...]:
        """Of those of its log, where a version is one value: it is read whole until it is settled."""
        return LOG_COLUMNS if any(table in one.tables for one in self.rules) else ()

    def _of(self, table: str, columns: Sequence[str]) -> list[str]:
        return [name for name in columns if any(name in one.columns(table, columns) for one in self.rules)]


def leaving(folder: Path | None = None) -> Leaving:
    """What leaves under the contracts of a folder; those of this checkout when none is given."""
    found = []
    for path in contract_files(folder or EXPORTS):
        if is_of_changes(path):
            try:
                contract = load_contract(path)
            except ContractError:
                continue
            if contract.status.is_delivered and contract.change_files is not None:
                found.append(contract.change_files)
    return Leaving(tuple(found))
