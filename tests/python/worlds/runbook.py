"""A runbook as a program: its code blocks, and who runs each of them where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Who = Literal["source", "warehouse", "source's pg_hba.conf", "warehouse's pg_hba.conf", "source's shell", "person"]

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
_FIRST_LINES: dict[tuple[str, str], Who] = {
    ("sql", "-- at the source, as its administrator"): "source",
    ("sql", "-- at the warehouse, as its administrator"): "warehouse",
    ("text", "# pg_hba.conf of the source; then reload"): "source's pg_hba.conf",
    ("text", "# pg_hba.conf of the warehouse; then reload"): "warehouse's pg_hba.conf",
    ("sh", "# as the source's administrator"): "source's shell",
}


@dataclass(frozen=True)
class Block:
    """A code block.

    Attributes:
        heading: the section that it is in.
        line: of the page, for the message of a failure.
        who: runs it.
    """

    heading: str
    line: int
    who: Who
    text: str


def blocks(page: Path) -> list[Block]:
    """Every code block of a page, in order. One that says nobody to run it cannot be: it fails."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        language, content = match[1], match[2]
        before = text[: match.start()]
        line = before.count("\n") + 1
        who = _FIRST_LINES.get((language, content.splitlines()[0]), "person" if language == "sh" else None)
        assert who is not None, f"{page.name}:{line}: nobody is said to run this block"
        headings = re.findall(r"^## (.*)$", before, re.M)
        found.append(Block(headings[-1] if headings else "", line, who, content))
    return found
