"""The ledger of deliveries, read: what became of each one, of its files, and what a person decided about it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from warehouse.core.database import one
from warehouse.deliver.edition import Edition, edition_of
from warehouse.deliver.files import FileFacts
from warehouse.deliver.states import State
from warehouse.deliver.volume import Before

_ENTRY = """
select
    delivery_id, period, state, attempt, destination, manifest_sha256, rows, bytes, build_id, as_at, known_at,
    contract_version, contract_sha256, synthetic
from ledger.deliveries
"""
_WAITING = "select from ledger.deliveries where delivery_id = %s and state = 'verified' and error ? 'waits_for'"
_RECORDED = """
select attempt, partial_name, uploaded_at is not null, naming_at is not null, removed_at is not null,
    name, kind, rows, bytes, sha256, md5, crc32c, replaced, formulas, fitting, content, writer,
    singled_out
from ledger.delivery_files where delivery_id = %s order by attempt desc, name
"""
_ERASURES = """
select distinct erasure_id from ledger.erased_deliveries
where delivery_id = %s and found <> 'by dates' order by erasure_id
"""
_CUT_OUT = "select distinct change_id from ledger.rule_files where delivery_id = %s order by change_id"
_RELEASED = """
select x.key, x.value::bigint
from ledger.delivery_decisions as d cross join lateral jsonb_each_text(d.rules) as x
where d.delivery_id = %s and d.decision = 'release' order by d.decision_id
"""
_LATEST_REVISION = """
select coalesce(max(revision), 1) from ledger.deliveries where recipient = %s and extract = %s and period = %s
"""


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
    build_id: int | None
    as_at: date | None
    known_at: datetime | None
    contract_version: str
    contract_sha256: str
    synthetic: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", State(self.state))


@dataclass(frozen=True)
class RecordedFile:
    """A file of an earlier attempt, with what its upload may have left behind.

    Attributes:
        confirmed: the destination confirmed that it has its name there.
        naming: it was whole and about to get its name; whether it got it is not known.
        removed: the warehouse itself took it away.
    """

    attempt: int
    partial_name: str | None
    confirmed: bool
    naming: bool
    removed: bool
    facts: FileFacts


class Records:
    """The deliveries of one warehouse.

    Args:
        connection: in autocommit mode.
    """

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    @property
    def connection(self) -> psycopg.Connection:
        """For what the ledger has of change files alone (change_files/records.py)."""
        return self._connection

    def states(self) -> dict[str, State]:
        """The state of each delivery by its id."""
        rows = self._connection.execute("select delivery_id, state from ledger.deliveries")
        return {row[0]: State(row[1]) for row in rows}

    def entry(self, delivery: str) -> Entry | None:
        """A delivery's row; None when it is not there."""
        with self._connection.cursor(row_factory=class_row(Entry)) as cursor:
            return cursor.execute(_ENTRY + "where delivery_id = %s", (delivery,)).fetchone()

    def is_waiting(self, delivery: str) -> bool:
        """Whether nothing but the recipient's acknowledgement is missing."""
        return self._connection.execute(_WAITING, (delivery,)).fetchone() is not None

    def recorded_files(self, delivery: str) -> list[RecordedFile]:
        """The files of every attempt so far, the newest attempt first."""
        rows = self._connection.execute(_RECORDED, (delivery,))
        return [
            RecordedFile(attempt, partial, confirmed, naming, removed, FileFacts(*facts))
            for attempt, partial, confirmed, naming, removed, *facts in rows
        ]

    def erasures(self, delivery: str) -> list[int]:
        """The erasures of people whom a delivery is known to have held."""
        return [int(row[0]) for row in self._connection.execute(_ERASURES, (delivery,))]

    def cut_out(self, delivery: str) -> list[int]:
        """The changes of rules by which values of a delivery were taken out of the history."""
        return [int(row[0]) for row in self._connection.execute(_CUT_OUT, (delivery,))]

    def latest(self, edition: Edition) -> Edition:
        """The latest revision of an edition's period that is in the ledger; the first one if none is."""
        values = (edition.contract.recipient, edition.contract.name, edition.period_label)
        return replace(edition, revision=one(self._connection, _LATEST_REVISION, values)[0])

    def previous(self, edition: Edition) -> tuple[Entry, list[FileFacts]] | None:
        """The last closed delivery of a contract before a period, its latest revision, with its data files."""
        with self._connection.cursor(row_factory=class_row(Entry)) as cursor:
            entry = cursor.execute(
                _ENTRY + "where recipient = %s and extract = %s and state = 'closed' and period < %s"
                " order by period desc, revision desc limit 1",
                (edition.contract.recipient, edition.contract.name, edition.period_label),
            ).fetchone()
        return self._with_files(entry)

    def replaced(self, edition: Edition) -> tuple[Entry, list[FileFacts]] | None:
        """The delivery that a revision replaces, with its data files."""
        return self._with_files(self.entry(edition.replaces.delivery_id)) if edition.replaces else None

    def before(self, edition: Edition) -> Before | None:
        """The delivery that the number of rows is compared with; None for the first of its contract."""
        known = self.previous(edition) or self.replaced(edition)
        if known is None:
            return None
        entry, files = known
        other, of_tables = edition_of(edition.contract, entry.delivery_id), Counter[str]()
        for file in files:
            about = other.of_file(file.base_name) if other else None
            if about in edition.contract.tables:
                of_tables[about.table] += file.rows or 0
        return Before(entry.delivery_id, entry.period, entry.rows or 0, dict(of_tables))

    def released(self, delivery: str) -> dict[str, int]:
        """The rules that a person released a delivery from, each with the number of rows that they saw."""
        return dict(self._connection.execute(_RELEASED, (delivery,)).fetchall())

    def failure(self, delivery: str) -> dict[str, Any]:
        """Why the last attempt failed, as it was written down; empty when it did not."""
        row = self._connection.execute(
            "select error from ledger.deliveries where delivery_id = %s and state = 'failed'", (delivery,)
        ).fetchone()
        return (row[0] if row else None) or {}

    def _with_files(self, entry: Entry | None) -> tuple[Entry, list[FileFacts]] | None:
        if entry is None:
            return None
        files = [file for file in self.recorded_files(entry.delivery_id) if file.attempt == entry.attempt]
        return entry, [file.facts for file in files if file.facts.kind == "data"]
