"""A file of a migration, checked as a whole: what is to be said of it, and whether the deploy may continue."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from warehouse.core.errors import MigrationRefused, UsageError
from warehouse.replicate.migration.judge import Objection, judge
from warehouse.replicate.migration.sent import Sent
from warehouse.replicate.migration.statements import read


@dataclass(frozen=True)
class Checked:
    """What was found.

    Attributes:
        statements: how many the file has.
        objections: what is to be said of them, in their order.
        refused: those for which the deploy has to stop.
    """

    file: str
    statements: int
    objections: Sequence[Objection]
    refused: Sequence[Objection]

    def as_dict(self) -> dict[str, Any]:
        """The result as `--json` prints it."""
        return {
            "statements": self.statements,
            "refused": len(self.refused),
            "findings": [asdict(one) for one in self.objections],
        }

    def error(self) -> MigrationRefused | None:
        """What the deploy has to stop with; None when it may continue."""
        if not self.refused:
            return None
        first = self.refused[0]
        more = f"; and {len(self.refused) - 1} more" if self.refused[1:] else ""
        return MigrationRefused(
            f"{self.file}, line {first.line}: {first.what}{more}.",
            meaning="The migration would fail or do harm, or it is not known what it would do. Nothing was run.",
            next_command=first.do,
        )


def read_file(file: Path) -> str:
    """The text of a migration.

    Raises:
        UsageError: the file cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(
            f"{file} cannot be read: {reason}.",
            meaning="Nothing was checked.",
            next_command="Name a file of SQL: warehouse replicate check-migration FILE.sql",
        ) from None


def check(name: str, text: str, sent: Sent, looked_at: Collection[int] = ()) -> Checked:
    """Check the text of a file of SQL. Runs nothing.

    Args:
        name: of the file, for messages.
        sent: what is published.
        looked_at: lines of statements that a person has looked at.
    """
    statements = read(text)
    found = judge(sent, statements)
    refused = [one for one in found if one.verdict != "afterwards" and one.line not in looked_at]
    return Checked(name, len(statements), found, refused)
