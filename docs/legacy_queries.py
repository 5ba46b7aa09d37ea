"""Writes the page of the saved queries in docs/legacy-queries/, which the tests ask."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from warehouse.core.settings import PROJECT

QUERIES: Final = PROJECT / "docs" / "legacy-queries"
_OF_THE_MARTS: Final = ".marts.sql"

_INTRODUCTION: Final = """# Saved queries and what to ask instead

Each is a file of this folder, as people had it saved, with the query of the marts that gives the same rows. A test asks
both. [legacy-queries.md](../legacy-queries.md) says what is translated, and how.
"""


@dataclass(frozen=True)
class SavedQuery:
    """A query as it was saved, and the one to ask of the marts instead.

    Attributes:
        words: what it asks.
    """

    name: str
    words: str
    tsql: str
    of_the_marts: str


def saved() -> list[SavedQuery]:
    """Every example, in the order of their names."""
    files = sorted(file for file in QUERIES.glob("*.sql") if not file.name.endswith(_OF_THE_MARTS))
    return [_read(file) for file in files]


def _read(file: Path) -> SavedQuery:
    text = file.read_text(encoding="utf-8")
    of_the_marts = file.with_name(file.stem + _OF_THE_MARTS).read_text(encoding="utf-8")
    return SavedQuery(file.stem, text.partition("\n")[0].removeprefix("-- "), text, of_the_marts)


def page() -> str:
    """The page."""
    text = _INTRODUCTION
    for query in saved():
        old, new = (one.partition("\n")[2] for one in (query.tsql, query.of_the_marts))
        text += f"\n## {query.words}\n\n`{query.name}.sql`\n\n```tsql\n{old}```\n\nOf the marts:\n\n```sql\n{new}```\n"
    return text
