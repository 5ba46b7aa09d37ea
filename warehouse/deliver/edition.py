"""One delivery: a contract, a period and a revision, with the names that follow from them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from pathlib import Path

from warehouse.core.contracts import Contract
from warehouse.core.contracts.file_names import file_name
from warehouse.core.data_package import NAME
from warehouse.deliver.files import FileFacts
from warehouse.deliver.periods import Days, Month, Period

_LABELS = {
    "month": re.compile(r"^(\d{4}-\d{2})(?:-r(\d+))?$"),
    "day": re.compile(r"^(\d{4}-\d{2}-\d{2}(?:--\d{4}-\d{2}-\d{2})?)(?:-r(\d+))?$"),
}


SERIES = "%Y%m%dT%H%M%SZ"
"""How a series of change sets is called: by the moment at which it began, in UTC."""

_CHANGE_SET = re.compile(r"^(\d{8}T\d{6}Z)-(\d{6})$")


@dataclass(frozen=True)
class Edition:
    """A delivery that is or was owed.

    Attributes:
        revision: 1; a later one replaces the one before it when a person asks for it.
    """

    contract: Contract
    period: Period
    revision: int = 1

    @property
    def period_label(self) -> str:
        """The period in the ledger, such as "2026-09" or "2026-09-30"."""
        return str(self.period)

    @property
    def label(self) -> str:
        """Such as "2026-09" or "2026-09-30", or "2026-09-r2" for its first revision."""
        return self.period_label + (f"-r{self.revision}" if self.revision > 1 else "")

    @property
    def delivery_id(self) -> str:
        """What it is called, such as "dandi/teachers/2026-09"; also its folder below the destination."""
        return f"{self.contract.recipient}/{self.contract.name}/{self.label}"

    @property
    def replaces(self) -> Edition | None:
        """The revision before it."""
        return Edition(self.contract, self.period, self.revision - 1) if self.revision > 1 else None

    @property
    def acknowledgement(self) -> str | None:
        """The file, below the destination, with which the recipient acknowledges it; None where nothing is agreed."""
        name = self.contract.acknowledgement
        return name and name.replace("{delivery}", self.delivery_id).replace("{period}", self.label)

    def file_name(self, part: int) -> str:
        """A data file's name below the destination; parts count from 1 when the contract splits the file.

        A name with a date or time in it has that of the period's end, midnight in London, and counts the revisions, so
        that no two files of a recipient have one name, and each has the same one whenever it is written.
        """
        if self.contract.statistics:  # Explore Education Statistics wants names without a time.
            return f"{self.delivery_id}/{self.contract.table or self.contract.name}.csv"
        if pattern := self.contract.format.file_name:
            end = datetime.combine(self.period.last + timedelta(days=1), time())
            return f"{self.delivery_id}/{file_name(pattern, end, self.revision, part)}"
        number = f"-{part:04d}" if self.contract.format.rows_per_file else ""
        stem = self.contract.table or self.contract.name
        return f"{self.delivery_id}/{stem}-{self.label}{number}.{self.contract.format.suffix}"

    @property
    def files(self) -> tuple[Edition, ...]:
        """The edition once more as that of each file that a delivery has."""
        return tuple(replace(self, contract=one) for one in self.contract.files)

    def of_file(self, base_name: str) -> Contract | None:
        """The contract of one file of the delivery, by its name; None where the contract has no such file."""
        if not self.contract.parts:
            return self.contract
        return next((one.contract for one in self.files if one.base_name == base_name), None)

    @property
    def base_name(self) -> str:
        """The name of its one data file without the folder."""
        return self.file_name(1).rsplit("/", maxsplit=1)[-1]

    def by_file(self, files: Iterable[tuple[Path, FileFacts]]) -> list[tuple[Contract, list[tuple[Path, FileFacts]]]]:
        """Each file's contract with its file, or the files into which its rows are split."""
        listed = [(path, facts) for path, facts in files if not facts.is_metadata]
        return [
            (one, [(path, facts) for path, facts in listed if self.of_file(facts.base_name) is one])
            for one in self.contract.files
        ]

    @property
    def manifest_name(self) -> str:
        """The manifest's name below the destination."""
        return f"{self.delivery_id}/{NAME}"


@dataclass(frozen=True)
class ChangeSet(Edition):
    """A set of change files. Its period is the day on which its series began; what it spans is in its manifest.

    Attributes:
        series: sets that are to be read together, from a complete copy on: when it began, such as 20261129T203153Z.
        number: from 1 on within the series.
    """

    series: str = ""
    number: int = 1

    @classmethod
    def of(cls, contract: Contract, series: str, number: int) -> ChangeSet:
        """The set of that number."""
        day = datetime.strptime(series, SERIES).date()  # noqa: DTZ007 - a day, whatever the clock
        return cls(contract, Days(day, day), series=series, number=number)

    @property
    def period_label(self) -> str:
        return f"{self.series}-{self.number:06d}"

    def table_file(self, table: str) -> str:
        """The name of a table's file below the destination."""
        return f"{self.delivery_id}/{table}-{self.label}.parquet"


def edition_of(contract: Contract, delivery_id: str) -> Edition | None:
    """The edition of a contract that an id names; None when it names none of this contract."""
    prefix = f"{contract.recipient}/{contract.name}/"
    if contract.change_files is not None:
        match = _CHANGE_SET.match(delivery_id.removeprefix(prefix)) if delivery_id.startswith(prefix) else None
        return ChangeSet.of(contract, match[1], int(match[2])) if match else None
    every = contract.schedule.every
    found = _LABELS[every].match(delivery_id.removeprefix(prefix)) if delivery_id.startswith(prefix) else None
    if not found:
        return None
    period = Days.parse(found[1]) if every == "day" else Month.parse(found[1])
    return Edition(contract, period, int(found[2] or 1))
