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

# Each row of COPY ends in a line feed of its own.
_IN_ROWS: Final = re.compile(hostile.character_class(without="\n"))


def harmless(rows: Sequence[bytes]) -> tuple[Sequence[bytes], int]:
    """Rows of COPY with each hostile character replaced, and how many there were.

    A hostile character is never one of CSV's own, so it may be replaced without reading the fields; but for the line
    feed that ends the row, which stays.
    """
    content = b"".join(rows)
    if content.count(b"\n") == len(rows) and not _IN_ROWS.search(content.decode()):
        return rows, 0
    cleaned = [hostile.ANY.subn(REPLACEMENT, row[:-1].decode()) for row in rows]
    return [text.encode() + b"\n" for text, _ in cleaned], sum(found for _, found in cleaned)
