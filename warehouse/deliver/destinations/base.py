"""What every destination can do, and how it fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Protocol, TypeVar

from warehouse.core.errors import DestinationFull, DestinationRefused
from warehouse.deliver.files import FileFacts

LARGEST_MANIFEST = 16 << 20
"""Of a file that is read whole, in bytes."""

_Result = TypeVar("_Result")

MAKING, WRITING, NAMING, READING, REMOVING = (
    "making the folder of",
    "writing",
    "giving its name to",
    "reading",
    "removing",
)
"""What can be denied. Absence is never one of them: a place that says "not found" and one that says "denied" differ."""


def _no_word(begins: bool) -> None:
    del begins


@dataclass(frozen=True)
class How:
    """How a file is put there.

    Attributes:
        replace: whether a file of that name, left by an attempt that never delivered, gives way.
        read_first: whether it is read back under its partial name, because it may be taken as soon as it has its own.
        naming: called with True when it is whole and about to get its name, where these are two steps; with False when
            the place said no. Without that it may have it, also after a crash.
    """

    replace: bool = False
    read_first: bool = False
    naming: Callable[[bool], None] = _no_word


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

    def create(self, facts: FileFacts, partial: str, source: BinaryIO, how: How) -> bool:
        """Put a file there under its name, whole or not at all.

        Args:
            facts: the file's name, size and checksums.
            partial: what it may be called until it is whole.
            source: its content, at the start and seekable.

        Returns:
            False when a file of that name is there and was left alone. True when the place confirmed the file, even
            if it has gone from there since.
        """

    def matches(self, facts: FileFacts) -> bool | None:
        """Whether the file there is the one described, found by reading it back; None when there is none.

        Raises:
            DestinationRefused: with `denied` where the place does not say.
        """

    def read(self, name: str) -> bytes | None:
        """A small file; None when it is not there."""

    def remove(self, name: str) -> None:
        """Remove a file of ours; no matter if it is not there."""

    def close(self) -> None:
        """Let go of connections."""


def denied(where: str, doing: str, name: str, hint: str = "") -> DestinationRefused:
    """The destination does not allow one thing, and says so; another thing may be allowed."""
    rights = {
        MAKING: "make folders there",
        WRITING: "write files there",
        NAMING: "rename files there",
        READING: "read files there; if it may only be written to by agreement, set `confirmation: writeOnly` in the "
        "contract",
        REMOVING: "remove files there",
    }
    error = refused(
        where,
        f"{doing} {name} is denied{f' ({hint})' if hint else ''}",
        f"Ask its owner for the right to {rights[doing]}",
    )
    error.denied = doing
    return error


def refused(where: str, reason: str, hint: str) -> DestinationRefused:
    """The destination says no, or says nothing."""
    return DestinationRefused(
        f"The destination {where} refuses: {reason}.",
        meaning="The delivery is not complete: without its manifest nothing there counts. The next run carries on.",
        next_command=f"{hint}, then run `warehouse deliver`.",
    )


def conflict(destination: Destination, name: str, what: str) -> DestinationRefused:
    """Something of a delivery's name is there that this warehouse will not touch."""
    return DestinationRefused(
        f"At the destination {destination.where} there is {name} already, {what}.",
        meaning="A delivered file is never overwritten, so nothing was sent and nothing there was changed.",
        next_command="Find out with the recipient who wrote it. If it is to go, have it removed there, then run "
        "`warehouse deliver`.",
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
