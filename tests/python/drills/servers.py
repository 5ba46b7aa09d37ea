"""How servers are hurt: only ever the processes of one cluster that the caller owns."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg

from warehouse.core.postgres import Cluster


def kill_cluster(cluster: Cluster) -> None:
    """kill -9 of a postmaster and all of its children, as when the machine loses its power or its memory."""
    postmaster = cluster.server_pid()
    assert postmaster is not None, "it does not run"
    # Stopped first: otherwise it would start new children while the old ones go.
    os.kill(postmaster, signal.SIGSTOP)
    children = _children(postmaster)
    os.kill(postmaster, signal.SIGKILL)
    for child in children:
        kill(child)


def kill(pid: int) -> None:
    """kill -9 of one process; it may have ended by itself."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def stop(cluster: Cluster, mode: str) -> None:
    """Stop a server as its administrator would: `fast` or `immediate`."""
    done = cluster._pg_ctl("stop", "-m", mode, "-w", "-t", "60")
    assert done.returncode == 0, done.stdout


def apply_worker(warehouse: psycopg.Connection, name: str) -> int | None:
    """The process that applies a subscription's changes, if it runs."""
    row = warehouse.execute(
        "select pid from pg_stat_subscription where subname = %s and worker_type = 'apply'", (name,)
    ).fetchone()
    return row[0] if row else None


def _children(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # After the command in brackets, which may hold anything: the state and the parent.
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == parent:
                found.append(int(entry.name))
    return found
