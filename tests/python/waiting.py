"""Waiting for what has to come about: how long it takes is the machine's affair, and no test fails for it."""

from __future__ import annotations

import time
from collections.abc import Callable

GIVE_UP_SECONDS = 600
"""Only so that a test that waits for ever is told from one that is slow."""


def until(what: str, holds: Callable[[], object], pause: float = 0.05) -> None:
    """Wait until something holds.

    Args:
        what: has to come about, for the message of a failure.
        pause: between two looks, in seconds.
    """
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"did not come about: {what}"
        time.sleep(pause)
