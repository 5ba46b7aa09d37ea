"""A delivery that was made again from history, held against what the ledger says of the files that were sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from warehouse.deliver.files import FileFacts


@dataclass(frozen=True)
class FileAgain:
    """A file as it was sent, and as it was made now; None where there is none of that name.

    Attributes:
        name: below the destination.
    """

    name: str
    sent: FileFacts | None
    made: FileFacts | None

    @property
    def same_bytes(self) -> bool:
        return self.sent is not None and self.made is not None and self.sent.sha256 == self.made.sha256

    @property
    def same_rows(self) -> bool | None:
        """Whether both have the same rows; None where the rows of then are not on record."""
        if self.sent is None or self.made is None:
            return False
        if self.same_bytes:
            return True
        return None if self.sent.values is None else self.sent.values == self.made.values

    @property
    def same_writer(self) -> bool:
        """Whether the same version of the same library wrote both."""
        return self.sent is not None and self.made is not None and self.sent.writer == self.made.writer

    def as_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "name": self.name,
            "same_bytes": self.same_bytes,
            "same_rows": self.same_rows,
            **{f"sent_{name}": self.sent and getattr(self.sent, name) for name in ("sha256", "rows", "writer")},
            **{f"made_{name}": self.made and getattr(self.made, name) for name in ("sha256", "rows", "writer")},
        }


@dataclass(frozen=True)
class Again:
    """A delivery that was made again.

    Attributes:
        known_up_to: the moment as known at which it was built: the commit of the last transaction that was known then.
        same_models: whether the models are those of then.
        folder: where the files were put; None when they were thrown away.
    """

    delivery_id: str
    as_at: date
    known_up_to: datetime
    same_models: bool
    files: Sequence[FileAgain]
    folder: Path | None = None

    @property
    def same_bytes(self) -> bool:
        return all(one.same_bytes for one in self.files)

    @property
    def same_rows(self) -> bool:
        """Whether it is known that the rows are the same."""
        return all(one.same_rows is True for one in self.files)

    @property
    def is_as_sent(self) -> bool:
        """Whether the rows are those that were sent, and other bytes are another writer's."""
        return all(one.same_bytes or (one.same_rows is True and not one.same_writer) for one in self.files)

    @property
    def verdict(self) -> str:
        """Which of both holds, in a sentence."""
        if self.same_bytes:
            return "The rows and the bytes are those that were sent."
        writers = {(one.sent.writer, one.made.writer) for one in self.files if one.sent and one.made}
        others = ", ".join(sorted(f"{then} then and {now} now" for then, now in writers if then != now))
        return f"The rows are those that were sent. The bytes are not: the writer was {others}."

    def as_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "id": self.delivery_id,
            "as_at": self.as_at,
            "known_up_to": self.known_up_to,
            "same_models": self.same_models,
            "same_rows": self.same_rows,
            "same_bytes": self.same_bytes,
            "folder": str(self.folder) if self.folder else None,
            "files": [one.as_dict() for one in self.files],
        }


def compared(sent: Sequence[FileFacts], made: Sequence[FileFacts]) -> list[FileAgain]:
    """Each file of either, by its name."""
    then, now = ({one.name: one for one in files} for files in (sent, made))
    return [FileAgain(name, then.get(name), now.get(name)) for name in sorted(then | now)]
