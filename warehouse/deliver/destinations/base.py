"""What every destination can do, and how it fails."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, TypeVar

from warehouse.core.contracts import Proof
from warehouse.core.errors import DestinationFull, DestinationRefused, WarehouseError
from warehouse.deliver.files import FileFacts

LARGEST_MANIFEST = 16 << 20
"""Of a file that is read whole, in bytes."""

LONGEST_WAIT = 60.0
"""Between two attempts, in seconds, whatever the place asks for: a run that waits holds up every other delivery."""

_Result = TypeVar("_Result")

_NOT_COMPLETE = "The delivery is not complete: without its manifest nothing there counts. The next run carries on."


class Doing(StrEnum):
    """What can be denied. Absence is never one: a place that says "not found" and one that says "denied" differ."""

    MAKING = "making the folder of"
    WRITING = "writing"
    NAMING = "giving its name to"
    READING = "reading"
    REMOVING = "removing"


_RIGHTS = {
    Doing.MAKING: "make folders there",
    Doing.WRITING: "write files there",
    Doing.NAMING: "rename files there",
    Doing.READING: "read files there; if by agreement it may only be written to, set `confirmation: writeOnly` in the "
    "contract",
    Doing.REMOVING: "remove files there",
}


def _no_word(begins: bool) -> None:
    del begins


@dataclass(frozen=True)
class How:
    """How a file is put there.

    Attributes:
        replace: whether a file of that name, left by an attempt that never delivered, gives way.
        proof: what proves that it arrived. What may be taken as soon as it has its name is read back under its partial
            name. Where nobody can look for it afterwards, and there is no partial name, it is never made a second time
            while it is not known whether it was made.
        naming: called with True when it is whole and about to get its name, where these are two steps, or where nobody
            can look; with False when the place said no. Without that it may have it, also after a crash.
        removing: called before the file that gives way is removed, where that is a step of its own.
    """

    replace: bool = False
    proof: Proof = Proof.READ_BACK
    naming: Callable[[bool], None] = _no_word
    removing: Callable[[], None] = lambda: None


class Making:
    """Whether the request that makes a file was sent, and what became of it is not known.

    At places where a file has no name before.

    Attributes:
        is_seen: whether one can look for it afterwards: elsewhere it may be taken, or not be read.
        unanswered: whether the request was sent, and nobody knows what became of it; always False where one can look.
    """

    def __init__(self, how: How) -> None:
        self._how = how
        self.is_seen, self.unanswered = how.proof is Proof.READ_BACK, False

    def note(self, begins: bool) -> None:
        """The request is sent now; or it was refused."""
        if not self.is_seen and begins is not self.unanswered:
            self._how.naming(begins)
            self.unanswered = begins


class Destination(ABC):
    """A place for files. Names are relative to it, with slashes.

    Every method may raise DestinationRefused or DestinationFull; failures that pass by themselves are tried again
    first, a bounded number of times.

    Attributes:
        where: the place in words, without any password.
        has_partials: whether an upload that was killed can leave a file of its partial name behind.
        is_here: whether it is on this machine, so that no recipient sees what is put there.
    """

    has_partials = True

    def __init__(self, where: str, *, is_here: bool) -> None:
        self.where, self.is_here = where, is_here

    @abstractmethod
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

    @abstractmethod
    def matches(self, facts: FileFacts) -> bool | None:
        """Whether the file there is the one described, found by reading it back; None when there is none.

        Raises:
            DestinationRefused: with `denied` where the place does not say.
        """

    @abstractmethod
    def read(self, name: str) -> bytes | None:
        """A small file, of at most LARGEST_MANIFEST bytes; None when it is not there."""

    def fetch(self, name: str, path: Path) -> bool:
        """Read a file of any size into one of this machine; False when it is not there.

        A kind of place that can read in pieces does; this is for one that cannot.
        """
        content = self.read(name)
        if content is None:
            return False
        if len(content) >= LARGEST_MANIFEST:
            raise self.refused(f"{name} is too large to be read back from such a place", "Ask its owner for a copy")
        path.write_bytes(content)
        return True

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove a file of ours; no matter if it is not there."""

    def doubts(self) -> list[str]:
        """What about the place lets others read what is delivered, in words; as far as the place says."""
        return []

    def room(self) -> int | None:
        """How many bytes are free there; None where the place does not say."""
        return None

    @abstractmethod
    def close(self) -> None:
        """Close connections."""

    def denied(self, doing: Doing, name: str, hint: str = "") -> DestinationRefused:
        """The error for a place that does not allow one thing, and says so; another thing may be allowed."""
        because = f" ({hint})" if hint else ""
        error = self.refused(f"{doing} {name} is denied{because}", f"Ask its owner for the right to {_RIGHTS[doing]}")
        error.denied = doing
        return error

    def refused(self, reason: str, hint: str, *, passes: bool = False, wait: float | None = None) -> DestinationRefused:
        """The error for a place that says no, or does not answer.

        Args:
            passes: whether it may be over in a moment, as a broken connection may.
            wait: the seconds after which the place asks to be tried again.
        """
        error = DestinationRefused(
            f"The destination {self.where} refuses: {reason}.",
            meaning=_NOT_COMPLETE,
            next_command=f"{hint}, then run `warehouse deliver`.",
        )
        error.passes, error.wait = passes, wait
        return error

    def full(self, reason: str, *, passes: bool = False, wait: float | None = None) -> DestinationFull:
        """The error for a place that has no room, or no capacity.

        Args:
            passes: whether it may be over in a moment: a service may be busy, a disk stays full.
            wait: the seconds after which the place asks to be tried again.
        """
        error = DestinationFull(
            f"The destination {self.where} is full: {reason}.",
            meaning=_NOT_COMPLETE,
            next_command="Ask its owner to make room, then run `warehouse deliver`.",
        )
        error.passes, error.wait = passes, wait
        return error

    def not_what_was_sent(self, name: str) -> DestinationRefused:
        """The error for a file that was read back before it got its name, and is another."""
        return self.refused(f"what arrived of {name} is not what was sent", "Check its disk and the network")

    def not_known_whether_made(self, name: str) -> DestinationRefused:
        """The error for a file that may have been made and taken, as no answer came; it is not made a second time."""
        return self.refused(f"it does not say whether {name} arrived", "Ask the recipient whether it is there")


