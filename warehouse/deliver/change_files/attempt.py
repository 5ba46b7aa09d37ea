"""One attempt at one set of change files: the steps of any delivery, with files, gate and index of its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from warehouse.core.classes import Classes
from warehouse.core.contracts import Contract
from warehouse.core.database import connect
from warehouse.core.errors import CheckFailed
from warehouse.core.progress import Progress
from warehouse.deliver.attempt import VARIABLE, Attempt
from warehouse.deliver.basis import Rests
from warehouse.deliver.change_files import records
from warehouse.deliver.change_files.check import Check, check_set
from warehouse.deliver.change_files.records import Recorded, Span
from warehouse.deliver.change_files.tables import ChangeTable
from warehouse.deliver.change_files.write import write
from warehouse.deliver.edition import ChangeSet, Edition
from warehouse.deliver.extract import Extract
from warehouse.deliver.files import FileFacts
from warehouse.deliver.gate import written


@dataclass(frozen=True)
class ChangeAttempt(Attempt):
    """What an attempt at a set works with.

    Attributes:
        span: what it is to tell of, unless an earlier attempt has begun it.
        check_changes: the gate.
        index_set: keeps whom its files hold, each with the contract of its columns.
    """

    span: Span | None = None
    check_changes: Check = check_set
    index_set: Callable[[Edition, int, list[tuple[Contract, Path]], Progress], None] | None = None
    _made: dict[str, tuple[ChangeTable, Contract]] = field(default_factory=dict)

    def deliver(self, conninfo: str) -> None:
        """Plan, build, check, upload, verify and close.

        Raises:
            WarehouseError: the attempt ends; its row keeps the last step that was done.
        """
        assert self.span is not None
        # The last transaction that it tells of is the one before the position at which it ends.
        rests = Rests(None, self.span.to_position - 1, self.span.known_at)
        self.take_steps(conninfo, rests, partial(self._build_set, conninfo))

    def _build_set(self, conninfo: str) -> Extract:
        edition, connection = self.edition, self.ledger.connection
        assert isinstance(edition, ChangeSet) and self.span is not None
        span = records.begin(connection, edition, self.span)
        last = None if span.from_position is None else records.last_closed(connection, edition.contract)
        self.outbox.make_empty()
        self.progress.say(f"{self.delivery}: {_told(span)}")
        with closing(connect(conninfo, what="the warehouse", variable=VARIABLE)) as reader:
            made = write(reader, edition, Classes(terms={}), span, last, self.outbox, self.progress, self.hook)
        records.describe(connection, edition, made.facts)
        self._made.clear()
        self._made.update(made.tables)
        self.ledger.built(self.delivery, made.extract.files, made.extract.as_at)
        return made.extract

    def _passed(self, conninfo: str, made: Extract, paths: list[tuple[Path, FileFacts]]) -> Extract:
        del conninfo
        assert self.span is not None and isinstance(self.edition, ChangeSet)
        span = records.recorded(self.ledger.connection, self.edition)
        try:
            self.check_changes(span, [(path, facts, *self._made[facts.name]) for path, facts in paths])
        except CheckFailed as error:
            self.outbox.set_aside(written(error))
            raise
        return made

    def _index(self, attempt: int, paths: list[Path]) -> None:
        assert self.index_set is not None
        contracts = {name.rsplit("/", maxsplit=1)[-1]: contract for name, (_, contract) in self._made.items()}
        self.index_set(self.edition, attempt, [(contracts[path.name], path) for path in paths], self.progress)


def _told(span: Recorded) -> str:
    if span.begins:
        return f"a complete copy ({span.begins})"
    return f"what changed from position {span.from_position} on"
