"""The ledger of deliveries, written. All changes of a delivery's state go through this module."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Literal

import psycopg
from psycopg.types.json import Jsonb

from warehouse.core.errors import WarehouseError
from warehouse.deliver.basis import Rests
from warehouse.deliver.edition import Edition
from warehouse.deliver.files import FileFacts
from warehouse.deliver.ledger_records import Entry, Records
from warehouse.deliver.states import State, require_step

_NEW = """
insert into ledger.deliveries (
    delivery_id, recipient, extract, period, revision, replaces, state, contract_version, contract_sha256,
    contract_content_sha256, model, destination, build_id, known_up_to, known_at, error, synthetic
) values (
    %(delivery_id)s, %(recipient)s, %(extract)s, %(period)s, %(revision)s, %(replaces)s, %(state)s,
    %(contract_version)s, %(contract_sha256)s, %(contract_content_sha256)s, %(model)s,
    %(destination)s, %(build_id)s, %(known_up_to)s::text::xid8, %(known_at)s, %(error)s,
    coalesce((select bool_or(p.synthetic) from ledger.source_people as p), false)
)
"""
_AGAIN = """
update ledger.deliveries
set
    state = 'planned', attempt = attempt + 1, destination = %(destination)s, build_id = %(build_id)s,
    known_up_to = %(known_up_to)s::text::xid8, known_at = %(known_at)s, contract_version = %(contract_version)s,
    contract_sha256 = %(contract_sha256)s, contract_content_sha256 = %(contract_content_sha256)s, model = %(model)s,
    as_at = null, rows = null, bytes = null, manifest_sha256 = null, error = null
