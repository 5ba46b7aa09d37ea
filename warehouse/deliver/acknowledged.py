"""The recipient's word that a delivery arrived: a file that they put at the destination, where that is agreed.

Until it is there the delivery stays at verified: all of it was sent and read back, and nothing of it is sent again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warehouse.core.errors import DeliveryError
from warehouse.deliver.destinations.base import Destination, conflict

if TYPE_CHECKING:
    from warehouse.deliver.edition import Edition
    from warehouse.deliver.ledger import Ledger


def settle(ledger: Ledger, destination: Destination, edition: Edition) -> None:
    """Close a delivery whose manifest is there; or write down that its acknowledgement is not there yet.

    Raises:
        DestinationRefused: the place does not say whether it is.
    """
    name = edition.acknowledgement
    if name is None or destination.read(name) is not None:
        ledger.closed(edition.delivery_id)
    else:
        ledger.waits(edition.delivery_id, name, _not_yet(edition, name, destination.where))


def refuse_early(destination: Destination, edition: Edition) -> None:
    """Refuse to send what is acknowledged already: the file would close the delivery, whatever became of it.

    Raises:
        DestinationRefused: it is there before the delivery.
    """
    name = edition.acknowledgement
    if name is not None and destination.read(name) is not None:
        raise conflict(destination, name, "an acknowledgement of what was not sent yet")


def _not_yet(edition: Edition, name: str, where: str) -> DeliveryError:
    return DeliveryError(
        f"Waits for the acknowledgement {name} at {where}.",
        meaning="All was sent and read back. It is not sent again.",
        next_command=f"`warehouse deliver` looks again. If {edition.contract.recipient} say in another way that they "
        f'have it: `warehouse deliveries received {edition.delivery_id} --because "…"`.',
    )
