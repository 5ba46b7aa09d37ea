"""What dbt has read is used again for the same files alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.python.dbt.reading import fingerprint


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A project and the folder of its profile."""
    project, profile = tmp_path / "project", tmp_path / "profile"
    for file, text in (
        (project / "dbt_project.yml", "name: small"),
        (project / ".dbtignore", "python"),
        (project / "models" / "one.sql", "select 1"),
        (project / "models" / "one.yml", "models: []"),
        (project / "macros" / "one.sql", "{# nothing #}"),
        (project / "seeds" / "one.csv", "n"),
        (project / "tests" / "one.sql", "select 1"),
        (profile / "profiles.yml", "small: {}"),
    ):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return project, profile


CHANGES: dict[str, Callable[[Path, Path], object]] = {
    "a model's SQL": lambda project, _: (project / "models" / "one.sql").write_text("select 2"),
    "a model's YAML": lambda project, _: (project / "models" / "one.yml").write_text("models: [{name: one}]"),
    "a model's name": lambda project, _: (project / "models" / "one.sql").rename(project / "models" / "two.sql"),
    "a new page of terms": lambda project, _: (project / "models" / "terms.md").write_text("{% docs x %}{% enddocs %}"),
    "a macro": lambda project, _: (project / "macros" / "one.sql").write_text("{# something #}"),
    "a seed": lambda project, _: (project / "seeds" / "one.csv").write_text("m"),
    "a test that goes": lambda project, _: (project / "tests" / "one.sql").unlink(),
    "the project": lambda project, _: (project / "dbt_project.yml").write_text("name: large"),
    "what is ignored": lambda project, _: (project / ".dbtignore").write_text("sql"),
    "the profile": lambda _, profile: (profile / "profiles.yml").write_text("small: {target: dev}"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_other_files_are_read_again(folders: tuple[Path, Path], change: Callable[[Path, Path], object]) -> None:
    before = fingerprint(*folders)
    assert fingerprint(*folders) == before
    change(*folders)
    assert fingerprint(*folders) != before


def test_a_file_that_dbt_does_not_read_changes_nothing(folders: tuple[Path, Path]) -> None:
    before = fingerprint(*folders)
    (folders[0] / "tests" / "test_one.py").write_text("pass")
    assert fingerprint(*folders) == before