where delivery_id = %(delivery_id)s
"""
_TAKEN_AWAY = """
update ledger.delivery_files set removed_at = coalesce(removed_at, now())
where delivery_id = %s and (uploaded_at is not null or naming_at is not null)
"""
_REMOVED = """
update ledger.delivery_files set removed_at = coalesce(removed_at, now())
where delivery_id = %s and name = %s and attempt < coalesce(%s, 2147483647)
"""
_UPLOADED = """
update ledger.delivery_files set uploaded_at = now()
where delivery_id = %s and attempt = %s and name = %s
"""
_NAMING = """
update ledger.delivery_files set naming_at = case when %s then now() end
where delivery_id = %s and attempt = %s and name = %s
"""
_RECORD = """
insert into ledger.delivery_files (
    delivery_id, attempt, name, kind, partial_name, rows, bytes, sha256, md5, crc32c, replaced, fitting, content,
    writer
)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
-- The manifest of one that vanished is made a second time, when a person has decided.
on conflict (delivery_id, attempt, name) do update
set bytes = excluded.bytes, sha256 = excluded.sha256, md5 = excluded.md5, crc32c = excluded.crc32c
"""
_COUNTED = """
update ledger.delivery_files set formulas = %s, singled_out = %s
where delivery_id = %s and attempt = %s and name = %s
"""


class Ledger(Records):
    """The deliveries of one warehouse, read and written: each method is one transaction."""

    def plan(self, edition: Edition, destination: str, rests: Rests, because: str | None = None) -> Entry:
        """Begin a delivery, or a further attempt at one that failed.

        Args:
            rests: on what it rests.
            because: why a person asked for this revision.
        """
        delivery = edition.delivery_id
        before = self.entry(delivery)
        require_step(delivery, before.state if before else None, State.PLANNED)
        values = self._about(edition) | {
            "destination": destination,
            "build_id": rests.build_id,
            "known_up_to": rests.known_up_to,
            "known_at": rests.known_at,
            "error": None,
        }
        with self._connection.transaction():
            if before is None:
                self._insert(values, State.PLANNED)
                if because:
                    self._decided(delivery, "redo", because)
            else:
                self._connection.execute(_AGAIN, values)
        return self._must(delivery)

    def decide(self, delivery: str, decision: Literal["received", "resend"], because: str) -> None:
        """What a person decided about a delivery whose files vanished."""
        with self._connection.transaction():
            self._decided(delivery, decision, because)
            if decision == "resend":
                self._connection.execute(_TAKEN_AWAY, (delivery,))
                self._advance(delivery, State.FAILED)

    def release(self, delivery: str, rules: Mapping[str, int], because: str) -> None:
        """A person released a delivery from rules about its number of rows.

        Args:
            rules: each with the number of rows that the person saw.
        """
        self._decided(delivery, "release", because, Jsonb(dict(rules)))

    def _decided(self, delivery: str, decision: str, because: str, rules: Jsonb | None = None) -> None:
        self._connection.execute(
            "insert into ledger.delivery_decisions (delivery_id, decision, because, rules) values (%s, %s, %s, %s)",
            (delivery, decision, because, rules),
        )

    def miss(self, edition: Edition, because: WarehouseError) -> None:
        """Write down that a period was never delivered and will not be, and why."""
        delivery = edition.delivery_id
        before = self.entry(delivery)
        require_step(delivery, before.state if before else None, State.MISSED)
        if before is None:
            nothing = dict.fromkeys(("destination", "build_id", "known_up_to", "known_at"))
            self._insert(self._about(edition) | nothing | {"error": Jsonb(because.as_dict())}, State.MISSED)
        else:
            self._advance(delivery, State.MISSED, error=Jsonb(because.as_dict()))

    def built(self, delivery: str, files: Iterable[FileFacts], as_at: date) -> None:
        """The files are in the outbox: write down what they are, before anything of them is anywhere else."""
        files = list(files)
        rows, size = sum(file.rows or 0 for file in files), sum(file.bytes for file in files)
        with self._connection.transaction():
            self._advance(delivery, State.BUILT, rows=rows, bytes=size, as_at=as_at)
            self._record(delivery, files)

    def checked(self, delivery: str, files: Iterable[FileFacts]) -> None:
        """The files keep the contract.

        Args:
            files: with what was counted in them.
        """
        with self._connection.transaction():
            attempt = self._must(delivery).attempt
            for file in files:
                alone = None if file.singled_out is None else Jsonb(file.singled_out)
                self._connection.execute(_COUNTED, (file.formulas, alone, delivery, attempt, file.name))
            self._advance(delivery, State.CHECKED)

    def file_uploaded(self, delivery: str, attempt: int, name: str) -> None:
        """A file has its final name at the destination."""
        self._connection.execute(_UPLOADED, (delivery, attempt, name))

    def naming(self, delivery: str, attempt: int, name: str, begins: bool) -> None:
        """A file is whole at the destination and about to get its final name; or was refused it."""
        self._connection.execute(_NAMING, (begins, delivery, attempt, name))

    def removed(self, delivery: str, name: str, before: int | None = None) -> None:
        """The warehouse takes a file away from the destination: written down before it does.

        Args:
            before: the attempt whose file takes its place; None where none does.
        """
        self._connection.execute(_REMOVED, (delivery, name, before))

    def moved(self, delivery: str) -> None:
        """Another destination is set now: what was sent to the earlier one is not looked for at this one."""
        self._connection.execute(_TAKEN_AWAY, (delivery,))

    def uploaded(self, delivery: str) -> None:
        """Every data file has its final name at the destination."""
        self._advance(delivery, State.UPLOADED)

    def verified(self, delivery: str, manifest: FileFacts, previous: str | None) -> None:
        """Every data file was read back, or a person or the contract says that it need not be: the manifest follows.

        It is written down before it is written.
        """
        with self._connection.transaction():
            self._advance(delivery, State.VERIFIED, manifest_sha256=manifest.sha256, previous_delivery=previous)
            self._record(delivery, [manifest])

    def vanished(self, delivery: str, error: WarehouseError) -> None:
        """What was sent, as was confirmed, is not to be found: nothing more is sent before a person decides."""
        if self._must(delivery).state is not State.VANISHED:
            self._advance(delivery, State.VANISHED, error=Jsonb(error.as_dict()))

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
        """The manifest is there and was read back, and acknowledged where that is agreed: delivered."""
        self._advance(delivery, State.CLOSED, closing=True)

    def waits(self, delivery: str, acknowledgement: str, error: WarehouseError) -> None:
        """All is there and was read back, but for the acknowledgement: the step stays, and says what it waits for."""
        said = Jsonb(error.as_dict() | {"waits_for": acknowledgement})
        self._connection.execute(
            "update ledger.deliveries set error = %s where delivery_id = %s and state = 'verified'", (said, delivery)
        )

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

    def _about(self, edition: Edition) -> dict[str, object]:
        contract = edition.contract
        return {
            "delivery_id": edition.delivery_id,
            "recipient": contract.recipient,
            "extract": contract.name,
            "period": edition.period_label,
            "revision": edition.revision,
            "replaces": edition.replaces.delivery_id if edition.replaces else None,
            "contract_version": contract.version,
            "contract_sha256": contract.sha256,
            "contract_content_sha256": contract.content_sha256,
            "model": contract.model,
        }

    def _insert(self, values: dict[str, object], state: State) -> None:
        self._connection.execute(_NEW, values | {"state": state})

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
                _RECORD,
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
                    file.replaced,
                    None if file.fitting is None else Jsonb(file.fitting),
                    None if file.content is None else Jsonb(file.content),
                    file.writer,
                ),
            )
