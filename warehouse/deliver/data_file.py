"""A data file while it is written, of whichever kind: each kind is a module, loaded only where a file of it is made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace

from warehouse.deliver.files import Checksums, FileFacts
from warehouse.deliver.outbox import Outbox


class DataFile(ABC):
    """A data file being written.

    Attributes:
        writer: the library that writes it, with its version; None where this program alone does.
        checksums: of what was written into it; whole once it is closed.
    """

    writer: str | None = None
    checksums: Checksums

    @abstractmethod
    def write(self, rows: Sequence[bytes]) -> None:
        """Append rows of COPY."""

    @abstractmethod
    def close(self) -> None:
        """Write what is left."""

    def finish(self, outbox: Outbox, name: str, rows: int) -> FileFacts:
        """Give the closed file its name in the outbox, and state its facts.

        Args:
            name: below the destination.
            rows: that were written.
        """
        outbox.finish(name.rsplit("/", maxsplit=1)[-1])
        return replace(self.checksums.facts(name, rows), writer=self.writer)
