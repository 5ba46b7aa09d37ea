"""What is published of a count, and that it says no more than it should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.deliver.disclosure.hiding import Threshold
from warehouse.deliver.disclosure.published import Control, Told, percentage, published, rounded

BASES = st.sampled_from([1, 2, 3, 5, 10, 100])


@given(st.integers(0, 10_000), BASES)
def test_a_count_is_rounded_to_the_nearest(count: int, base: int) -> None:
    number = rounded(count, base)
    assert number % base == 0
    assert abs(number - count) * 2 <= base


@given(st.lists(st.integers(0, 500), min_size=1, max_size=8), BASES)
def test_rounded_parts_are_as_near_their_total_as_rounding_allows(parts: list[int], base: int) -> None:
    """Each number is rounded by itself: a part and its total say no more together than each alone."""
    gap = abs(sum(rounded(part, base) for part in parts) - rounded(sum(parts), base))
    assert gap * 2 <= base * (len(parts) + 1)


@given(st.integers(0, 500), st.integers(0, 500), BASES)
def test_a_larger_count_is_never_published_as_less(one: int, other: int, base: int) -> None:
    assert (rounded(min(one, other), base)) <= rounded(max(one, other), base)


def test_numbers_and_symbols() -> None:
    counts = {("a",): 2, ("b",): 41, ("c",): 0, ("d",): 99, ("Total",): 142}
    assert published([counts], Control(Threshold(5), round_to=5)) == [
        {("a",): "c", ("b",): "c", ("c",): "0", ("d",): "100", ("Total",): "140"}
    ]
    # Without a threshold a small count is rounded, and told from nobody.
    assert published([counts], Control(Threshold(0), round_to=5)) == [
        {("a",): "low", ("b",): "40", ("c",): "0", ("d",): "100", ("Total",): "140"}
    ]


def test_where_a_cohorts_size_is_hidden_in_one_year_it_is_not_read_off_another() -> None:
    first = {("Here",): 5, ("Elsewhere",): 0, ("Left",): 0, ("Total",): 5}
    later = {("Here",): 3, ("Elsewhere",): 1, ("Left",): 1, ("Total",): 5}
    control = Control(Threshold(5))
    told = Told()
    assert published([first], control)[0][("Total",)] == "5", "alone it could be published"
    assert set(published([later], control)[0].values()) == {"c"}
    assert [set(one.values()) for one in published([first, later], control, told)] == [{"c"}, {"c"}]
    assert told.as_dict() == {
        "cells": 8,
        "hidden": 8,
        "hiddenToProtectOthers": 5,
        "roundedToZero": 0,
        "tablesHiddenWhole": 2,
    }


@pytest.mark.parametrize(
    ("part", "whole", "places", "says"),
    [
        ("5", "20", 0, "25"),
        ("5", "15", 1, "33.3"),
        ("1", "8", 0, "13"),
        ("1", "200", 0, "1"),
        ("1", "2000", 2, "0.05"),
        ("0", "20", 1, "0.0"),
        ("c", "20", 0, "c"),
        ("5", "c", 0, "c"),
        ("0", "c", 0, "c"),
        ("low", "c", 0, "c"),
        ("low", "20", 0, "low"),
        ("low", "low", 0, "u"),
        ("0", "0", 0, "z"),
    ],
)
def test_a_percentage_of_what_is_published(part: str, whole: str, places: int, says: str) -> None:
    assert percentage(part, whole, places) == says
