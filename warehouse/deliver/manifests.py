"""Which manifest a delivery has: that of an extract, or that of change files. Both follow from the ledger alone."""

from __future__ import annotations

from collections.abc import Sequence

from warehouse.deliver import manifest
from warehouse.deliver.change_files import manifest as of_changes
from warehouse.deliver.change_files import records
from warehouse.deliver.edition import ChangeSet, Edition
from warehouse.deliver.files import FileFacts
from warehouse.deliver.ledger import Ledger
from warehouse.deliver.ledger_records import Entry


def manifest_of(ledger: Ledger, edition: Edition, entry: Entry, files: Sequence[FileFacts]) -> bytes:
    """The content of a delivery's manifest: the same delivery gives the same bytes."""
    previous = ledger.previous(edition)
    if isinstance(edition, ChangeSet):
        return of_changes.build(
            edition,
            entry,
            files,
            records.recorded(ledger.connection, edition),
            previous,
            records.delivered_before(ledger.connection, edition),
        )
    released = ledger.released(edition.delivery_id)
    return manifest.build(edition, entry, files, previous, ledger.replaced(edition), released)