def conflict(destination: Destination, name: str, what: str) -> DestinationRefused:
    """Something of a delivery's name is there that this warehouse will not touch."""
    return DestinationRefused(
        f"At the destination {destination.where} there is {name} already, {what}.",
        meaning="A delivered file is never overwritten, so nothing was sent and nothing there was changed.",
        next_command="Find out with the recipient who wrote it. If it is to go, have it removed there, then run "
        "`warehouse deliver`.",
    )


def with_retries(action: Callable[[], _Result], *, attempts: int, first_wait: float) -> _Result:
    """Run an action again while it fails with an error that passes.

    Args:
        action: what to do, from its start each time.
        attempts: how often at most.
        first_wait: seconds before the second attempt, doubled each time.

    Raises:
        WarehouseError: the first that does not pass, or the last.
    """
    for attempt in range(1, attempts):
        try:
            return action()
        except WarehouseError as error:
            if not error.passes:
                raise
            asked = error.wait if isinstance(error, DestinationRefused | DestinationFull) else None
        pause(attempt, first_wait, asked)
    return action()


def pause(failures: int, first_wait: float, asked: float | None) -> None:
    """Wait before the next attempt: longer each time, and at least as long as the place asks for, within reason.

    Args:
        failures: how many attempts failed.
        first_wait: seconds after the first.
        asked: the seconds that the place asked for.
    """
    time.sleep(min(max(first_wait * 2 ** (failures - 1), asked or 0.0), LONGEST_WAIT))
