"""Erased persons who are there again, as the ledger has it from the last check (warehouse/erase/returned.py)."""

from __future__ import annotations

import psycopg

from warehouse.core.errors import PersonReturned
from warehouse.core.finding import Finding, failed

_RETURNED = """
select erasure_id from ledger.erasures where returned_at is not null order by erasure_id
"""


def finding(connection: psycopg.Connection) -> Finding | None:
    """Whose return was found and not been dealt with; None when nobody's."""
    numbers = [str(number) for (number,) in connection.execute(_RETURNED)]
    if not numbers:
        return None
    error = returned_error([f"erasure {number}" for number in numbers])
    return failed("returned", error.what, error.next_command, PersonReturned, error.meaning)


def returned_error(who: list[str]) -> PersonReturned:
    """The error that names erasures, and nobody."""
    return PersonReturned(
        f"A person who was erased is in the warehouse again: {', '.join(who)}.",
        meaning="A restored backup, a repair or an insert at the source brought them back. Runs and deliveries hold "
        "them like anybody else.",
        next_command="If they should not be there: erase them at the source, then `warehouse erase` again. If they "
        'have come back in their own right: warehouse erase --returned ERASURE --because "SAR 13/2026".',
    )
