"""The build: against the time of its own SQL, against the same SQL without dbt, and a vintage against it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.measure import Aim, Figure, timing
from bench.statements import by_hand, recorded
from warehouse.core.databases import Databases
from warehouse.core.progress import Progress
from warehouse.marts import build, vintages
from warehouse.marts.vintages import build_vintage

OVER_ITS_SQL, OVER_BY_HAND, OVER_CURRENT = 1.3, 1.5, 2.0
"""Limits of ratios: the first two with a million people, `python -m bench --people 1000000 --only build`."""

VINTAGE = "bench_vintage"


def build_time(databases: Databases, progress: Progress) -> list[Figure]:
    """Build once, again with nothing changed, whole again, by hand, and as a vintage of now.

    No mart is incremental (docs/adr/0047-rebuilt-whole.md), so there is no part to measure after a day's changes.
    """
    today = databases.today()
    with timing() as first, peak() as memory:
        report = build(databases, today, progress)
    with timing() as second:
        build(databases, today, progress)
    with timing() as third, recorded() as statements:
        build(databases, today, progress, anew=True)
    progress.say("the same SQL without dbt")
    hand = by_hand(databases, statements)
    known_at = datetime.now(UTC)
    with timing() as fourth:
        build_vintage(databases, VINTAGE, known_at, today, progress)
    with databases.warehouse() as connection:
        vintages.drop(connection, VINTAGE)

    rows = report.stage.rows_out or 0
    whole = Figure(
        "build",
        "all models and tests, aside and swapped in, again",
        third.seconds,
        rows,
        aims=(
            Aim("of the time of its SQL, added up", third.seconds / statements.seconds, "at most", OVER_ITS_SQL),
            Aim("of the time of the same SQL by hand", third.seconds / hand, "at most", OVER_BY_HAND),
        ),
        more={
            "statements": len(statements.spans),
            "their seconds added up": statements.seconds,
            "seconds in which one ran": statements.busy_seconds,
        },
    )
    return [
        whole,
        Figure(
            "build",
            "the first time",
            first.seconds,
            rows,
            first.seconds / third.seconds,
            whole.what,
            more={"peak memory of Python, MB": memory.megabytes},
        ),
        Figure("build", "nothing changed", second.seconds, rows, second.seconds / third.seconds, whole.what),
        Figure("build", "its SQL by hand, one session", hand, rows, hand / third.seconds, whole.what),
        Figure(
            "build",
            "a vintage of now",
            fourth.seconds,
            rows,
            fourth.seconds / third.seconds,
            whole.what,
            (Aim("of the time of the current build", fourth.seconds / third.seconds, "at most", OVER_CURRENT),),
        ),
    ]


@dataclass
class Peak:
    """The most memory that the process had at once."""

    megabytes: float = 0.0


@contextmanager
def peak() -> Iterator[Peak]:
    """Measure a block; what came before it does not count."""
    # 5 sets the peak back to what the process has now (proc_pid_clear_refs(5)).
    Path("/proc/self/clear_refs").write_text("5")
    found = Peak()
    yield found
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    found.megabytes = int(line.split()[1]) / 1024
