"""The places that deliveries go to, behind one interface: a module for each kind of `warehouse.core.destinations`.

Such a module has `open_at(url, settings)`, which makes no connection yet. It is imported when it is first needed:
the libraries of some are slow to import.
"""

from importlib import import_module

from warehouse.core.destinations import kind_of
from warehouse.core.settings import Settings
from warehouse.deliver.destinations.base import Destination

__all__ = ["Destination", "open_destination"]


def open_destination(url: str, settings: Settings) -> Destination:
    """The destination that a URL names. Connections are made when they are first needed.

    Raises:
        SettingsError: see kind_of.
    """
    module = import_module(f"{__name__}.{kind_of(url).name}")
    opened: Destination = module.open_at(url, settings)
    return opened
