"""The ledger of deliveries. All changes of a delivery's state go through this module."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from warehouse.core.contracts import Contract
from warehouse.core.errors import WarehouseError
from warehouse.deliver.due import delivery_id
from warehouse.deliver.files import FileFacts
from warehouse.deliver.periods import Month
from warehouse.deliver.states import State, require_step


@dataclass(frozen=True)
class Entry:
    """A row of ledger.deliveries, as far as a run needs it."""

    delivery_id: str
    period: str
    state: State
    attempt: int
    destination: str | None
    manifest_sha256: str | None
    rows: int | None
    bytes: int | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", State(self.state))


@dataclass(frozen=True)
class RecordedFile:
    """A file of an earlier attempt, with what its upload may have left behind."""

    attempt: int
    partial_name: str | None
    facts: FileFacts


class Ledger:
    """The deliveries of one warehouse.

    Args:
        connection: in autocommit mode; each method is one transaction.
    """

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    # -- reading -------------------------------------------------------------------------------------------------

    def states(self) -> dict[str, State]:
        """The state of each delivery by its id."""
        rows = self._connection.execute("select delivery_id, state from ledger.deliveries")
        return {row[0]: State(row[1]) for row in rows}

    def entry(self, delivery: str) -> Entry | None:
        """A delivery's row; None when it is not there."""
        with self._connection.cursor(row_factory=class_row(Entry)) as cursor:
            return cursor.execute(
                "select delivery_id, period, state, attempt, destination, manifest_sha256, rows, bytes"
                " from ledger.deliveries where delivery_id = %s",
                (delivery,),
            ).fetchone()

    def recorded_files(self, delivery: str) -> list[RecordedFile]:
        """The files of every attempt so far, the newest attempt first."""
        rows = self._connection.execute(
            "select attempt, partial_name, name, kind, rows, bytes, sha256, md5, crc32c"
            " from ledger.delivery_files where delivery_id = %s order by attempt desc, name",
            (delivery,),
        )
        return [RecordedFile(row[0], row[1], FileFacts(*row[2:])) for row in rows]

    def previous(self, contract: Contract, period: Month) -> tuple[Entry, list[FileFacts]] | None:
        """The last closed delivery of a contract before a period, with its data files."""
        with self._connection.cursor(row_factory=class_row(Entry)) as cursor:
            entry = cursor.execute(
                "select delivery_id, period, state, attempt, destination, manifest_sha256, rows, bytes"
                " from ledger.deliveries"
                " where recipient = %s and extract = %s and state = 'closed' and period < %s"
                " order by period desc limit 1",
                (contract.recipient, contract.name, str(period)),
            ).fetchone()
        if entry is None:
            return None
        files = [file for file in self.recorded_files(entry.delivery_id) if file.attempt == entry.attempt]
        return entry, [file.facts for file in files if file.facts.kind == "data"]

    # -- writing -------------------------------------------------------------------------------------------------

    def plan(self, contract: Contract, period: Month, destination: str, build_id: int | None) -> Entry:
        """Begin a delivery, or a further attempt at one that failed."""
        delivery = delivery_id(contract, period)
        before = self.entry(delivery)
        require_step(delivery, before.state if before else None, State.PLANNED)
        values = self._about(contract, period) | {"destination": destination, "build_id": build_id}
        if before is None:
            self._insert(values, State.PLANNED)
        else:
            self._connection.execute(
                "update ledger.deliveries set state = 'planned', attempt = attempt + 1, destination = %(destination)s,"
                " build_id = %(build_id)s, contract_version = %(contract_version)s,"
                " contract_sha256 = %(contract_sha256)s, model = %(model)s, as_at = null, rows = null, bytes = null,"
                " manifest_sha256 = null, error = null"
                " where delivery_id = %(delivery_id)s",
                values,
            )
        return self._must(delivery)

    def miss(self, contract: Contract, period: Month) -> None:
        """Write down that a period was never delivered and will not be."""
        delivery = delivery_id(contract, period)
        before = self.entry(delivery)
        require_step(delivery, before.state if before else None, State.MISSED)
        if before is None:
            self._insert(self._about(contract, period) | {"destination": None, "build_id": None}, State.MISSED)
        else:
            self._advance(delivery, State.MISSED)

    def built(self, delivery: str, files: Iterable[FileFacts], as_at: date) -> None:
        """The files are in the outbox: write down what they are, before anything of them is anywhere else."""
        files = list(files)
        rows, size = sum(file.rows or 0 for file in files), sum(file.bytes for file in files)
        with self._connection.transaction():
            self._advance(delivery, State.BUILT, rows=rows, bytes=size, as_at=as_at)
            self._record(delivery, files)

    def checked(self, delivery: str) -> None:
        """The files keep the contract."""
        self._advance(delivery, State.CHECKED)

    def file_uploaded(self, delivery: str, attempt: int, name: str) -> None:
        """A file has its final name at the destination."""
        self._connection.execute(
            "update ledger.delivery_files set uploaded_at = now()"
            " where delivery_id = %s and attempt = %s and name = %s",
            (delivery, attempt, name),
        )

    def uploaded(self, delivery: str) -> None:
        """Every data file has its final name at the destination."""
        self._advance(delivery, State.UPLOADED)

    def verified(self, delivery: str, manifest: FileFacts, previous: str | None) -> None:
        """Every data file was read back; the manifest is written down before it is written."""
        with self._connection.transaction():
            self._advance(delivery, State.VERIFIED, manifest_sha256=manifest.sha256, previous_delivery=previous)
            self._record(delivery, [manifest])

    def adopted(self, delivery: str, attempt: int, rows: int, size: int, manifest_sha256: str) -> None:
        """An earlier attempt had delivered: its manifest and its files were found there and read back."""
        self._advance(
            delivery,
            State.VERIFIED,
            attempt=attempt,
            rows=rows,
            bytes=size,
            manifest_sha256=manifest_sha256,
            error=None,
        )

    def closed(self, delivery: str) -> None:
        """The manifest is there and was read back: delivered."""
        self._advance(delivery, State.CLOSED, closing=True)

    def failed(self, delivery: str, error: WarehouseError | None) -> None:
        """An attempt ended without a delivery.

        Args:
            delivery: its id.
            error: None for a process that was killed; the next run finds its row standing half-way.
        """
        said: dict[str, Any] = error.as_dict() if error else {"error": "Killed", "what": "The process ended half-way."}
        self._advance(delivery, State.FAILED, error=Jsonb(said))

    # -- the rows ------------------------------------------------------------------------------------------------

    def _must(self, delivery: str) -> Entry:
        entry = self.entry(delivery)
        assert entry is not None, delivery
        return entry

    def _about(self, contract: Contract, period: Month) -> dict[str, object]:
        return {
            "delivery_id": delivery_id(contract, period),
            "recipient": contract.recipient,
            "extract": contract.name,
            "period": str(period),
            "contract_version": contract.version,
            "contract_sha256": contract.sha256,
            "model": contract.model,
        }

    def _insert(self, values: dict[str, object], state: State) -> None:
        self._connection.execute(
            "insert into ledger.deliveries (delivery_id, recipient, extract, period, state, contract_version,"
            " contract_sha256, model, destination, build_id)"
            " values (%(delivery_id)s, %(recipient)s, %(extract)s, %(period)s, %(state)s, %(contract_version)s,"
            " %(contract_sha256)s, %(model)s, %(destination)s, %(build_id)s)",
            values | {"state": state},
        )

    def _advance(self, delivery: str, after: State, *, closing: bool = False, **facts: object) -> None:
        """One step. The state before is part of the condition, so that two processes cannot both take it."""
        before = self._must(delivery).state
        require_step(delivery, before, after)
        assignments: list[psycopg.sql.Composable] = [psycopg.sql.SQL("state = %(after)s")]
        assignments += [
            psycopg.sql.SQL("{} = {}").format(psycopg.sql.Identifier(name), psycopg.sql.Placeholder(name))
            for name in facts
        ]
        if closing:
            assignments.append(psycopg.sql.SQL("closed_at = now(), error = null"))
        done = self._connection.execute(
            psycopg.sql.SQL("update ledger.deliveries set {} where delivery_id = %(id)s and state = %(before)s").format(
                psycopg.sql.SQL(", ").join(assignments)
            ),
            {"id": delivery, "before": before, "after": after, **facts},
        )
        if done.rowcount != 1:
            require_step(delivery, self._must(delivery).state, after)

    def _record(self, delivery: str, files: Iterable[FileFacts]) -> None:
        attempt = self._must(delivery).attempt
        for file in files:
            self._connection.execute(
                "insert into ledger.delivery_files"
                " (delivery_id, attempt, name, kind, partial_name, rows, bytes, sha256, md5, crc32c)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    delivery,
                    attempt,
                    file.name,
                    file.kind,
                    file.partial_name(attempt),
                    file.rows,
                    file.bytes,
                    file.sha256,
                    file.md5,
                    file.crc32c,
                ),
            )
