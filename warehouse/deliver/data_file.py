"""A data file while it is written, of whichever kind: each kind is a module, loaded only where a file of it is made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace

from warehouse.deliver.files import FileFacts, facts_of
from warehouse.deliver.outbox import Outbox


class DataFile(ABC):
    """A data file being written.

    Attributes:
        writer: the library that writes it, with its version; None where this program alone does.
    """

    writer: str | None = None

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
        path = outbox.finish(name.rsplit("/", maxsplit=1)[-1])
        return replace(facts_of(path, name, rows), writer=self.writer)
