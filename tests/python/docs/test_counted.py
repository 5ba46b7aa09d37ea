"""Room to grow, counted: how many files a person changes for a column and for a kind of destination.

That these are the files, and that they are enough, is tried in test_how_to.py and tests/python/deliver/test_growth.py.
"""

from __future__ import annotations

from pathlib import Path

from tests.python.docs.growing import Growing
from tests.python.docs.steps import COLUMN_BY_HAND, DESTINATION, DOCS


class Noted(Growing):
    """Notes which files the steps change, and changes none."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def insert(self, name: str, before: str, text: str) -> None:
        del before, text
        self.names.add(name)

    def write(self, name: str, text: str) -> None:
        del text
        self.names.add(name)


def test_a_column_from_the_source_to_a_recipient_touches_at_most_six_files_none_of_them_python() -> None:
    assert len(COLUMN_BY_HAND) <= 6
    assert {Path(name).suffix for name in COLUMN_BY_HAND} == {".yml", ".sql", ".md", ".yaml"}


def test_a_kind_of_destination_touches_two_files_of_the_program_and_one_line_of_the_tests() -> None:
    noted = Noted()
    for step in DESTINATION:
        if step is not DOCS:
            step.do(noted)
    assert len([name for name in noted.names if name.startswith("warehouse/")]) == 2
    assert {name for name in noted.names if not name.startswith("warehouse/")} == {"tests/python/deliver/conftest.py"}
