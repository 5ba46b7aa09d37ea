"""The ledger of files exchanged with other bodies: one transaction a file, one record a row."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from psycopg import sql

from sandbox.domain.codes import RowStatus
from sandbox.life.scene import Scene


@dataclass(frozen=True)
class Record:
    """What became of a row of a file."""

    row: str
    status: int = RowStatus.SUCCESS
    message: str | None = None
    person_id: UUID | None = None
    duplicate: bool | None = None
    has_active_alert: bool | None = None


_RECORD = sql.SQL(
    """
    INSERT INTO integration_transaction_records
        (row_data, failure_message, person_id, duplicate, status, created_date, integration_transaction_id,
         has_active_alert)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    """
)
_ALERTED = sql.SQL("SELECT FROM alerts WHERE person_id = %s AND end_date IS NULL AND deleted_on IS NULL LIMIT 1")


def has_open_alert(scene: Scene, person_id: UUID) -> bool:
    """Whether an alert is open on a person's record."""
    return scene.one(_ALERTED, (person_id,)) is not None


def write(scene: Scene, interface: int, file_name: str, records: list[Record]) -> None:
    """Write a file into the ledger. Duplicates are counted apart from successes."""
    counts = Counter("duplicate" if record.duplicate else record.status for record in records)
    transaction = scene.insert(
        "integration_transactions",
        {
            "interface_type": interface,
            "import_status": 0,
            "total_count": len(records),
            "success_count": counts[RowStatus.SUCCESS],
            "warning_count": counts[RowStatus.WARNING],
            "failure_count": counts[RowStatus.FAILURE],
            "duplicate_count": counts["duplicate"],
            "file_name": file_name,
            "created_date": scene.when,
        },
        returning="integration_transaction_id",
    )
    rows = [
        (
            record.row[:3000],
            record.message,
            record.person_id,
            record.duplicate,
            record.status,
            scene.when,
            transaction,
            record.has_active_alert,
        )
        for record in records
    ]
    scene.cursor.executemany(_RECORD, rows)
