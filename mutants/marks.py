"""A copy of the project in which every place that may change stands between two marks.

The marks are SQL comments, so they go through Jinja into the compiled SQL of the models and of their unit tests. dbt
compiles everything once, and each mutant is that SQL with the text between one pair of marks replaced.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

from mutants.changes import Change

MARK: Final = re.compile(r"/\*(?:<[0-9]+|[0-9]+>)\*/")
_SHARED: Final = ("macros", "seeds", "tests", "dbt_project.yml", ".dbtignore")


def marked(sql: str, changes: list[Change]) -> str:
    """The SQL with a pair of marks around each place that may change; places may hold others."""
    # At one point what closes comes before what opens, an inner place closes first and an outer one opens first.
    points = [(c.end, 0, -c.start, f"/*{n}>*/") for n, c in enumerate(changes)]
    points += [(c.start, 1, -c.end, f"/*<{n}*/") for n, c in enumerate(changes)]
    pieces: list[str] = []
    last = 0
    for at, _, _, mark in sorted(points):
        pieces += [sql[last:at], mark]
        last = at
    return "".join([*pieces, sql[last:]])


def unmarked(sql: str) -> str:
    return MARK.sub("", sql)


def with_change(sql: str, number: int, after: str) -> str | None:
    """The SQL with one change in every place that Jinja has put it; None where it is in none."""
    place = re.compile(rf"/\*<{number}\*/.*?/\*{number}>\*/", re.DOTALL)
    changed, times = place.subn(lambda _: f" {after} ", sql)
    return unmarked(changed) if times else None


def copy_project(project: Path, to: Path, changes: dict[str, list[Change]]) -> None:
    """Copy the dbt project; the models of `changes` (by their paths) get their marks."""
    for name in _SHARED:
        if (project / name).exists():
            (to / name).symlink_to(project / name)
    shutil.copytree(project / "models", to / "models")
    for path, of_model in changes.items():
        file = to / path
        file.write_text(marked(file.read_text(encoding="utf-8"), of_model), encoding="utf-8")
