"""Whether one type holds every value of another, by how PostgreSQL writes them."""

from __future__ import annotations

import re
from typing import Literal

TypeChange = Literal["same", "widened", "narrowed", "changed"]

_WRITTEN = re.compile(r"^(?P<name>[^(\[]+?)(?:\((?P<numbers>[\d, -]+)\))?(?P<rest>[^(\[]*?)(?P<array>(?:\[\])*)$")
_INTEGERS = ("smallint", "integer", "bigint")
_DIGITS = {"smallint": 5, "integer": 10, "bigint": 19}
_FLOATS = ("real", "double precision")
_TIMES = (
    "timestamp without time zone",
    "timestamp with time zone",
    "time without time zone",
    "time with time zone",
    "interval",
)


def type_change(here: str, there: str) -> TypeChange:
    """What became of a column's type, both as format_type() writes them.

    Args:
        here: the replica's type.
        there: the source's type now.

    Returns:
        "widened" when each value of `here` is one of `there`, too, and PostgreSQL's cast makes it; "narrowed" when it
        is the other way round, so what arrives still fits; "changed" when neither is sure.
    """
    if here == there:
        return "same"
    if _holds(there, here):
        return "widened"
    return "narrowed" if _holds(here, there) else "changed"


def _holds(wide: str, narrow: str) -> bool:
    to, numbers_to, array_to = _parts(wide)
    of, numbers_of, array_of = _parts(narrow)
    in_length = not numbers_to or bool(numbers_of and numbers_of[0] <= numbers_to[0])
    rules = (
        # Without a length, character varying is as wide as text.
        to in ("text", "character varying") and of in ("character varying", "character", "text") and in_length,
        to == of and to in ("character", "bit varying") and in_length,
        to == of == "numeric" and _numeric_holds(numbers_to, numbers_of),
        to == "numeric" and of in _INTEGERS and (not numbers_to or numbers_to[0] - numbers_to[1] >= _DIGITS.get(of, 0)),
        *(to in ladder and of in ladder and ladder.index(to) >= ladder.index(of) for ladder in (_INTEGERS, _FLOATS)),
        to == of and to in _TIMES and _precision(numbers_to) >= _precision(numbers_of),
        # With a time zone the cast would depend on the session's.
        to == "timestamp without time zone" and of == "date",
    )
    return array_to == array_of and any(rules)


def _numeric_holds(wide: tuple[int, ...], narrow: tuple[int, ...]) -> bool:
    if not wide:
        return True
    if not narrow:
        return False
    return wide[1] >= narrow[1] and wide[0] - wide[1] >= narrow[0] - narrow[1]


def _precision(numbers: tuple[int, ...]) -> int:
    return numbers[0] if numbers else 6


def _parts(written: str) -> tuple[str, tuple[int, ...], str]:
    match = _WRITTEN.match(written)
    if match is None:
        return written, (), ""
    name = (match["name"] + (match["rest"] or "")).strip()
    numbers = tuple(int(number) for number in match["numbers"].split(",")) if match["numbers"] else ()
    if name == "numeric" and len(numbers) == 1:
        numbers = (numbers[0], 0)
    return name, numbers, match["array"]
