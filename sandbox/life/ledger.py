"""The ledger of files exchanged with other bodies: one transaction a file, one record a row."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from psycopg import sql

from sandbox.life.scene import Scene

EWC, EXPORT_NEW, EXPORT_AMEND, IMPORT = 1, 2, 3, 4
SUCCESS, FAILURE, WARNING = 0, 1, 2


@dataclass(frozen=True)
class Record:
    """What became of a row of a file."""

    row: str
    status: int = SUCCESS
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
    duplicates = sum(record.duplicate is True for record in records)
    successes = sum(record.status == SUCCESS and record.duplicate is not True for record in records)
    transaction = scene.insert(
        "integration_transactions",
        {
            "interface_type": interface,
            "import_status": 0,
            "total_count": len(records),
            "success_count": successes,
            "warning_count": sum(record.status == WARNING and record.duplicate is not True for record in records),
            "failure_count": sum(record.status == FAILURE for record in records),
            "duplicate_count": duplicates,
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
