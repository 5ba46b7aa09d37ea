"""What an erasure does to the files that are kept, without the rest of it."""

from __future__ import annotations

from datetime import date

import psycopg

from warehouse.core.database import one
from warehouse.core.progress import Silent
from warehouse.core.settings import Settings
from warehouse.erase import Subject
from warehouse.erase.deliveries import Deliveries


def erase_from_files(warehouse: psycopg.Connection, settings: Settings, trn: str) -> date:
    """Take a person out of every file of a delivery that is kept, and write it down; returns the day."""
    (number,) = one(warehouse, "insert into ledger.erasures default values returning erasure_id")
    files = Deliveries(warehouse, settings, Subject({"trn": frozenset([trn])}), Silent())
    found = files.find()
    assert found, "nobody to erase"
    files.rewrite(number, found, lambda _: None)
    (day,) = one(
        warehouse,
        "update ledger.erasures set state = 'done', finished_at = now() where erasure_id = %s returning finished_at",
        (number,),
    )
    found_day: date = day.date()
    return found_day
