"""Names without regard to case, as SQL Server compared them, and headings as they were written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from sqlglot import exp

SPELLED: Final = "spelled"
"""Where a name keeps how it was written."""

_PLAIN: Final = re.compile(r"[a-z_][a-z0-9_]*")

_RESERVED: Final = frozenset(Path(__file__).with_name("reserved_words.txt").read_text(encoding="utf-8").split())
"""Words that PostgreSQL does not take for a name everywhere."""


def fold(tree: exp.Query) -> None:
    """Write every name in small letters, in quotes only where PostgreSQL needs them."""
    for name in tree.find_all(exp.Identifier):
        name.meta[SPELLED] = name.this
        rename(name, name.this.lower())


def rename(name: exp.Identifier, to: str) -> None:
    """Give a name another spelling."""
    name.set("this", to)
    name.set("quoted", not _PLAIN.fullmatch(to) or to in _RESERVED)


def keep_headings(tree: exp.Query) -> None:
    """Call the columns of the answer as the query spelled them, also where it sorts by one."""
    first = tree
    while isinstance(first, exp.SetOperation | exp.Subquery):
        first = first.this
    spelled: dict[str, str] = {}
    for projection in first.selects:
        if isinstance(projection, exp.Alias):
            name = projection.args["alias"]
            spelled[name.this] = name.meta.get(SPELLED, name.this)
            rename(name, spelled[name.this])
        elif isinstance(projection, exp.Column) and isinstance(projection.this, exp.Identifier):
            written = projection.this.meta.get(SPELLED, projection.name)
            spelled[projection.name] = written
            if written != projection.name:
                projection.replace(exp.alias_(projection.copy(), exp.to_identifier(written, quoted=True)))
    order = tree.args.get("order")
    for one in order.expressions if order else ():
        if isinstance(one.this, exp.Column) and not one.this.table and one.this.name in spelled:
            rename(one.this.this, spelled[one.this.name])
