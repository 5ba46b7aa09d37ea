"""What replication makes in the warehouse is named in one place."""

from __future__ import annotations

from pathlib import Path

import pytest

import warehouse.replicate
from warehouse.replicate.catalog import names

ROOM = Path(warehouse.replicate.__file__).parent
NAMES = (
    *names.OWN_COLUMNS,
    *names.TRIGGERS,
    names.DISCARD,
    names.FIRST_COPY,
    names.LISTED_KEYS,
    names.BY_HAND,
)


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_written_once(name: str) -> None:
    quoted = (f'"{name}', f"'{name}", f" {name} ")
    found = [
        path.relative_to(ROOM)
        for path in sorted(ROOM.rglob("*.py"))
        if any(form in path.read_text(encoding="utf-8") for form in quoted)
    ]
    assert found == [Path("catalog/names.py")]
