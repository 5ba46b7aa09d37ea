"""What a contract says, once it has been found to be sound."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from warehouse.core.contracts.layout import Layout
from warehouse.core.contracts.life import Grounds, Status
from warehouse.core.contracts.statistics import Statistics
from warehouse.core.contracts.types import ColumnType

if TYPE_CHECKING:
    from warehouse.core.contracts.change_rules import ChangeRules

_COMPARE: Mapping[str, Callable[[float, float], Any]] = {
    "mustBe": operator.eq,
    "mustNotBe": operator.ne,
    "mustBeGreaterThan": operator.gt,
    "mustBeGreaterOrEqualTo": operator.ge,
    "mustBeLessThan": operator.lt,
    "mustBeLessOrEqualTo": operator.le,
}

IDENTIFIER = re.compile(r"^[a-z][a-z0-9_]{0,49}\Z")
"""The name of a recipient, an extract or a column."""

Classification = Literal["open", "personal", "sensitive"]

QUASI_IDENTIFIER = "quasi-identifier"
"""The tag of a column that singles a person out together with other such columns."""


@dataclass(frozen=True)
class Column:
    """A column that leaves, because the contract names it.

    Attributes:
        physical_type: the type as the contract writes it.
        unique: whether no two rows may have one value; true for a primary key of one column.
        constraints: the contract's logicalTypeOptions, such as pattern, maxLength, minimum.
        pseudonym: whether the model's value leaves as a keyed pseudonym.
        heading: what the file calls it, where that is agreed (`physicalName` in the contract); empty for its name.
        quasi_identifier: whether it singles a person out together with other such columns.
    """

    name: str
    type: ColumnType
    physical_type: str
    classification: Classification
    description: str
    required: bool
    unique: bool
    constraints: Mapping[str, Any]
    quasi_identifier: bool = False
    pseudonym: bool = False
    heading: str = ""

    @property
    def in_file(self) -> str:
        """What the file calls it."""
        return self.heading or self.name


class RuleKind(StrEnum):
    """How a rule is evaluated: on the number of rows (alone, or beside the last one), a key, each row's values, the
    key of another table, or how many rows and people stand out."""

    ROW_COUNT = "row count"
    VOLUME = "volume"
    UNIQUE = "unique"
    VALUES = "values"
    REFERENCE = "reference"
    SINGLED_OUT = "singled out"


@dataclass(frozen=True)
class Limit:
    """What a rule's number may be: the rows that break it, or for a row count the rows there are.

    Attributes:
        operator: of the contract standard, such as "mustBeLessOrEqualTo".
        bound: the number, or two for "mustBeBetween".
        percent: whether the bound is in percent of all rows, not in rows.
    """

    operator: str = "mustBe"
    bound: float | tuple[float, float] = 0
    percent: bool = False

    def allows(self, rows: int, of_rows: int) -> bool:
        """Whether a number of rows is within the limit."""
        number = 100 * rows / of_rows if self.percent and of_rows else float(rows)
        if isinstance(self.bound, tuple):
            return self.bound[0] <= number <= self.bound[1]
        return bool(_COMPARE[self.operator](number, self.bound))


@dataclass(frozen=True)
class Rule:
    """A rule for the file.

    Attributes:
        name: as it is reported when broken.
        columns: what it is about; none for a row count.
        expectation: the Great Expectations name of a rule on values, such as "expect_column_values_to_not_be_null".
        arguments: of the expectation, apart from its columns; of a reference the `table` and its `columns`.
        limit: how many rows may break it.
    """

    name: str
    kind: RuleKind
    columns: tuple[str, ...] = ()
    expectation: str = ""
    arguments: Mapping[str, Any] | None = None
    limit: Limit = Limit()


@dataclass(frozen=True)
class FileFormat:
    """How the rows are written.

    Attributes:
        rows_per_file: split into files of at most so many rows; None for one file.
        control_characters: whether a text with a control, bidi or invisible character is refused, or the character
            replaced and counted.
        formula_characters: whether a text of a CSV file that a spreadsheet would run is left, or gets an apostrophe
            before it; it is counted either way.
        layout: of a file of fixed width; None of others.
        is_compressed: of a CSV file, whether it is compressed by gzip.
        file_name: the agreed name, with marks for the period's end and the part; None for the one that follows from the
            delivery.
    """

    kind: Literal["parquet", "csv", "fixed-width"]
    compression_level: int = 3
    rows_per_file: int | None = None
    control_characters: Literal["refuse", "replace"] = "refuse"
    formula_characters: Literal["leave", "prefix"] = "leave"
    layout: Layout | None = None
    file_name: str | None = None
    is_compressed: bool = False

    @property
    def suffix(self) -> str:
        """How the names of the files end, without the first dot."""
        return "txt" if self.layout else "csv.gz" if self.is_compressed else self.kind

    @property
    def media_type(self) -> str:
        if self.layout:
            return f"text/plain; charset={self.layout.encoding}"
        return "text/csv; charset=utf-8; header=present" if self.kind == "csv" else "application/vnd.apache.parquet"


class Proof(StrEnum):
    """What proves that a file arrived, as agreed with the recipient (`confirmation` in the contract)."""

    READ_BACK = "readBack"
    """It is read back under its name; one that is gone is a question for a person."""
    PICK_UP = "pickUp"
    """The recipient takes files as soon as they have their names: it is read back before, and may be gone after."""
    WRITE_ONLY = "writeOnly"
    """Nothing there may be read or listed: that the place confirmed the file is all there is."""


@dataclass(frozen=True)
class PseudonymKey:
    """Which of a recipient's keys its pseudonyms are made with.

    Attributes:
        purpose: pseudonyms of two extracts with one purpose can be joined.
        version: one more each time that the key changes.
    """

    purpose: str
    version: int


@dataclass(frozen=True)
class Changes:
    """How rows are known to be of whom, where a manifest says what changed since the last delivery, and why.

    Attributes:
        person: the column with the person, in each table that has one; the whole key of one of them.
        merged: the table whose key is a record, and which says in whose it was merged.
    """

    person: str
    merged: str


@dataclass(frozen=True)
class Schedule:
    """When a delivery is owed: for each whole calendar month, or for the days since the delivery before.

    Attributes:
        due_day: of the next month, from which a month is owed.
        in_working_days: whether that counts England's working days.
        first_day: with which the first delivery of days begins; None for the last day that is over.
    """

    every: Literal["month", "day"] = "month"
    due_day: int = 1
    in_working_days: bool = False
    first_day: date | None = None


@dataclass(frozen=True)
class Contract:
    """One extract for one recipient.

    Attributes:
        status: whether files are sent under it.
        grounds: who answers for it, and under which agreement it is.
        model: the dbt model, which is a table of the same name in schema `extracts`.
        sort_key: the columns that put the rows in an order of their own, the same every time.
        as_at_column: the column that holds the snapshot's business date in every row, if there is one.
        destinations: the kinds of place it may go to, by their names in warehouse.core.destinations.
        proof: what proves that a file arrived.
        acknowledgement: the file at the destination with which the recipient acknowledges a delivery, with places that
            each delivery fills; None where nothing is agreed.
        retention_months: how long the recipient may keep a file.
        pseudonym_key: that makes the pseudonyms; None where no column is one.
        period_column: with the day by which a row belongs to a period; None where each delivery has every row.
        primary_key: the columns that tell one row of the file from another.
        statistics: the filters and indicators of a table of statistics, and how its counts are kept confidential; None
            of any other extract.
        newest_of: columns; of the rows of a period that have them in common the one of the latest day is delivered.
        sha256: of the contract's file.
        content_sha256: of all that it says but for version, status, agreement and how an arrival is confirmed.
        change_files: which replicated tables leave as change files, which have no model; None of an extract.
        changes: how to tell what changed since the last delivery; None where the manifest does not say it.
        table: of the contract of one file of several, the name of its table; empty otherwise.
        parts: the contract once more as that of each file, where a delivery has several tables or forms. Columns and
            rules are those of all of them then; what else is about rows is that of the first.
    """

    path: Path
    sha256: str
    id: str
    version: str
    status: Status
    grounds: Grounds
    recipient: str
    name: str
    model: str
    description: str
    purpose: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    sort_key: tuple[str, ...]
    as_at_column: str | None
    format: FileFormat
    schedule: Schedule
    destinations: frozenset[str]
    proof: Proof
    retention_months: int
    content_sha256: str = ""
    pseudonym_key: PseudonymKey | None = None
    period_column: str | None = None
    newest_of: tuple[str, ...] = ()
    primary_key: tuple[str, ...] = ()
    acknowledgement: str | None = None
    changes: Changes | None = None
    change_files: ChangeRules | None = None
    table: str = ""
    parts: tuple[Contract, ...] = ()
    statistics: Statistics | None = None

    @property
    def files(self) -> tuple[Contract, ...]:
        """The contract of each file that a delivery has; with `rows_per_file` of each run of files."""
        return self.parts or (self,)

    @property
    def tables(self) -> tuple[Contract, ...]:
        """The contract of each table, which is that of its file in the first form."""
        return tuple(one for one in self.files if one.format.kind == self.format.kind)

    @property
    def models(self) -> list[str]:
        """The dbt model of each table."""
        return [one.model for one in self.tables]

    @property
    def of_what(self) -> str:
        """What it is called in a message, such as tad/vintage, or tad/vintage: people for one file of several."""
        return f"{self.recipient}/{self.name}" + (f": {self.table}" if self.table else "")

    def column(self, name: str) -> Column:
        """A column by its name, which is known to be there."""
        return next(column for column in self.columns if column.name == name)

    @property
    def key(self) -> tuple[str, str]:
        """The recipient and the extract's name."""
        return self.recipient, self.name
