"""What replication makes in the warehouse is named in one place; what delivery reads of it, in one of the core."""

from __future__ import annotations

from pathlib import Path

import pytest

import warehouse
from warehouse.core import history_names
from warehouse.replicate.catalog import names

PRODUCT = Path(warehouse.__file__).parent
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
        path.relative_to(PRODUCT)
        for path in sorted(PRODUCT.rglob("*.py"))
        if any(form in path.read_text(encoding="utf-8") for form in quoted)
    ]
    assert found == [
        Path("core/history_names.py" if name in history_names.OWN_COLUMNS else "replicate/catalog/names.py")
    ]
