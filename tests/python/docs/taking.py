"""What a step of docs/how-to.md is, and the ways to take one in a copy of the project."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.python.docs.growing import Growing

Do = Callable[[Growing], None]


@dataclass(frozen=True)
class Step:
    """A step of a list.

    Attributes:
        do: takes it, in the copy.
        check: the test that fails without it, or the command.
        instead: what somebody does who forgets the rest of it.
        starts: the later steps rest on it, and are not taken without it.
    """

    do: Do
    check: str
    instead: Do | None = None
    starts: bool = False


def insert(name: str, before: str, text: str) -> Do:
    return lambda copy: copy.insert(name, before, text)


def write(name: str, text: str) -> Do:
    return lambda copy: copy.write(name, text)


def both(*steps: Do) -> Do:
    def do(copy: Growing) -> None:
        for step in steps:
            step(copy)

    return do


def make_docs(copy: Growing) -> None:
    """What it says when it refuses is for `failed` to find."""
    copy.make_docs()


DOCS = Step(make_docs, "test_a_reference_page_is_current")
