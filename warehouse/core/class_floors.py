"""No class of a column falls unnoticed: below what it was, or below the synchronisation that D&I has now.

Three files of replication/, none of which needs git or a database:

    classes.csv       the highest class that each column ever had; `warehouse replicate classes --record` keeps it
    present_sync.csv  how the present synchronisation tags a column: the warehouse never classifies it lower
    lowered.csv       what may be lower all the same: which column, from what to what, because of what, who, until when

A column is one of a replicated table, or a term of the field dictionary (`field_dictionary`), by which marts, extracts
and contracts are classified.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from warehouse.core import fast_yaml
from warehouse.core.classes import REPLICATED
from warehouse.core.errors import ClassificationError
from warehouse.core.settings import near
from warehouse.core.terms import FOLDER as DICTIONARY
from warehouse.core.terms import load_terms

FOLDER: Final = REPLICATED.parent
TERMS: Final = "field_dictionary"

QUASI: Final = "quasi-identifier"
CLASSES: Final = ("open", "personal", "sensitive", "secret")
_LONDON: Final = ZoneInfo("Europe/London")
_TAGS: Final = {"hidden": "personal", "sensitive_hidden": "sensitive"}
_RECORD: Final = "`warehouse replicate classes --record`"

Column = tuple[str, str]
"""A table, a model or TERMS, and a column of it."""


@dataclass(frozen=True)
class Lowered:
    """A row of lowered.csv: a person decided that a class may be lower than it would have to be.

    Attributes:
        of: a table, TERMS, or a model (what its column is made of is of a higher class; see the check of lineage).
        before, after: the class, with " quasi-identifier" behind it where the mark belongs to it.
        who: a role, not a person's name.
        until: the last day on which it holds; None where it holds until somebody takes the row out.
    """

    of: str
    column: str
    before: str
    after: str
    because: str
    who: str
    decided_on: date
    until: date | None


@dataclass(frozen=True)
class Fall:
    """A class that is lower than it may be."""

    of: str
    column: str
    now: str
    floor: str
    why: str

    def __str__(self) -> str:
        return f"{self.of}.{self.column} is {self.now}, and {self.why} {self.floor}"


def is_lower(now: str, floor: str) -> bool:
    """Whether a class is below another one, or lacks its mark."""
    (here, *mark), (there, *wanted) = now.split(), floor.split()
    return CLASSES.index(here) < CLASSES.index(there) or (bool(wanted) and not mark and here != "secret")


def highest(one: str, other: str) -> str:
    """The higher of two classes, with the mark if either has it."""
    stricter = max(one.split(maxsplit=1)[0], other.split(maxsplit=1)[0], key=CLASSES.index)
    return f"{stricter} {QUASI}" if QUASI in one.split() + other.split() else stricter


def reasons(folder: Path = FOLDER) -> list[Lowered]:
    """Every row of lowered.csv.

    Raises:
        ClassificationError: a row is not whole; names the line.
    """
    names = [field.name for field in fields(Lowered)]
    return [_reason(folder / "lowered.csv", line, row) for line, row in _rows(folder / "lowered.csv", names)]


def allowed(of: str, column: str, before: str, after: str, given: list[Lowered], today: date) -> bool:
    """Whether a row allows a class to be lower by so much, or by less, today."""
    return any(
        (one.of, one.column, one.after) == (of, column, after)
        and not is_lower(one.before, before)
        and (one.until is None or today <= one.until)
        for one in given
    )


def classes(file: Path = REPLICATED, dictionary: Path = DICTIONARY) -> dict[Column, str]:
    """The class of every column of replication/trs.yml, replicated or not, and of every term.

    Raises:
        ClassificationError, TermsError: a class is none.
    """
    found: dict[Column, str] = {}
    for table, entry in fast_yaml.safe_load(file.read_text(encoding="utf-8"))["tables"].items():
        for column, line in entry["columns"].items():
            given = line if isinstance(line, dict) else {"class": line}
            marked = _marked(str(given.get("class")), bool(given.get("quasi_identifier")))
            found[table, column] = _class(file, f"{table}.{column}", marked)
    for name, term in load_terms(dictionary).items():
        found[TERMS, name] = _marked(term.classification, term.quasi_identifier)
    return found


def recorded(folder: Path = FOLDER) -> dict[Column, str]:
    """What classes.csv has.

    Raises:
        ClassificationError: it is not there, or a row of it is wrong.
    """
    rows = _rows(folder / "classes.csv", ["of", "column", "class"])
    return {
        (row["of"], row["column"]): _class(folder / "classes.csv", f"line {line}", row["class"]) for line, row in rows
    }


def falls(now: Mapping[Column, str], today: date, folder: Path = FOLDER) -> list[Fall]:
    """Every class that is lower than it may be, and that no row of lowered.csv allows.

    Args:
        now: as `classes` gives them.

    Raises:
        ClassificationError: one of the three files is not there or not sound.
    """
    given, found = reasons(folder), []
    floors = [("it was", recorded(folder)), ("the present synchronisation has it as", _present_sync(folder))]
    for why, floor in floors:
        for (of, column), least in floor.items():
            is_now = now.get((of, column))
            if is_now and is_lower(is_now, least) and not allowed(of, column, least, is_now, given, today):
                found.append(Fall(of, column, is_now, least, why))
    return found


def unrecorded(now: Mapping[Column, str], folder: Path = FOLDER) -> list[Column]:
    """The columns that are new, or higher than classes.csv has them."""
    before = recorded(folder)
    return [one for one, is_now in now.items() if highest(is_now, before.get(one, "open")) != before.get(one)]


def check(today: date | None = None, folder: Path = FOLDER) -> int:
    """Refuse to work with a class that fell.

    Args:
        today: the day by which reasons end; None for today in London.

    Returns:
        How many columns were compared.

    Raises:
        ClassificationError: one fell, or one of the three files is not sound.
    """
    now = classes()
    if found := falls(now, today or datetime.now(_LONDON).date(), folder):
        shown = "; ".join(map(str, found[:5])) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
        raise ClassificationError(
            f"{len(found)} columns are classified lower than they may be: {shown}.",
            meaning="Nothing was replicated, built or sent: who may read a column follows from its class.",
            next_command="Give it its class back; or, if that was decided, add a row to replication/lowered.csv: the "
            "column, from what to what, because of what, who, on what day and until when. Then run again.",
        )
    return len(now)


def record(folder: Path = FOLDER) -> list[Column]:
    """Write the classes of today into classes.csv, where they are new or higher. A recorded class never falls.

    Returns:
        The columns that were written.
    """
    path, now = folder / "classes.csv", classes()
    before = recorded(folder) if path.exists() else {}
    after = before | {one: highest(is_now, before.get(one, "open")) for one, is_now in now.items()}
    aside = path.with_name(f".{path.name}.new")
    with aside.open("w", encoding="utf-8", newline="") as handle:
        handle.write(f"# The highest class that each column ever had. {_RECORD} writes it; never take a row out.\n")
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["of", "column", "class"])
        writer.writerows([*one, after[one]] for one in sorted(after))
    aside.replace(path)
    return [one for one in sorted(after) if after[one] != before.get(one)]


def _marked(classification: str, quasi: bool) -> str:
    return f"{classification} {QUASI}" if quasi else classification


def _present_sync(folder: Path) -> dict[Column, str]:
    path, found = folder / "present_sync.csv", {}
    for line, row in _rows(path, ["table", "column", "tag"]):
        if row["tag"] not in _TAGS:
            raise _wrong(path, f"line {line}: the tag `{row['tag']}` is none of {', '.join(_TAGS)}")
        found[row["table"], row["column"]] = _TAGS[row["tag"]]
    return found


def _rows(path: Path, names: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV file with their lines; lines that begin with # are notes."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise _wrong(path, f"it cannot be read ({error.strerror})") from None
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    if not numbered or next(csv.reader([numbered[0][1]])) != names:
        raise _wrong(path, f"its first line is not {','.join(names)}")
    for number, line in numbered[1:]:
        values = next(csv.reader([line]))
        if len(values) != len(names):
            raise _wrong(path, f"line {number} has {len(values)} values, not {len(names)}")
        yield number, dict(zip(names, values, strict=True))


def _reason(path: Path, line: int, row: dict[str, str]) -> Lowered:
    for name in ("of", "column", "because", "who"):
        if not row[name].strip():
            raise _wrong(path, f"line {line}: `{name}` is empty")
    try:
        decided_on = date.fromisoformat(row["decided_on"])
        until = date.fromisoformat(row["until"]) if row["until"] else None
    except ValueError:
        raise _wrong(path, f"line {line}: a day is not written as 2026-11-28") from None
    before, after = (_class(path, f"line {line}", row[name]) for name in ("before", "after"))
    return Lowered(row["of"], row["column"], before, after, row["because"], row["who"], decided_on, until)


def _class(path: Path, place: str, given: str) -> str:
    classification, *mark = given.split() or [""]
    if classification not in CLASSES or mark not in ([], [QUASI]):
        raise _wrong(path, f"{place}: `{given}` is no class")
    return given


def _wrong(path: Path, what: str) -> ClassificationError:
    return ClassificationError(
        f"{near(path)}: {what}.",
        meaning="It is not certain that no class fell. Nothing was replicated, built or sent.",
        next_command=f"Correct {near(path)}; where classes.csv is lost, {_RECORD} writes a new one.",
    )
