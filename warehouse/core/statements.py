"""A text of SQL, cut into its statements."""

from __future__ import annotations

import re
from collections.abc import Iterator

# What may stand before a semicolon without ending a statement: quotes, dollar quotes and comments.
_TOKEN = re.compile(
    r"""
    (?P<comment>--[^\n]*|/\*)
    | (?P<escaped>\b[eE]'(?:[^'\\]|''|\\.)*(?:'|\Z))
    | (?P<text>'(?:[^']|'')*(?:'|\Z))
    | (?P<name>"(?:[^"]|"")*(?:"|\Z))
    | (?P<dollar>(?<![\w$])\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)
    | (?P<psql>(?<=\n)\\[^\n]*|\A\\[^\n]*)
    | (?P<end>;)
    """,
    re.VERBOSE | re.DOTALL,
)


def pieces(text: str) -> Iterator[tuple[int, str]]:
    """Each statement, and each command of psql, with where it begins in the text."""
    start = position = 0
    while found := _TOKEN.search(text, position):
        position = found.end()
        kind = found.lastgroup
        if kind == "comment" and found.group() == "/*":
            position = _after_comment(text, position)
        elif kind == "dollar":
            end = text.find(found.group(), position)
            position = len(text) if end < 0 else end + len(found.group())
        elif kind == "psql":
            yield from _piece(text, start, found.start())
            yield found.start(), found.group()
            start = position
        elif kind == "end" and not _inside_body(text[start : found.start()]):
            yield from _piece(text, start, found.end())
            start = position
    yield from _piece(text, start, len(text))


def _after_comment(text: str, position: int) -> int:
    depth = 1
    while depth and (found := re.compile(r"/\*|\*/").search(text, position)):
        depth += 1 if found.group() == "/*" else -1
        position = found.end()
    return len(text) if depth else position


def _inside_body(text: str) -> bool:
    """Whether a semicolon after this belongs to a function's body in standard SQL (BEGIN ATOMIC … END)."""
    return bool(re.search(r"\bbegin\s+atomic\b", text, re.IGNORECASE)) and not re.search(
        r"\bend\s*\Z", text, re.IGNORECASE
    )


def _piece(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    piece = text[start:end]
    said = re.sub(r"--[^\n]*|/\*.*?\*/", " ", piece, flags=re.DOTALL)
    if said.strip(" \t\r\n;\ufeff"):
        bare = piece.lstrip(" \t\r\n\f\v\ufeff")
        yield start + len(piece) - len(bare), bare.rstrip()
