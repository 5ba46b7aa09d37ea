"""The drill of the full disk. test_full_disk.py runs it where the warehouse's cluster has a small disk of its own:

    python -m tests.python.drills.inside_small_disk FOLDER SMALL streaming|first_copy

FOLDER is the home of both clusters and SMALL the folder on the small disk, where the warehouse's will be.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import psycopg

from tests.python.drills.conftest import drill_databases
from tests.python.drills.harness import Drill
from warehouse.core.errors import WarehouseError

SMALL_WAL = {"min_wal_size": "'32MB'", "max_wal_size": "'48MB'"}
LEFT = 3 * 1024 * 1024
"""What is left of the disk, in bytes: enough to begin with, and not for what is to come."""


def fill(folder: Path) -> Path:
    """Take nearly all the room on a folder's disk; returns the file that takes it."""
    ballast = folder / "ballast"
    with ballast.open("wb") as handle:
        for _ in range(max(0, shutil.disk_usage(folder).free - LEFT) // 65536):
            handle.write(bytes(65536))
    return ballast


def must_fail(drill: Drill) -> None:
    """Run the product until the disk is full; what it then says is about that, and never a success."""
    for _ in range(40):
        if drill.writers is not None:
            drill.work(40)
        try:
            drill.databases.start()
            drill.sync()
        except (WarehouseError, psycopg.OperationalError) as error:
            drill._note(error)
            return
    raise AssertionError("the disk never became full")


def main(home: Path, small: Path, when: str) -> None:
    """Run one drill; raises when anything is not as it should be."""
    databases = drill_databases(home, "drill")
    databases.cluster_settings = {**databases.cluster_settings, **SMALL_WAL}
    assert databases.cluster("warehouse").folder.resolve() == small.resolve()
    databases.start()
    try:
        for cluster in databases.embedded():
            databases.cluster(cluster).create_database("drill")
        drill = Drill(databases).prepare()
        if when == "streaming":
            drill.sync()
            drill.begin(pause=0.002)
            drill.work(50)
        else:
            with databases.at_source() as source:
                # Random, so that it takes up as much room here as there.
                source.execute(
                    "insert into events (event_id, event_name, created, inserted, payload, published, person_ids)"
                    " select gen_random_uuid(), 'ChangeNameRequestSupportTaskRejectedEvent', now(), '-infinity',"
                    " jsonb_build_object('RejectionReason', (select"
                    " string_agg(md5(random()::text || n || i), '') from generate_series(1, 150) as i)), false, '{}'"
                    " from generate_series(1, 3000) as n"
                )
        ballast = fill(small)
        must_fail(drill)
        # Still full: nothing gets worse, however often it is tried.
        must_fail(drill)
        ballast.unlink()
        drill.finish()
        print(f"met: {' '.join(drill.met)}")
    finally:
        databases.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
