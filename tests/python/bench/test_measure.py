"""What the bench computes from what it measured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.__main__ import TOPICS
from bench.measure import Aim, Figure, against, percentile
from bench.statements import Statements


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.1, 100))
def test_a_percentile_is_exceeded_by_no_more_than_its_share(values: list[float], percent: float) -> None:
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= len(values) * percent / 100 - 1e-9


def test_known_percentiles() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [percentile(values, percent) for percent in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert percentile([3.0], 99) == 3
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 50)


@pytest.mark.parametrize(
    ("aim", "met"),
    [
        (Aim("times", 1.5, "at least", 1.5), True),
        (Aim("times", 1.49, "at least", 1.5), False),
        (Aim("ms", 10, "at most", 10), True),
        (Aim("ms", 10.1, "at most", 10), False),
    ],
)
def test_an_aim_is_met_at_its_bound(aim: Aim, met: bool) -> None:
    assert aim.met is met


def test_a_figure_is_held_against_another_row_by_row() -> None:
    assert against(Figure("t", "slow", 10, 100), Figure("t", "fast", 10, 15_000)) == pytest.approx(150)


def test_statements_that_overlap_are_added_up_and_their_time_counts_once() -> None:
    found = Statements(spans=[(5, 6), (0, 2), (1, 3), (1, 2)])
    assert (found.seconds, found.busy_seconds) == (6, 4)
    assert Statements().busy_seconds == 0


def test_every_topic_can_be_asked_for() -> None:
    """The one about history could not even be imported for a while, and nothing noticed."""
    assert {"as_at", "build", "json_keys"} <= set(TOPICS)
