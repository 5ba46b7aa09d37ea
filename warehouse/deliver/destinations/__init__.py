"""The places that deliveries go to, behind one interface: a module for each kind of `warehouse.core.destinations`.

Such a module has `open_at(url, settings)`, which makes no connection yet. It is imported when it is first needed:
the libraries of some are slow to import.
"""

from importlib import import_module

from warehouse.core.destinations import Kind, kind_of
from warehouse.core.errors import KindNotInstalled
from warehouse.core.settings import Settings
from warehouse.deliver.destinations.base import Destination

__all__ = ["Destination", "open_destination"]


def open_destination(url: str, settings: Settings) -> Destination:
    """The destination that a URL names. Connections are made when they are first needed.

    Raises:
        SettingsError: see kind_of.
        KindNotInstalled: it needs packages that this installation has not got.
    """
    kind = kind_of(url)
    try:
        module = import_module(f"{__name__}.{kind.name}")
    except ModuleNotFoundError as error:
        if kind.extra is None or (error.name or "").startswith("warehouse"):
            raise
        raise _not_installed(kind, error.name or "") from None
    opened: Destination = module.open_at(url, settings)
    return opened


def _not_installed(kind: Kind, package: str) -> KindNotInstalled:
    return KindNotInstalled(
        f"Destinations {kind.form} need packages that are not installed here ({package}).",
        meaning="Nothing was sent.",
        next_command=f"`requirements/install {kind.extra}`, then `warehouse deliver`.",
    )
