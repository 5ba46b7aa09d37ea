"""Whether a delivery can still be made again with the bytes that were sent: not once something of it was taken out."""

from __future__ import annotations

from collections.abc import Sequence

from warehouse.deliver.ledger import Ledger


def cannot_be_recreated(ledger: Ledger, delivery_id: str) -> str | None:
    """Why a delivery can no longer be made again as it was sent; None when nothing on record is against it.

    What an erasure or a changed rule took out is not in the history any more. A delivery of which only dates suggest
    that it held an erased person, as it was sent before there was an index, is left to the comparison of the hashes.
    """
    found = []
    if erasures := ledger.erasures(delivery_id):
        found.append(f"{_numbered('erasure', erasures)} took people of it")
    if changes := ledger.cut_out(delivery_id):
        found.append(f"{_numbered('change', changes)} of the rules of replication/trs.yml took values of it")
    if not found:
        return None
    return f"{' and '.join(found)} out of the history for good, so its first SHA-256 cannot come out again"


def _numbered(what: str, numbers: Sequence[int]) -> str:
    return f"{what}{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
