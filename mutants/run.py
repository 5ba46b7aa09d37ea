"""Every change of a project's models, tried on their unit tests: dbt runs once, the rest is SQL."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Final

import psycopg

from mutants.accepted import Accepted
from mutants.changes import Change, changes_of
from mutants.database import build
from mutants.marks import copy_project
from mutants.trying import Outcome, Tried, try_changes, unit_tests
from warehouse.core import fast_yaml

LAYERS: Final = ("intermediate", "marts", "extracts")
"""Where the rules are. Staging only names, types and labels."""


class UnknownModel(Exception):
    """A name that no model of these layers has."""


def changes_by_model(project: Path, names: list[str]) -> dict[str, list[Change]]:
    """What can be changed in each model, by its path in the project.

    Args:
        names: of models; with none, all models of the layers that hold rules.
    """
    files = [file for layer in LAYERS for file in sorted((project / "models" / layer).rglob("*.sql"))]
    chosen = [file for file in files if not names or file.stem in names]
    unknown = sorted(set(names) - {file.stem for file in chosen})
    if unknown:
        raise UnknownModel(f"No model of {', '.join(LAYERS)} is called {', '.join(unknown)}.")
    return {str(file.relative_to(project)): changes_of(file.read_text(encoding="utf-8")) for file in chosen}


def expected_columns(project: Path) -> dict[str, tuple[str, ...]]:
    """The columns that each unit test expects, by its name; a test that expects no row looks at all of them."""
    found: dict[str, tuple[str, ...]] = {}
    for file in (project / "models").rglob("*.yml"):
        for test in fast_yaml.safe_load(file.read_text(encoding="utf-8")).get("unit_tests", []):
            rows = test["expect"].get("rows")
            found[test["name"]] = tuple(rows[0]) if isinstance(rows, list) and rows else ()
    return found


def try_project(
    project: Path,
    conninfo: str,
    names: list[str],
    accepted: list[Accepted],
    per_model: int | None = None,
    seed: int = 0,
) -> list[Tried]:
    """Build once, then try every change, or at most `per_model` of each model, chosen by the seed."""
    changes = changes_by_model(project, names)
    chooser = random.Random(seed)
    tried: list[Tried] = []
    with tempfile.TemporaryDirectory(prefix="trw-mutants-") as folder:
        copy_project(project, Path(folder), changes)
        tests = unit_tests(build(Path(folder), conninfo, names), expected_columns(project))
        with psycopg.connect(conninfo) as connection:
            for path, of_model in changes.items():
                numbered = list(enumerate(of_model))
                if per_model is not None and per_model < len(numbered):
                    numbered = sorted(chooser.sample(numbered, per_model), key=lambda one: one[0])
                model = Path(path).stem
                tried += try_changes(connection, model, numbered, tests.get(model, []))
    return [_judged(one, accepted) for one in tried]


def _judged(one: Tried, accepted: list[Accepted]) -> Tried:
    """One that was not noticed and is in the list is accepted."""
    if one.outcome is Outcome.UNNOTICED and any(row.covers(one.model, one.change) for row in accepted):
        return Tried(one.model, one.change, Outcome.ACCEPTED)
    return one
