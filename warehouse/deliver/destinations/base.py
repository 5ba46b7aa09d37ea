"""What every destination can do, and how it fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import BinaryIO, Protocol, TypeVar

from warehouse.core.errors import DestinationFull, DestinationRefused
from warehouse.deliver.files import FileFacts

LARGEST_MANIFEST = 16 << 20
"""Of a file that is read whole, in bytes."""

_Result = TypeVar("_Result")


class Destination(Protocol):
    """A place for files. Names are relative to it, with slashes.

    Every method may raise DestinationRefused or DestinationFull; failures that pass by themselves are tried again
    first, a bounded number of times.

    Attributes:
        where: the place in words, without any password.
        has_partials: whether an upload that was killed can leave a file of its partial name behind.
    """

    where: str
    has_partials: bool

    def create(self, facts: FileFacts, partial: str, source: BinaryIO, *, replace: bool) -> bool:
        """Put a file there under its name, whole or not at all.

        Args:
            facts: the file's name, size and checksums.
            partial: what it may be called until it is whole.
            source: its content, at the start and seekable.
            replace: whether a file of that name, left by an attempt that never delivered, gives way.

        Returns:
            False when a file of that name is there and was left alone.
        """

    def matches(self, facts: FileFacts) -> bool | None:
        """Whether the file there is the one described, found by reading it back; None when there is none."""

    def read(self, name: str) -> bytes | None:
        """A small file; None when it is not there."""

    def remove(self, name: str) -> None:
        """Remove a file of ours; no matter if it is not there."""

    def close(self) -> None:
        """Let go of connections."""


def refused(where: str, reason: str, hint: str) -> DestinationRefused:
    """The destination says no, or says nothing."""
    return DestinationRefused(
        f"The destination {where} refuses: {reason}.",
        meaning="The delivery is not complete: without its manifest nothing there counts. The next run carries on.",
        next_command=f"{hint}, then run `warehouse deliver`.",
    )


def full(where: str, reason: str) -> DestinationFull:
    """The destination has no room, or no capacity."""
    return DestinationFull(
        f"The destination {where} is full: {reason}.",
        meaning="The delivery is not complete: without its manifest nothing there counts. The next run carries on.",
        next_command="Ask its owner to make room, then run `warehouse deliver`.",
    )


def with_retries(
    action: Callable[[], _Result],
    passes: Callable[[Exception], bool],
    *,
    attempts: int,
    first_wait: float,
) -> _Result:
    """Run an action again while its failures are of a kind that passes.

    Args:
        action: what to do; it starts anew each time.
        passes: whether a failure may pass by itself.
        attempts: how often at most.
        first_wait: seconds before the second attempt, doubled each time.

    Raises:
        Exception: the last failure.
    """
    for attempt in range(1, attempts):
        try:
            return action()
        except Exception as error:
            if not passes(error):
                raise
        time.sleep(first_wait * 2 ** (attempt - 1))
    return action()
