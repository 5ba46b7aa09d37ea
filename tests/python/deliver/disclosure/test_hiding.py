"""Whoever has the totals cannot work out what is hidden, whatever the table."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.python.deliver.disclosure.attacker import Attacker
from warehouse.deliver.disclosure.hiding import Cell, NotATable, Threshold, hidden

TOTAL = "Total"
SIZES = [(2,), (5,), (2, 2), (3, 3), (4, 2), (2, 2, 2), (3, 2, 2)]
COUNTS = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 9, 30])
"""Mostly few people: where there are many nothing is hidden."""


def table(inner: Mapping[Cell, int]) -> dict[Cell, int]:
    """A whole table, with its totals, from the cells that are none."""
    counts: dict[Cell, int] = {}
    for cell, count in inner.items():
        for sums in product((False, True), repeat=len(cell)):
            into = tuple(TOTAL if summed else item for item, summed in zip(cell, sums, strict=True))
            counts[into] = counts.get(into, 0) + count
    return counts


@st.composite
def tables(draw: st.DrawFn) -> dict[Cell, int]:
    size = draw(st.sampled_from(SIZES))
    names = [[f"{'abc'[place]}{number}" for number in range(length)] for place, length in enumerate(size)]
    return table({cell: draw(COUNTS) for cell in product(*names)})


def attacker(counts: Mapping[Cell, int], cells: frozenset[Cell], threshold: Threshold) -> Attacker:
    return Attacker(
        items=tuple(tuple(dict.fromkeys(names)) for names in zip(*counts, strict=True)),
        shown={cell: count for cell, count in counts.items() if cell not in cells},
        hidden=tuple(sorted(cells)),
        lowest=threshold.lowest,
    )


THRESHOLDS = st.builds(Threshold, under=st.integers(2, 6), hides_zero=st.booleans())


@settings(max_examples=60)
@given(tables(), THRESHOLDS)
# The classic: each row and column has two hidden cells, and one of them follows all the same.
@example(table({("a0", "b0"): 3, ("a0", "b1"): 30, ("a1", "b0"): 30, ("a1", "b1"): 30}), Threshold(5))
# A small total is hidden with its parts, and must not be what is left of the column.
@example(table({("a0", "b0"): 2, ("a0", "b1"): 1, ("a1", "b0"): 30, ("a1", "b1"): 30}), Threshold(5))
# Nothing but one cell: its totals go with it.
@example(table({("a0", "b0"): 3, ("a0", "b1"): 0, ("a1", "b0"): 0, ("a1", "b1"): 0}), Threshold(5))
def test_nobody_can_work_out_a_hidden_cell(counts: dict[Cell, int], threshold: Threshold) -> None:
    cells = hidden(counts, TOTAL, threshold)
    assert all(cell in cells for cell, count in counts.items() if threshold.is_small(count))
    knows = attacker(counts, cells, threshold)
    for cell in cells:
        low, high = knows.possible(cell)
        assert low < high, "a hidden cell can be one number alone"
        if not threshold.is_small(counts[cell]):
            continue
        assert high >= threshold.highest
        # Of a small total everybody knows that it is not less than its parts; of all others nothing at all.
        assert low == threshold.lowest or TOTAL in cell


@settings(max_examples=40)
@given(tables(), THRESHOLDS, st.integers(0, 999))
def test_the_order_of_the_counts_makes_no_difference(counts: dict[Cell, int], threshold: Threshold, seed: int) -> None:
    shuffled = list(counts.items())
    Random(seed).shuffle(shuffled)
    assert hidden(dict(shuffled), TOTAL, threshold) == hidden(counts, TOTAL, threshold)


def test_nothing_is_hidden_where_nothing_is_small() -> None:
    counts = table({("a0",): 5, ("a1",): 7, ("a2",): 0})
    assert hidden(counts, TOTAL, Threshold(5)) == frozenset()


def test_the_smallest_loss_is_taken() -> None:
    """The neighbour with the fewest people goes with it, and no total."""
    counts = table({("small",): 2, ("some",): 20, ("many",): 900})
    assert hidden(counts, TOTAL, Threshold(5)) == {("small",), ("some",)}


def test_a_zero_protects_nobody() -> None:
    """Whoever knows that zeros are published knows that no hidden cell is one: the total has to go."""
    counts = table({("small",): 2, ("none",): 0})
    assert hidden(counts, TOTAL, Threshold(5)) == {("small",), (TOTAL,)}


def test_zeros_are_hidden_where_the_contract_says_so() -> None:
    counts = table({("none",): 0, ("some",): 20, ("many",): 30})
    assert hidden(counts, TOTAL, Threshold(5, hides_zero=True)) == {("none",), ("some",)}


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ({("a",): 2, ("b",): 3, (TOTAL,): 6}, "1 totals of the table are not the sum"),
        ({("a",): 2, ("b",): 3}, "dimension 1 of the table has no `Total`"),
        ({("a", TOTAL): 2, (TOTAL, TOTAL): 2, ("a", "b"): 2}, "1 combinations of its items are not in the table"),
    ],
)
def test_what_is_not_a_whole_table_is_refused(counts: dict[Cell, int], says: str) -> None:
    with pytest.raises(NotATable, match=says):
        hidden(counts, TOTAL, Threshold(5))
