"""The build: every model and test, and the same build again when nothing has changed."""

from __future__ import annotations

from bench.measure import Figure, timing
from warehouse.core.databases import Databases
from warehouse.core.progress import Progress
from warehouse.marts import build


def build_time(databases: Databases, progress: Progress) -> list[Figure]:
    """Build once, and once more."""
    today = databases.today()
    with timing() as first:
        report = build(databases, today, progress)
    with timing() as second:
        build(databases, today, progress)
    rows = report.stage.rows_out or 0
    full = Figure("build", "all models and tests, aside and swapped in", first.seconds, rows)
    return [
        full,
        Figure("build", "again, nothing changed", second.seconds, rows, second.seconds / first.seconds, full.what),
    ]
