"""What marts say beside what the source says, worked out another way: pairs of queries with the same answer."""

from __future__ import annotations

from typing import Final

from tests.python.dbt.counts import people

PAIRS: Final[dict[str, tuple[str, str]]] = {**people.PAIRS}
