"""A wide extract of one and of three million rows: its file, its check and its memory, beside COPY of the same rows.

Each measurement is a process of its own (wide_process.py), the limit beside each: they share machine and minute.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.measure import Aim, Figure, each_run
from bench.subscriber import drop_database, other_database
from bench.wide_process import CONNECTION, ROWS
from bench.wide_table import COLUMNS, SEED, fill, write_contract
from warehouse.core.databases import Databases
from warehouse.core.progress import Progress
from warehouse.core.settings import PROJECT

DATABASE: Final = "wide_"
FEW: Final = int(os.environ.get("TRW_BENCH_WIDE_ROWS", "1000000"))
"""How many rows; a try-out takes fewer."""

MANY: Final = 3 * FEW
ROUNDS: Final = 3
LIMIT: Final = "COPY TO STDOUT, rows thrown away (the limit)"
GATE: Final = 1.5
MEMORY_GROWS: Final = 1.1


@dataclass(frozen=True)
class Made:
    """What is made, and what it has to reach: so many times the limit, in so many megabytes."""

    name: str
    what: str
    kind: str
    times: float | None
    megabytes: float | None


FILES: Final = (
    Made("CSV", "file", "csv", 1.5, 100),
    Made("CSV, compressed (gzip)", "file", "csv.gz", 1.5, 100),
    Made("Parquet, zstd", "file", "parquet", 2.0, 300),
)


def wide_export(databases: Databases, progress: Progress) -> list[Figure]:
    """The files of one table at both sizes, and the check of them at the smaller."""
    conninfo = other_database(databases, DATABASE)
    folder = databases.settings.warehouse_home / "bench" / "wide"
    contracts = {kind: write_contract(folder / "contracts", kind) for kind in ("csv", "csv.gz", "parquet")}
    peaks: dict[str, float] = {}
    figures: list[Figure] = []
    try:
        for rows, rounds in ((FEW, ROUNDS), (MANY, 1)):
            progress.say(f"filling {rows:,} rows of {len(COLUMNS)} columns, seed {SEED}")
            fill(conninfo, rows)
            for made in FILES:
                runs = []
                for number in range(1, rounds + 1):
                    progress.say(f"{made.name} of {rows:,} rows, {number} of {rounds}")
                    limit = measured("limit", contracts[made.kind], conninfo, folder, rows)
                    runs.append((limit, measured(made.what, contracts[made.kind], conninfo, folder, rows)))
                figures += beside_limit(made, rows, runs, peaks)
                if rows == FEW and made.what == "file":
                    progress.say(f"checking the {made.kind} of {rows:,} rows")
                    checks = [measured("gate", contracts[made.kind], conninfo, folder, rows) for _ in range(rounds)]
                    figures.append(gate_figure(made, rows, checks, [ours for _, ours in runs]))
    finally:
        drop_database(databases, DATABASE)
    return figures


def measured(what: str, contract: Path, conninfo: str, folder: Path, rows: int) -> dict[str, Any]:
    """One measurement in a process of its own.

    Raises:
        RuntimeError: it ended with an error; with its last words.
    """
    done = subprocess.run(
        [sys.executable, "-m", "bench.wide_process", what, str(contract), str(folder)],
        env={**os.environ, CONNECTION: conninfo, ROWS: str(rows)},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{what} ended with {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if found["rows"] != rows:
        raise RuntimeError(f"{what} had {found['rows']} rows of {rows}")
    return found


def topic_of(made: str, rows: int) -> str:
    """Its name in the tables."""
    return f"wide export, {made}, {rows:,} rows of {len(COLUMNS)} columns"


def costs(runs: list[dict[str, Any]]) -> dict[str, float]:
    """What runs took besides time by the clock, as medians."""
    return {
        "CPU s": median(run["cpu"] for run in runs),
        "server's CPU s": median(run["server_cpu"] for run in runs),
        "peak MB": max(run["peak_mb"] for run in runs),
        "MB before": max(run["mb_before"] for run in runs),
    }


def beside_limit(
    made: Made, rows: int, runs: list[tuple[dict[str, Any], dict[str, Any]]], peaks: dict[str, float]
) -> list[Figure]:
    limits, ours = [limit for limit, _ in runs], [own for _, own in runs]
    seconds, of_limit = [run["seconds"] for run in ours], [run["seconds"] for run in limits]
    # Each beside its own limit: what else runs on the machine is in both.
    times = median(own / limit for own, limit in zip(seconds, of_limit, strict=True))
    processor = median((own["cpu"] + own["server_cpu"]) / (limit["cpu"] + limit["server_cpu"]) for limit, own in runs)
    cost = costs(ours)
    aims = []
    if made.times:
        aims.append(Aim("of the time of COPY", times, "at most", made.times))
    if made.megabytes:
        aims.append(Aim("peak memory, MB", cost["peak MB"], "at most", made.megabytes))
    if made.name in peaks:
        aims.append(Aim(f"peak memory, to {FEW:,} rows", cost["peak MB"] / peaks[made.name], "at most", MEMORY_GROWS))
    peaks.setdefault(made.name, cost["peak MB"])
    topic = topic_of(made.name, rows)
    more = {**cost, "CPU of both, to COPY": processor, "MB of file": ours[-1]["bytes"] / 1e6, **each_run(seconds)}
    return [
        Figure(topic, LIMIT, median(of_limit), rows, more={**costs(limits), **each_run(of_limit)}),
        Figure(topic, "the file", median(seconds), rows, times, LIMIT, tuple(aims), more),
    ]


def gate_figure(made: Made, rows: int, checks: list[dict[str, Any]], files: list[dict[str, Any]]) -> Figure:
    """The check beside the making of the file, each by all that it took of the processors, the server's with it."""
    seconds = median(run["seconds"] for run in checks)
    making = median(run["seconds"] for run in files)
    processor = median(run["cpu"] for run in checks) / median(run["cpu"] + run["server_cpu"] for run in files)
    aim = Aim("its check, to making the file", seconds / making, "at most", GATE)
    more = costs(checks) | {
        "CPU, to making": processor,
        "import of Great Expectations s": median(run["import_seconds"] for run in checks),
    }
    return Figure(topic_of(made.name, rows), "its check", seconds, rows, seconds / making, "the file", (aim,), more)
