"""A folder of the outbox for files that are looked at, and not sent.

They hold personal data. Erasure empties the outbox and reaches them; a delivery that runs meanwhile is not disturbed.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warehouse.core.errors import AlreadyRunning
from warehouse.deliver.outbox import APART


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """The one command that has the folder: another one would clear away its files.

    Raises:
        AlreadyRunning: another one has it.
    """
    folder = home / "outbox"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(folder / f"{APART}.lock", os.O_RDWR | os.O_CREAT, 0o600), "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                "Another dry run, or a comparison of two deliveries, is at work.",
                meaning="This command did nothing.",
                next_command="Wait for it to end, then run the same command again.",
            ) from None
        yield
