"""A run that is killed at a step, as by a power cut; in a process of its own."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from warehouse.core.contracts import Contract
from warehouse.core.errors import WarehouseError
from warehouse.core.progress import Progress, Silent
from warehouse.core.settings import Settings
from warehouse.deliver import World, deliver, redo
from warehouse.deliver.destinations import azure_blob, cloud_storage, sftp  # noqa: F401 - once, before the fork
from warehouse.deliver.files import FileFacts


def no_check(contract: Contract, files: Sequence[tuple[Path, FileFacts]], progress: Progress) -> None:
    """In place of the gate, whose library takes seconds to import."""


def run(given: dict[str, Any]) -> None:
    """Deliver, and kill this process when it comes to a step for the nth time."""
    left = given["times"]
    if "die_after" in given:
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        signal.setitimer(signal.ITIMER_REAL, max(given["die_after"], 1e-3))

    def hook(step: str) -> None:
        nonlocal left
        if step == given["step"]:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        if step == "checked" and "largest_file" in given:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (given["largest_file"], given["largest_file"]))

    try:
        today = date.fromisoformat(given["today"])
        settings = Settings(_env_file=None, **given["settings"])
        world = World(given["conninfo"], settings, today, today, exports=Path(given["exports"]))
        if given.get("redo"):
            redo(world, Silent(), given["redo"], "the file was lost", check=no_check, hook=hook)
        else:
            deliver(world, Silent(), check=no_check, hook=hook)
    except WarehouseError as error:
        sys.exit(error.exit_code)
