"""Ctrl-C and a scheduler's SIGTERM, both of which end a command in order.

Python raises KeyboardInterrupt wherever it happens to be, and some libraries swallow what is raised inside their
callbacks. So the request is remembered, too, and looked at wherever a command goes on to its next step.
"""

from __future__ import annotations

import logging
import signal
from types import FrameType

_requested = False
_UNHEARD = logging.NullHandler()


def install() -> None:
    """Answer both signals from now on."""
    # What it says of a transaction that Ctrl-C cut off says nothing to a person.
    logging.getLogger("psycopg").addHandler(_UNHEARD)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _remember_and_raise)


def _remember_and_raise(number: int, frame: FrameType | None) -> None:
    del number, frame
    global _requested  # noqa: PLW0603 - a signal is the process's own
    _requested = True
    raise KeyboardInterrupt


def was_requested() -> bool:
    """Whether somebody asked for the end, whatever became of the exception."""
    return _requested


def check() -> None:
    """Stop here if somebody asked for it and the exception was lost.

    Raises:
        KeyboardInterrupt: as Python would have done.
    """
    if _requested:
        raise KeyboardInterrupt
