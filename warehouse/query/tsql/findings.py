"""What a translation has to say: what it changed, what is not as in SQL Server, and what it cannot translate."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from sqlglot import exp


class Fault(Enum):
    """Why a query is not translated."""

    reading = "it is not one statement that reads"
    counterpart = "a part of it has no counterpart"
    gone = "a name of it is gone"
    code = "a code of it is not kept apart"
    shared = "a name of it means several columns"


@dataclass(frozen=True, order=True)
class Place:
    """A place in the text of the query; both numbers begin with 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"

    @classmethod
    def at(cls, text: str, offset: int) -> Place:
        """The place of a character."""
        before = text[:offset]
        return cls(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


@dataclass(frozen=True)
class Remark:
    """Something that was changed, or that is not as in SQL Server, with every place of it."""

    what: str
    places: tuple[Place, ...]

    def __str__(self) -> str:
        return f"{self.what} ({'; '.join(map(str, self.places))})" if self.places else self.what


@dataclass(frozen=True)
class Problem:
    """Something that cannot be translated.

    Attributes:
        what: a sentence.
        instead: what to use, a sentence.
    """

    fault: Fault
    what: str
    instead: str
    place: Place | None

    def __str__(self) -> str:
        return f"{self.place}: {self.what}" if self.place else self.what


class CannotTranslate(Exception):
    """The query cannot be translated; says every reason, in the order of the text."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


class Refused(Exception):
    """A part of a query has no counterpart; raised where its place is not known."""

    def __init__(self, what: str, instead: str, fault: Fault = Fault.counterpart) -> None:
        super().__init__(what)
        self.what = what
        self.instead = instead
        self.fault = fault


_START: Final = "start"
"""Where sqlglot keeps the place of a word."""

_AT_THE_END: Final = Place(1 << 40, 0)


@dataclass
class Report:
    """Collects what there is to say of one query."""

    text: str
    problems: list[Problem] = field(default_factory=list)
    _changes: dict[str, set[Place]] = field(default_factory=dict)
    _caveats: dict[str, set[Place]] = field(default_factory=dict)

    def changed(self, what: str, node: exp.Expr | None = None) -> None:
        """Something that reads differently now and means the same."""
        self._changes.setdefault(what, set()).update(self._places(node))

    def differs(self, what: str, node: exp.Expr | None = None) -> None:
        """Something that does not do all that it did in SQL Server."""
        self._caveats.setdefault(what, set()).update(self._places(node))

    def refuse(self, fault: Fault, what: str, instead: str, node: exp.Expr | None) -> None:
        """Something that cannot be translated."""
        problem = Problem(fault, what, instead, self.place(node))
        if problem not in self.problems:
            self.problems.append(problem)

    def changes(self) -> tuple[Remark, ...]:
        return _remarks(self._changes)

    def caveats(self) -> tuple[Remark, ...]:
        return _remarks(self._caveats)

    def stop_if_refused(self) -> None:
        """Raise when something cannot be translated."""
        if self.problems:
            raise CannotTranslate(sorted(self.problems, key=lambda one: one.place or _AT_THE_END))

    def place(self, node: exp.Expr | None) -> Place | None:
        """Where in the text a part of the query begins; of what has no place, where its surroundings have one."""
        while node is not None:
            if (offset := begin(node)) is not None:
                return Place.at(self.text, offset)
            node = node.parent
        return None

    def _places(self, node: exp.Expr | None) -> set[Place]:
        place = self.place(node)
        return {place} if place else set()


def begin(node: exp.Expr) -> int | None:
    """Where in the text a part of the query begins, as far as it has a place."""
    return min((int(one.meta[_START]) for one in node.walk() if _START in one.meta), default=None)


def stands_for(made: exp.Expr, node: exp.Expr) -> None:
    """What takes the place of a part of the query begins where that did."""
    if (offset := begin(node)) is not None:
        made.meta[_START] = offset


def _remarks(found: dict[str, set[Place]]) -> tuple[Remark, ...]:
    return tuple(Remark(what, tuple(sorted(places))) for what, places in found.items())
