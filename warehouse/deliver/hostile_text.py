"""Text that does no harm where a file is opened: hostile characters are replaced while it is written.

What counts as hostile is in core/hostile.py. A contract says which rule holds (`controlCharacters`): `replace` puts
U+FFFD in the place of each one, counted in the manifest; under `refuse` the gate refuses a file that has any. What a
spreadsheet takes for a formula (`formulaCharacters`, of CSV alone) is counted by the gate, and under `prefix` the query
has put an apostrophe before it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from warehouse.core import hostile

REPLACEMENT: Final = "\ufffd"

FORMULA_STARTS: Final = "=+-@\t\r"
"""A spreadsheet runs a text that begins with one of these."""

_TOGETHER: Final = 64
"""Rows that are looked at as one piece: few enough that one hostile character costs little more than its own row."""

_CONTINUES: Final = bytes(range(0x80, 0xC0))
"""What follows the first byte of a letter in UTF-8."""


def harmless(rows: Sequence[bytes]) -> tuple[Sequence[bytes], int]:
    """Rows of COPY with each hostile character replaced, and how many there were.

    A hostile character is never one of CSV's own, so it may be replaced without reading the fields; but for the line
    feed that ends the row, which stays.
    """
    cleaned: list[bytes] = []
    found = 0
    for start in range(0, len(rows), _TOGETHER):
        some = rows[start : start + _TOGETHER]
        content = b"".join(some)
        if content.count(b"\n") == len(some) and not _is_hostile(content):
            cleaned += some
            continue
        for row in some:
            text, number = hostile.ANY.subn(REPLACEMENT, row[:-1].decode())
            cleaned.append(text.encode() + b"\n" if number else row)
            found += number
    return cleaned, found


def _is_hostile(content: bytes) -> bool:
    """Whether there is a hostile character but line feeds.

    To look at each letter would be dearer than all else that is done to a row. So the bytes go first that no hostile
    character has; what is left of a letter is all of it, or no first byte, so nothing becomes hostile by that.
    """
    return _HOSTILE.search(content.translate(None, _IN_NONE)) is not None


def _in_utf8() -> dict[bytes, list[bytes]]:
    """The last bytes of the hostile characters, by the bytes before them."""
    found: dict[bytes, list[bytes]] = {}
    points = (
        p for kind, runs in hostile.KINDS.items() if kind != "surrogate" for a, b in runs for p in range(a, b + 1)
    )
    for point in points:
        written = chr(point).encode()
        if written != b"\n":
            found.setdefault(written[:-1], []).append(written[-1:])
    return found


_BY_START: Final = _in_utf8()
_HOSTILE: Final = re.compile(
    b"|".join(re.escape(start) + b"[" + re.escape(b"".join(last)) + b"]" for start, last in _BY_START.items())
)
_FIRST_BYTES: Final = {(start or byte)[0] for start, last in _BY_START.items() for byte in last}
_IN_NONE: Final = bytes(byte for byte in range(256) if byte not in _FIRST_BYTES and byte not in _CONTINUES)
