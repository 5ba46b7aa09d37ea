"""What a person decides about deliveries: every delivery listed with its decision, and the reason that is kept."""

from __future__ import annotations

import re
from typing import Any

import psycopg
from psycopg.rows import dict_row

from warehouse.core.errors import UsageError

_LISTED = """
select
    d.delivery_id as id, d.state, d.attempt, d.rows, d.bytes, d.destination || '/' || d.delivery_id as "where",
    d.build_id, d.as_at, d.known_at as known_up_to, d.replaces, x.decision, x.because, d.closed_at,
    d.error ->> 'what' as error, d.error ->> 'next' as next
from ledger.deliveries as d
left join lateral (
    select decision, because from ledger.delivery_decisions
    where delivery_id = d.delivery_id order by decision_id desc limit 1
) as x on true
order by d.delivery_id
"""
_WHO = re.compile(r"\b\d{7}\b|@|\b[A-Z]{2} ?(?:\d{2} ?){3}[A-D]\b|\b[0-9a-f]{8}-[0-9a-f]{4}-", re.IGNORECASE)
"""A TRN, an e-mail address, a National Insurance number, a person_id."""


def listed(warehouse: psycopg.Connection) -> list[dict[str, Any]]:
    """Every delivery in the ledger: state, what it rests on, and what a person decided last. The shape of `--json`."""
    with warehouse.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_LISTED).fetchall()


def checked_reason(because: str) -> str:
    """A reason that a person gave, which the ledger keeps for good.

    Raises:
        UsageError: it is empty, or holds what looks like a person's number or address.
    """
    reason = " ".join(because.split())
    problem = (
        "is empty" if not reason else "holds what looks like a person's identifier" if _WHO.search(reason) else None
    )
    if problem:
        raise UsageError(
            f"The reason {problem}.",
            meaning="Nothing was sent and nothing was changed. The ledger keeps the reason for good.",
            next_command='Give it in a few words that name no person: --because "…"',
        )
    return reason
