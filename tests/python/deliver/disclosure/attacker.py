"""Somebody who has the published table and works out what each hidden cell can be, by integer programming."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from warehouse.deliver.disclosure.hiding import Cell

FAR = 1_000
"""As far as a hidden count is looked for: an answer this high stands for no bound."""


@dataclass(frozen=True)
class Attacker:
    """Knows every published cell exactly, that totals are sums, and the least that a hidden cell can be.

    Attributes:
        shown: the counts that are published, unrounded.
        hidden: the cells that are not.
    """

    items: tuple[tuple[str, ...], ...]
    shown: Mapping[Cell, int]
    hidden: tuple[Cell, ...]
    lowest: int
    total: str = "Total"

    def possible(self, cell: Cell) -> tuple[int, int]:
        """The smallest and the largest number that a hidden cell can be, given everything that is known."""
        rows, sums = self._equations()
        goal = np.array([float(one == cell) for one in self.hidden])
        ends = []
        for sign in (1, -1):
            answer = milp(
                sign * goal,
                integrality=np.ones(len(self.hidden)),
                bounds=Bounds(self.lowest, FAR),
                constraints=[LinearConstraint(rows, sums, sums)] if len(rows) else [],
            )
            assert answer.status == 0, answer.message
            ends.append(round(sign * answer.fun))
        return ends[0], ends[1]

    def _equations(self) -> tuple[np.ndarray, np.ndarray]:
        position = {cell: number for number, cell in enumerate(self.hidden)}
        rows, sums = [], []
        for place, names in enumerate(self.items):
            others = [names if one == place else items for one, items in enumerate(self.items)]
            for line in product(*(("?",) if one == place else items for one, items in enumerate(others))):
                row, known = np.zeros(len(self.hidden)), 0
                for name in names:
                    cell, sign = (*line[:place], name, *line[place + 1 :]), -1 if name == self.total else 1
                    if cell in position:
                        row[position[cell]] += sign
                    else:
                        known -= sign * self.shown[cell]
                if row.any():
                    rows.append(row)
                    sums.append(known)
        return np.array(rows), np.array(sums, dtype=float)
