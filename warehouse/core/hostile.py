"""Which characters do harm where a text is shown or opened: one list, for terminals, logs, errors and files.

A control character moves the cursor, renames the window or fills the clipboard (ESC ] 52); a bidi override makes a
text read otherwise than it is; an invisible character makes two names look alike; a line break forges a log line.
"""

from __future__ import annotations

import re
from collections import Counter

Ranges = tuple[tuple[int, int], ...]
"""Code points, first and last of each run."""

KINDS: dict[str, Ranges] = {
    "control": ((0x00, 0x1F), (0x7F, 0x9F)),
    "line break": ((0x2028, 0x2029),),
    # Overrides, embeddings, isolates and marks: they alter the order in which letters are shown.
    "bidi": ((0x061C, 0x061C), (0x200E, 0x200F), (0x202A, 0x202E), (0x2066, 0x2069)),
    # The joiners U+200C and U+200D are not among them: they are part of how some languages are written.
    "invisible": (
        (0x00AD, 0x00AD),
        (0x180E, 0x180E),
        (0x200B, 0x200B),
        (0x2060, 0x2065),
        (0x206A, 0x206F),
        (0xFEFF, 0xFEFF),
        (0xFFF9, 0xFFFB),
        (0xE0000, 0xE007F),
    ),
    # Half a character, which no encoding can write: bytes of an argument or a file name that were no UTF-8.
    "surrogate": ((0xD800, 0xDFFF),),
}
"""What is hostile, by what it does."""


def character_class(*kinds: str, without: str = "") -> str:
    """Those characters as a class of a regular expression: for Python, RE2 (Arrow, DuckDB) and PostgreSQL alike.

    Args:
        kinds: of KINDS; all of them when none is given.
        without: characters to leave out; zero has to be left out for PostgreSQL, whose text cannot hold it.
    """
    left_out = {ord(character) for character in without}
    runs: list[str] = []
    for kind in kinds or KINDS:
        for first, last in KINDS[kind]:
            start = first
            for stop in [*(point for point in range(first, last + 1) if point in left_out), last + 1]:
                if start < stop:
                    runs.append(f"{chr(start)}-{chr(stop - 1)}")
                start = stop + 1
    return f"[{''.join(runs)}]"


ANY = re.compile(character_class())

_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def visible(text: str, keep: str = "") -> str:
    r"""The text with each hostile character written as an escape, such as \x1b or \u202e, and nothing else altered.

    Args:
        keep: characters to leave as they are: line breaks and tabs, where the text is a document of our own.
    """
    return ANY.sub(lambda found: found[0] if found[0] in keep else _escaped(found[0]), text)


def _escaped(character: str) -> str:
    point = ord(character)
    short = rf"\x{point:02x}" if point < 0x100 else rf"\u{point:04x}" if point < 0x10000 else rf"\U{point:08x}"
    return _SHORT.get(character, short)


def in_json(document: str) -> str:
    r"""A JSON document with its hostile characters as \uXXXX: it says the same, and a terminal can show it.

    Between values a document has line breaks and tabs of its own; inside a text they cannot stand.
    """
    return ANY.sub(lambda found: found[0] if found[0] in "\n\r\t" else _as_json(found[0]), document)


def _as_json(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(rf"\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def kinds(text: str) -> Counter[str]:
    """How many hostile characters of each kind the text has; empty when it has none."""
    return Counter(_kind(found) for found in ANY.findall(text))


def _kind(character: str) -> str:
    point = ord(character)
    return next(kind for kind, ranges in KINDS.items() if any(first <= point <= last for first, last in ranges))
