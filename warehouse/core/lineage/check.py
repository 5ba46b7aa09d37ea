"""No column is classified lower than what it is made of: the classes of a project's columns against its lineage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from warehouse.core import class_floors, fast_yaml
from warehouse.core.classes import Classes
from warehouse.core.contracts import Contract
from warehouse.core.errors import ClassTooLow
from warehouse.core.lineage.flows import Flow, Kind, Origin
from warehouse.core.lineage.project import VERSION_COLUMNS, Column, Lineage, Related
from warehouse.core.settings import near

RELEASES: Final = Path(__file__).with_name("releases.yml")
LEVELS: Final = ("open", "personal", "sensitive")
_HIGHEST: Final = len(LEVELS) - 1

_KINDS: Final = {
    Kind.VALUE: "",
    Kind.LOOKED_UP: ", by a look-up",
    Kind.LISTED: ", by a look-up",
    Kind.ROWS: ", by a condition",
    Kind.JOINED: ", by a join",
}


@dataclass(frozen=True)
class Step:
    """A column on the way from what leaves to where it comes from.

    Attributes:
        what: the column.
        classification: that it has, or passes on.
        how: in what way the one before is made of it.
    """

    what: str
    classification: str
    how: str = ""

    def __str__(self) -> str:
        return f"{self.what} ({self.classification}{self.how})"


@dataclass(frozen=True)
class TooLow:
    """A column that is classified lower than what it is made of.

    Attributes:
        path: from the column to the column of a source or a seed.
    """

    path: tuple[Step, ...]

    def __str__(self) -> str:
        return " ← ".join(map(str, self.path))


def releases(path: Path = RELEASES) -> dict[str, str]:
    """The class that each release leaves, by its name."""
    return {name: entry["class"] for name, entry in fast_yaml.safe_load(path.read_text(encoding="utf-8")).items()}


BY_LINEAGE: Final = "legacy"
"""The schema of the old names: columns of its views have no terms, and each has the class of what it is made of."""

Allowed = Callable[[str, str, str, str], bool]
"""Whether a column may be classified lower than what it is made of: model, column, from which class, to which."""


def by_reason(today: date) -> Allowed:
    """What the rows of replication/lowered.csv allow on a day.

    Raises:
        ClassificationError: the file is not sound.
    """
    given = class_floors.reasons()
    return lambda model, column, before, after: class_floors.allowed(model, column, before, after, given, today)


class Judge:
    """What class each column has at least, because of what it is made of.

    Attributes:
        found: the columns of models that are classified lower than that, and may not be.
    """

    def __init__(self, lineage: Lineage, classes: Classes, allowed: Allowed) -> None:
        self._replicated = classes.replicated_columns
        self._classes, self._allowed = classes, allowed
        self._releases = releases()
        self._level: dict[Origin, int] = {}
        self._made_of: dict[Origin, Flow | None] = {}
        self.found: list[TooLow] = []
        for relation in lineage.relations:
            for name, column in relation.columns.items():
                self._judge(relation, name, column)

    def least(self, origin: Origin) -> str:
        """The class that a column has at least."""
        return LEVELS[self._level.get(origin, _HIGHEST)]

    def path(self, origin: Origin, how: str = "") -> tuple[Step, ...]:
        """From a column to the column of a source or a seed that gives it its class.

        Args:
            how: in what way the one before is made of it.
        """
        steps: list[Step] = []
        at = origin
        while True:
            steps.append(Step(str(at), self.least(at), how))
            flow = self._made_of.get(at)
            if flow is None:
                return tuple(steps)
            how, at = _KINDS[flow.kind], flow.origin

    def _judge(self, relation: Related, name: str, column: Column) -> None:
        here = Origin(relation.place, name)
        if relation.kind != "model":
            self._level[here] = LEVELS.index(self._of_source(relation, name, column))
            self._made_of[here] = None
            return
        worst = max(sorted(column.flows), key=self._passes_on, default=None)
        least = self._passes_on(worst) if worst else 0
        has_terms = not relation.place.startswith(f"{BY_LINEAGE}.")
        stated = self._classes.stated(relation.name, name, column.terms) if has_terms else None
        level = least if stated not in LEVELS else LEVELS.index(stated)
        if level < least and not self._allowed(relation.name, name, LEVELS[least], LEVELS[level]):
            assert worst is not None
            beyond = self.path(worst.origin, _KINDS[worst.kind])
            self.found.append(TooLow((Step(str(here), LEVELS[level]), *beyond)))
            level = least
        self._level[here], self._made_of[here] = level, worst if level == least else None

    def _of_source(self, relation: Related, name: str, column: Column) -> str:
        """What no file states is sensitive."""
        if column.stated is not None:
            return column.stated if column.stated in LEVELS else LEVELS[-1]
        if relation.kind == "source" and relation.place.startswith("trs"):
            own = self._replicated.get(relation.name, {})
            if name in own:
                return own[name] if own[name] in LEVELS else LEVELS[-1]
            if name in VERSION_COLUMNS:
                return LEVELS[0]
        return LEVELS[-1]

    def _passes_on(self, flow: Flow) -> int:
        """The class that a flow brings.

        A value brings its own. What decides which rows there are brings only what is sensitive. A look-up brings the
        higher class to the side of the lower: a code becomes as telling as the attribute that it is compared with,
        while an identifier that joins two tables of one person says nothing that either did not say. To rows that are
        all kept, a look-up brings its class only if they are a list of codes, open by themselves.
        """
        level = self._level.get(flow.origin, _HIGHEST)
        if flow.through:
            level = min(level, LEVELS.index(self._releases.get(flow.through, LEVELS[-1])))
        if flow.kind in (Kind.ROWS, Kind.JOINED):
            return level if level == _HIGHEST else 0
        if flow.kind in (Kind.LOOKED_UP, Kind.LISTED):
            other = max((self._level.get(origin, _HIGHEST) for origin in flow.against), default=-1)
            return level if level > other and (flow.kind is Kind.LOOKED_UP or other <= 0) else 0
        return level


def check(lineage: Lineage, classes: Classes, allowed: Allowed, contracts: Iterable[Contract] = ()) -> Judge:
    """See that no column of a contract or a model is classified lower than what it is made of.

    Raises:
        ClassTooLow: names the columns with the paths, or the models that could not be read.
    """
    refuse_unread(lineage)
    judge = Judge(lineage, classes, allowed)
    _refuse([*_leaving(judge, contracts), *judge.found])
    return judge


def check_contract(judge: Judge, contract: Contract) -> None:
    """See that no column of a contract is classified lower than what it is made of, once the models were judged.

    Raises:
        ClassTooLow: names the columns with the paths.
    """
    _refuse(list(_leaving(judge, [contract])))


def _leaving(judge: Judge, contracts: Iterable[Contract]) -> Iterator[TooLow]:
    for contract in (table for whole in contracts for table in whole.tables):
        for column in contract.columns:
            origin = Origin(f"extracts.{contract.model}", column.name)
            least = LEVELS.index(judge.least(origin))
            if column.pseudonym:
                least = min(least, LEVELS.index(releases()["keyed_pseudonym"]))
            if LEVELS.index(column.classification) < least:
                leaves = Step(f"{near(contract.path)} {column.name}", column.classification)
                yield TooLow((leaves, *judge.path(origin)))


def refuse_unread(lineage: Lineage) -> None:
    """Refuse a project with a model whose SQL is not understood: what it shows is not known."""
    if lineage.unread:
        named = "; ".join(f"{place}: {why}" for place, why in list(lineage.unread.items())[:3])
        raise ClassTooLow(
            f"It is not known what the columns of {len(lineage.unread)} models are made of ({named}).",
            meaning="Sensitive values could leave under another name. Nothing was published and nothing was sent.",
            next_command="Write the model with ref and source, plain joins and functions that "
            "warehouse/core/lineage/query.py knows, then run again.",
        )


def _refuse(found: Sequence[TooLow]) -> None:
    if found:
        more = (
            f" And {len(found) - 1} more: {', '.join(one.path[0].what for one in found[1:9])}."
            if len(found) > 1
            else ""
        )
        raise ClassTooLow(
            f"A column is classified lower than what it is made of: {found[0]}.{more}",
            meaning="Whoever may see its class would see values that they may not. Nothing was published and nothing "
            "was sent.",
            next_command="Raise its class in the field dictionary (models/field_dictionary/) and in the contract, or "
            "pass it through a macro of warehouse/core/lineage/releases.yml; or, if that was decided, add a row to "
            "replication/lowered.csv. Then run again.",
        )
