"""The terms by which the windows of a model order their rows."""

from __future__ import annotations

import re
from collections.abc import Iterator


def order_terms(code: str) -> Iterator[str]:
    """Each term of an `order by` within `over (...)`, with `_` for what texts say: a comma there ends no term."""
    code = re.sub(r"'(?:[^']|'')*'", lambda text: f"'{'_' * (len(text[0]) - 2)}'", code)
    for window in re.finditer(r"\bover\s*\(", code):
        end = _closing(code, window.end())
        ordered = re.compile(r"\border\s+by\b").search(code, window.end(), end)
        if ordered is None:
            continue
        begin, depth = ordered.end(), 0
        frame = re.compile(r"\b(rows|range)\s+(between|unbounded|current|[0-9])").search(code, begin, end)
        end = frame.start() if frame else end
        for place in range(begin, end):
            depth += (code[place] == "(") - (code[place] == ")")
            if code[place] == "," and depth == 0:
                yield code[begin:place].strip()
                begin = place + 1
        yield code[begin:end].strip()


def _closing(code: str, begin: int) -> int:
    """The place of the parenthesis that closes one which opened just before `begin`."""
    depth = 1
    for place in range(begin, len(code)):
        depth += (code[place] == "(") - (code[place] == ")")
        if depth == 0:
            return place
    raise ValueError("a parenthesis is not closed")
