"""Each relation of one build, read from both databases and compared without an order.

Both sides are brought to one form: an identifier is text, a moment is in UTC, a decimal has no zeros at its end and at
most nine places (BigQuery's `numeric` has no more), a floating number has twelve digits, an object is JSON with sorted
keys, also where a column has it as text, and a list of null is empty, because BigQuery has no other.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

SHOWN: Final = 3
"""Differing rows of each relation that a message has."""


@dataclass
class Difference:
    """What one relation has on one side only.

    Attributes:
        columns: the columns that differ, each with the number of rows; empty where the numbers of rows differ.
        rows: of how many rows there is no equal on the other side, on the side that has more.
        first: the first of them, as text.
    """

    relation: str
    columns: dict[str, int]
    rows: int
    first: list[str]


def plain(value: Any, *, is_list: bool = False) -> Any:  # noqa: PLR0911 - one for each type
    """A value in the form that both databases' answers have in common."""
    if isinstance(value, (list, tuple)):
        return tuple(plain(each) for each in value)
    if value is None:
        return () if is_list else None
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, Decimal):
        rounded = value.quantize(Decimal("1e-9"), ROUND_HALF_UP).normalize()
        return int(rounded) if rounded == rounded.to_integral_value() else rounded
    if isinstance(value, float):
        return int(value) if value == int(value) else float(f"{value:.12g}")
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    return _object(value) if isinstance(value, str) and value.startswith("{") else value


def _object(text: str) -> str:
    """Text of an object, with its keys sorted and no white space of its own; as it is where it is none."""
    try:
        return json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False)
    except ValueError:
        return text


def compare(
    relation: str,
    names: Sequence[str],
    ours: Iterable[Sequence[Any]],
    theirs: Iterable[Sequence[Any]],
    lists: Iterable[str] = (),
) -> Difference | None:
    """How the rows of two databases differ, as multisets; none where they do not.

    Args:
        names: the columns, in the order of the values.
        lists: those that are lists.
    """
    marks = [name in set(lists) for name in names]

    def forms(rows: Iterable[Sequence[Any]]) -> Counter[tuple[Any, ...]]:
        return Counter(tuple(plain(v, is_list=m) for v, m in zip(row, marks, strict=True)) for row in rows)

    left, right = forms(ours), forms(theirs)
    only_left, only_right = left - right, right - left
    if not only_left and not only_right:
        return None
    pairs = list(_pairs([*only_left.elements()], [*only_right.elements()]))
    columns: Counter[str] = Counter()
    for one, other in pairs:
        columns.update(name for name, a, b in zip(names, one, other, strict=True) if a != b)
    same_number = only_left.total() == only_right.total()
    first = [_shown(names, one, other) for one, other in pairs[:SHOWN]]
    for side, rows in (("PostgreSQL", only_left), ("BigQuery", only_right)):
        if not same_number:
            first += [f"only on {side}: {dict(zip(names, row, strict=True))}" for row in list(rows.elements())[:SHOWN]]
    return Difference(relation, dict(columns) if same_number else {}, max(only_left.total(), only_right.total()), first)


def _pairs(left: list[tuple[Any, ...]], right: list[tuple[Any, ...]]) -> Iterable[tuple[Any, Any]]:
    """Rows that are probably one row: those that have most values in common."""
    for row in left:
        if right:
            nearest = max(right, key=lambda other: sum(a == b for a, b in zip(row, other, strict=True)))
            right.remove(nearest)
            yield row, nearest


def _shown(names: Sequence[str], one: tuple[Any, ...], other: tuple[Any, ...]) -> str:
    differing = {n: (a, b) for n, a, b in zip(names, one, other, strict=True) if a != b}
    return f"{names[0]} = {one[0]}: " + ", ".join(
        f"{name} is {a!r} on PostgreSQL, {b!r} on BigQuery" for name, (a, b) in differing.items()
    )
