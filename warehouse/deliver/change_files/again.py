"""What is not done with a set of change files: no revision of it is made, and it is not made again."""

from __future__ import annotations

from pathlib import Path

from warehouse.core.contracts import load_change_contracts
from warehouse.core.errors import UsageError
from warehouse.core.settings import near
from warehouse.deliver.edition import edition_of


def refuse_change_sets(exports: Path, delivery_id: str) -> None:
    """Refuse a delivery that is a set of change files: each rests on the one before it.

    Raises:
        UsageError: it is one.
    """
    for contract in load_change_contracts(exports):
        if edition_of(contract, delivery_id):
            raise UsageError(
                f"{delivery_id} is a set of change files: no revision of it is made, and it is not made again.",
                meaning="Nothing was sent and nothing was changed.",
                next_command="`warehouse deliveries verify` reads it back. A set after a change of "
                f"{near(contract.path)}, under a new `version`, begins a series with a complete copy.",
            )
