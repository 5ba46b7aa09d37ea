"""The places that deliveries go to, behind one small protocol."""

from warehouse.deliver.destinations.base import Destination
from warehouse.deliver.destinations.opening import describe, open_destination, scheme_of

__all__ = ["Destination", "describe", "open_destination", "scheme_of"]
