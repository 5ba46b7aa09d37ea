"""From a destination's URL to the destination."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from warehouse.core.errors import SettingsError
from warehouse.core.settings import Settings
from warehouse.deliver.destinations.base import Destination
from warehouse.deliver.destinations.folder import Folder

SCHEMES = {"": "folder", "file": "folder", "gs": "gs", "sftp": "sftp"}


def scheme_of(url: str) -> str:
    """What kind of place a URL names: "folder", "gs" or "sftp".

    Raises:
        SettingsError: none of these, or a password in the URL.
    """
    parts = urlsplit(url)
    if parts.password is not None:
        raise SettingsError(
            f"The destination on {parts.hostname} has a password in its URL.",
            meaning="Nothing was sent. A URL is shown in reports and kept in the ledger.",
            next_command="Move the password to WAREHOUSE_SFTP_PASSWORD, or use a key, then run `warehouse deliver`.",
        )
    if parts.scheme not in SCHEMES:
        raise SettingsError(
            f"A destination of kind {parts.scheme}:// is not one that this program can write to.",
            meaning="Nothing was sent.",
            next_command="Name a folder, gs://bucket/prefix or sftp://user@host:port/path, then run "
            "`warehouse deliver`.",
        )
    return SCHEMES[parts.scheme]


def describe(url: str) -> str:
    """A destination as it is shown and kept: a folder by its whole path, anything else by its URL."""
    return str(_folder(url)) if scheme_of(url) == "folder" else url


def open_destination(url: str, settings: Settings) -> Destination:
    """The destination that a URL names. Connections are made when they are first needed.

    Raises:
        SettingsError: see scheme_of.
    """
    kind = scheme_of(url)
    if kind == "folder":
        folder = _folder(url)
        return Folder(folder, may_be_made=folder == _folder(str(settings.warehouse_deliveries)))
    if kind == "gs":
        from warehouse.deliver.destinations.cloud_storage import CloudStorage  # noqa: PLC0415 - slow to import

        return CloudStorage(url)
    from warehouse.deliver.destinations.sftp import Sftp  # noqa: PLC0415 - slow to import

    return Sftp(url, settings)


def _folder(url: str) -> Path:
    parts = urlsplit(url)
    return Path(unquote(parts.path) if parts.scheme == "file" else url).expanduser().absolute()
