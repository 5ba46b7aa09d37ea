"""`make bench`: every measurement in one run, on clusters of its own that are thrown away afterwards."""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path

from bench import (
    apply,
    build,
    change_files,
    delay,
    erase,
    export,
    first_copy,
    gap,
    history,
    json_keys,
    reconcile,
    repair,
    wide_export,
    world,
)
from bench.measure import Figure, keep, show
from bench.peers import debezium, dlt, frames
from warehouse.cli.output import TerminalProgress, out
from warehouse.core.databases import Databases
from warehouse.core.settings import PROJECT, Settings

TOPICS = {
    "world": world.making,
    "copy": first_copy.first_copy,
    "json_keys": json_keys.cost_of_a_rule,
    "as_at": history.as_at,
    "build": build.build_time,
    "erase": erase.look_for_one,
    "export": export.export_speed,
    "wide_export": wide_export.wide_export,
    "changes": change_files.change_files,
    "apply": apply.apply_rate,
    "delay": delay.delay,
    "reconcile": reconcile.reconcile_rate,
    "repair": repair.repair_ratios,
    "gap": gap.gap_detection,
}
"""In this order, because each stands on what the ones before have made, and the changes and the damage come last."""

PEERS = {"copy": dlt.one_table, "apply": debezium.captured, "wide_export": frames.wide_exports}
"""What `--peers` adds to a topic: programs that have to be installed first."""

NEEDED = ("world", "copy")
"""Without them nothing else can be measured."""

ALONE = {"wide_export"}
"""But for what makes its own rows."""


def shared_buffers_mb() -> int:
    """For each of the two servers: together they take the quarter of the memory that PostgreSQL's manual advises."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 8 // 2**20


def main() -> None:
    """Measure, print the tables, keep the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--people", type=int, default=200_000, help="size of the world (200,000)")
    parser.add_argument("--until", choices=TOPICS, default=list(TOPICS)[-1], help="the last topic to measure")
    parser.add_argument("--only", default="", metavar="TOPIC[,TOPIC]", help=f"of {', '.join(TOPICS)}")
    parser.add_argument("--peers", action="store_true", help="other programs, too, installed for the occasion")
    parser.add_argument("--keep", action="store_true", help="leave the clusters for a look")
    arguments = parser.parse_args()
    only = [name for name in arguments.only.split(",") if name]
    if unknown := [name for name in only if name not in TOPICS]:
        parser.error(f"no such topic: {', '.join(unknown)}; there are {', '.join(TOPICS)}")
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
        cluster_settings={"shared_buffers": f"'{shared_buffers_mb()}MB'"},
    )
    progress, figures = TerminalProgress(), list[Figure]()
    try:
        databases.start()
        for name, measure in TOPICS.items():
            if not only or name in only or (name in NEEDED and set(only) - ALONE):
                with progress.stage(name):
                    measured = measure(databases, progress)
                if arguments.peers and name in PEERS:
                    with progress.stage(f"peers of {name}"):
                        measured += PEERS[name](databases, progress, measured)
                figures += measured
                for topic in dict.fromkeys(figure.topic for figure in measured):
                    show(figures, topic)
            if name == arguments.until or (only and not set(only) - set(list(TOPICS)[: list(TOPICS).index(name) + 1])):
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
