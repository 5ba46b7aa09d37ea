"""What the conftest says of the tests' files is true of the files that there are."""

from __future__ import annotations

from pathlib import Path

from tests.python.conftest import LONGEST


def test_a_file_that_begins_first_is_there() -> None:
    here = Path(__file__).parent
    assert [name for name in LONGEST if not (here / name).is_file()] == []
