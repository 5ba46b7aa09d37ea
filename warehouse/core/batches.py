"""An iterable in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

_Item = TypeVar("_Item")


def batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Lists of so many items each, the last one of what is left. (Python 3.12 has itertools.batched.)"""
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch
