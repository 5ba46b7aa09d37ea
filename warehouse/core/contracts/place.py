"""Where contracts are, and what an extract is called: `exports/<recipient>/<extract>.odcs.yaml` is tad/teachers."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from warehouse.core.contracts.model import IDENTIFIER
from warehouse.core.contracts.read import contract_error
from warehouse.core.errors import UsageError
from warehouse.core.settings import PROJECT, near

EXPORTS = PROJECT / "exports"
SUFFIX = ".odcs.yaml"


class ExtractName(NamedTuple):
    """What an extract is called: its recipient and its own name; and of one table of several, the table."""

    recipient: str
    name: str
    table: str = ""

    @classmethod
    def parse(cls, text: str) -> ExtractName:
        """From what a person typed.

        Raises:
            UsageError: it is not RECIPIENT/EXTRACT, each a name that a folder and a file may have.
        """
        found = cls(*text.partition("/")[::2])
        if not all(IDENTIFIER.match(part) for part in found[:2]):
            raise UsageError(
                f"{text!r} is not the name of an extract.",
                meaning="Nothing was done.",
                next_command="Give it as RECIPIENT/EXTRACT, such as tad/teachers: small letters, digits, underscores.",
            )
        return found

    @classmethod
    def of_file(cls, path: Path) -> ExtractName:
        """Of a contract's file."""
        return cls(path.parent.name, path.name.removesuffix(SUFFIX))

    def __str__(self) -> str:
        return f"{self.recipient}/{self.name}"

    @property
    def model(self) -> str:
        """The dbt model that makes it; of several tables, what the names of their models begin with."""
        return f"{self.recipient}_{self.name}" + (f"_{self.table}" if self.table else "")

    def path(self, folder: Path = EXPORTS) -> Path:
        """Where its contract belongs."""
        return folder / self.recipient / f"{self.name}{SUFFIX}"


def contract_files(folder: Path = EXPORTS) -> list[Path]:
    """The file of every contract below a folder, in the order of recipients and names.

    Raises:
        ContractError: a file there is not where or named as a contract must be.
    """
    found = sorted(folder.rglob("*.y*ml"))
    for path in found:
        if not path.name.endswith(SUFFIX) or path.parent.parent != folder:
            raise contract_error(path, [f"a contract's place is {near(folder)}/<recipient>/<extract>{SUFFIX}"])
    return found


def named(extract: str | None, folder: Path = EXPORTS) -> list[Path]:
    """The file of the contract that a person named; of every contract for None.

    Raises:
        UsageError: there is none of that name, or it is no name.
        ContractError: see contract_files.
    """
    if extract is None:
        return contract_files(folder)
    path = ExtractName.parse(extract).path(folder)
    if not path.is_file():
        others = ", ".join(str(ExtractName.of_file(one)) for one in contract_files(folder)) or "none"
        raise UsageError(
            f"There is no contract {near(path)}.",
            meaning="Nothing was done.",
            next_command=f"`warehouse contract new {extract}` writes one from its model. There are: {others}.",
        )
    return [path]
