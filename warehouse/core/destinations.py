"""The kinds of place that deliveries can go to: the one list, and what a destination's URL says of its kind.

A new kind is a line in KINDS and a module of the same name in `warehouse/deliver/destinations/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from warehouse.core.errors import SettingsError


@dataclass(frozen=True)
class Kind:
    """A kind of place.

    Attributes:
        name: of the kind, and of its module in `warehouse/deliver/destinations/`.
        server_type: how a contract names it in `servers`: the standard's own word, or that of a server of type custom.
        schemes: of its URLs; empty for a path.
        form: of a URL, as messages show it.
        extra: the part of the product that its module needs, where that is installed only by who wants it.
    """

    name: str
    server_type: str
    schemes: tuple[str, ...]
    form: str
    extra: str | None = None


FOLDER = Kind("folder", "local", ("", "file"), "a folder")
KINDS = (
    FOLDER,
    Kind("cloud_storage", "gcs", ("gs",), "gs://bucket/prefix"),
    Kind("azure_blob", "azure", ("az",), "az://account/container/prefix", extra="azure"),
    Kind("sftp", "sftp", ("sftp",), "sftp://user@host:port/path"),
)


def forms() -> str:
    """What a destination may be, in words: "gs://bucket/prefix, sftp://… or a folder"."""
    *others, last = [kind.form for kind in KINDS if kind is not FOLDER] + [FOLDER.form]
    return f"{', '.join(others)} or {last}"


def server_types() -> str:
    """What a contract's `servers` may name, in words."""
    return ", ".join(kind.server_type for kind in KINDS)


def kind_of_server(server_type: str) -> Kind | None:
    """The kind that a contract names so; None when there is none."""
    return next((kind for kind in KINDS if kind.server_type == server_type), None)


def kind_of(url: str) -> Kind:
    """What kind of place a URL names.

    Raises:
        SettingsError: none that is known, or a password or a signature in the URL.
    """
    parts = urlsplit(url)
    if parts.scheme and "sig=" in parts.query:
        raise SettingsError(
            f"The destination on {parts.hostname} has a signature in its URL.",
            meaning="Nothing was sent. A URL is shown in reports and kept in the ledger.",
            next_command="Move what follows the question mark to a file of mode 600, name it in "
            "WAREHOUSE_AZURE_SAS_FILE, then run `warehouse deliver`.",
        )
    if parts.password is not None:
        raise SettingsError(
            f"The destination on {parts.hostname} has a password in its URL.",
            meaning="Nothing was sent. A URL is shown in reports and kept in the ledger.",
            next_command="Move the password to WAREHOUSE_SFTP_PASSWORD, or use a key, then run `warehouse deliver`.",
        )
    kind = next((kind for kind in KINDS if parts.scheme in kind.schemes), None)
    if kind is None:
        raise SettingsError(
            f"The warehouse cannot write to a destination of kind {parts.scheme}://.",
            meaning="Nothing was sent.",
            next_command=f"Name {forms()}, then run `warehouse deliver`.",
        )
    return kind


def describe(url: str) -> str:
    """A destination as it is shown and kept in the ledger: a folder by its whole path, anything else by its URL."""
    return str(folder_of(url)) if kind_of(url) is FOLDER else url


def is_folder(destination: str) -> bool:
    """Whether a destination, as the ledger keeps it, is a folder; of an old kind that is gone, it is not."""
    return urlsplit(destination).scheme in FOLDER.schemes


def folder_of(url: str) -> Path:
    """The folder that a URL of that kind, or a path, names."""
    parts = urlsplit(url)
    return Path(unquote(parts.path) if parts.scheme == "file" else url).expanduser().absolute()
