"""`make bench`: every measurement in one run, on clusters of its own that are thrown away afterwards."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from bench import build, export, replication, world
from bench.measure import Figure, keep, show
from warehouse.cli.output import TerminalProgress, out
from warehouse.core.databases import Databases
from warehouse.core.settings import PROJECT, Settings

TOPICS = {
    "world": world.making,
    "copy": replication.first_copy,
    "apply": replication.apply_rate,
    "build": build.build_time,
    "export": export.export_speed,
}
"""In this order, because each stands on what the one before has made."""


def main() -> None:
    """Measure, print the tables, keep the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--people", type=int, default=200_000, help="size of the world (200,000)")
    parser.add_argument("--until", choices=TOPICS, default="export", help="the last topic to measure")
    parser.add_argument("--keep", action="store_true", help="leave the clusters for a look")
    arguments = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="trw-bench-"))
    home.chmod(0o755)
    databases = Databases(
        Settings(
            warehouse_database_url=None,
            trs_database_url=None,
            warehouse_home=home,
            warehouse_deliveries=home / "deliveries",
            warehouse_sandbox_people=arguments.people,
        ),
        cluster_settings={"shared_buffers": "'1GB'"},
    )
    progress, figures = TerminalProgress(), list[Figure]()
    try:
        databases.start()
        for name, measure in TOPICS.items():
            with progress.stage(name):
                measured = measure(databases, progress)
            figures += measured
            for topic in dict.fromkeys(figure.topic for figure in measured):
                show(figures, topic)
            if name == arguments.until:
                break
        keep(figures, arguments.people, PROJECT / "bench" / "results")
    finally:
        databases.stop()
        if arguments.keep:
            out.print(f"Left: {home}")
        else:
            shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
