"""Keys for pseudonyms: where they come from, what is refused, and how the warehouse notices another key.

A key has a name and a version: `installation` for what the warehouse keeps about people in its own ledger, and
`<recipient>.<purpose>` for the pseudonyms in files. It is 32 random bytes or more in hexadecimal, in a variable
(WAREHOUSE_KEY_DANDI_STATISTICS_V1) or in a file that only its owner can read (dandi.statistics.v1.key). It never
reaches a database: pseudonyms are computed in this process (docs/adr/0037-keyed-pseudonyms.md).
"""

from __future__ import annotations

import contextlib
import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import psycopg

from warehouse.core import variables
from warehouse.core.errors import KeyUnusable
from warehouse.core.settings import Settings, near
from warehouse.core.whole_files import sync_folder

INSTALLATION: Final = "installation"
"""The name of the key for hashes of identifiers in the warehouse's own ledger."""

SHORTEST: Final = 32
"""Of a key, in bytes: as many as SHA-256 gives (RFC 2104, section 3)."""

_FEWEST_DIFFERENT = 16
"""Different bytes in a key. Of 32 random ones about 30 differ; a key typed by hand has few."""

# No text of PostgreSQL holds the byte 0, so that a fingerprint is never a pseudonym.
_FINGERPRINTED: Final = b"\0fingerprint of a key of the Teaching Record Warehouse"

_HEXADECIMAL = re.compile(r"(?:[0-9a-fA-F]{2})+\Z")

_FIND = "select fingerprint from ledger.keys where (name, version) = (%s, %s)"

_ALL = "select name, version, fingerprint, first_used from ledger.keys order by name, version"

_NOTE = "insert into ledger.keys (name, version, fingerprint) values (%s, %s, %s) on conflict do nothing"

_UNUSED = "No pseudonym was computed with it, and nothing was sent."


@dataclass(frozen=True)
class Key:
    """A key that was found to be usable.

    Attributes:
        name: `installation`, or the recipient and the purpose, such as "dandi.statistics".
        where: the variable or the file that it came from, for messages.
    """

    name: str
    version: int
    where: str
    _secret: bytes = field(repr=False)

    def digest(self, text: str) -> str:
        """The HMAC-SHA-256 of a text's UTF-8, as 64 hexadecimal digits."""
        return hmac.digest(self._secret, text.encode(), "sha256").hex()

    @property
    def fingerprint(self) -> str:
        """What tells this key from another and gives nothing of it away: 32 hexadecimal digits."""
        return hmac.digest(self._secret, _FINGERPRINTED, "sha256").hex()[:32]


def find(settings: Settings, name: str, version: int = 1) -> Key | None:
    """A key from its variable, or else from its file; None when there is neither.

    Raises:
        KeyUnusable: it is short, not hexadecimal, or in a file that others can read or that belongs to another user.
    """
    variable = variables.key_of(name, version)
    if variable in settings.keys:
        return Key(name, version, variable, _checked(settings.keys[variable].get_secret_value(), variable))
    path = file_of(settings, name, version)
    content = _content(path)
    return None if content is None else Key(name, version, near(path), _checked(content, near(path)))


def use(connection: psycopg.Connection, settings: Settings, name: str, version: int = 1, *, make: bool = False) -> Key:
    """A key that is the one that was used before under this name and version, if one was.

    Args:
        connection: to the warehouse; the key's fingerprint is recorded at its first use.
        make: whether a key that is not there, and was never used, is made.

    Raises:
        KeyUnusable: it is missing, unusable, or another than before.
    """
    known = recorded(connection, name, version)
    key = find(settings, name, version)
    if key is None and make and known is None:
        key = create(settings, name, version)
    if key is None:
        raise _missing(settings, name, version, used=known is not None)
    if known is None:
        connection.execute(_NOTE, (name, version, key.fingerprint))
        known = recorded(connection, name, version)
    if known != key.fingerprint:
        raise KeyUnusable(
            f"The key in {key.where} is another than the one that was used as {name}, version {version}, before.",
            meaning=f"Pseudonyms would no longer lead to those in files that were sent, and nobody would notice. "
            f"{_UNUSED}",
            next_command="Restore the key from where you keep your secrets. To change to a new key on purpose, give it "
            "the next version (docs/runbooks/keys.md).",
        )
    return key


def installation(connection: psycopg.Connection, settings: Settings) -> Key:
    """The key for hashes of identifiers in the ledger, made at its first use.

    Raises:
        KeyUnusable: it is unusable, another than before, or gone after it was used.
    """
    return use(connection, settings, INSTALLATION, make=True)


def recorded(connection: psycopg.Connection, name: str, version: int = 1) -> str | None:
    """The fingerprint of the key that was used under a name and version; None when none was."""
    row = connection.execute(_FIND, (name, version)).fetchone()
    return str(row[0]) if row else None


def all_recorded(connection: psycopg.Connection) -> list[tuple[str, int, str, datetime]]:
    """Every key that was used, by name and version, with its fingerprint and the time of its first use."""
    return connection.execute(_ALL).fetchall()


def create(settings: Settings, name: str, version: int = 1) -> Key:
    """Make a key and its file, which only its owner can read; one that is there already is read instead."""
    path = file_of(settings, name, version)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(secrets.token_hex(SHORTEST) + "\n")
            handle.flush()
            os.fsync(handle.fileno())
        with contextlib.suppress(FileExistsError):
            # Unlike a rename, a link never takes the place of a key that another command has just made.
            os.link(unfinished, path)
        sync_folder(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)
    key = find(settings, name, version)
    assert key is not None, "just made"
    return key


def file_of(settings: Settings, name: str, version: int = 1) -> Path:
    """The file that may hold a key."""
    folder = settings.warehouse_key_folder or settings.warehouse_home / "keys"
    return folder / f"{name}.v{version}.key"


def _content(path: Path) -> str | None:
    """What a key's file holds; None when there is no file.

    Raises:
        KeyUnusable: it cannot be read, is no plain file, belongs to another user, or others can read it.
    """
    try:
        # A link could lead to a file that somebody else chose; a pipe would keep us waiting.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(near(path), f"cannot be opened ({type(error).__name__})", "Make it a plain file") from None
    with os.fdopen(descriptor, "rb") as handle:
        facts = os.fstat(handle.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise _unusable(near(path), "is not a plain file", "Make it a plain file")
        if facts.st_uid != os.geteuid():
            raise _unusable(near(path), "belongs to another user", f"Take it over: chown {os.geteuid()} {near(path)}")
        if facts.st_mode & 0o077:
            mode = stat.S_IMODE(facts.st_mode)
            raise _unusable(
                near(path),
                f"can be read by other users (mode {mode:04o})",
                f"Run: chmod 600 {near(path)}. If others use this machine, take it for known and change to the next "
                "version of the key (docs/runbooks/keys.md)",
            )
        return handle.read(1 << 16).decode("utf-8", "replace")


def _checked(content: str, where: str) -> bytes:
    text = content.strip()
    how = "Make one: (umask 077; openssl rand -hex 32 > FILE), and put it there"
    if not _HEXADECIMAL.match(text):
        raise _unusable(where, "is not in hexadecimal", how)
    secret = bytes.fromhex(text)
    if len(secret) < SHORTEST:
        raise _unusable(where, f"is {len(secret)} bytes long, and {SHORTEST} are the least", how)
    if len(set(secret)) < _FEWEST_DIFFERENT:
        raise _unusable(where, "repeats few bytes, so it is not random", how)
    return secret


def _unusable(where: str, what: str, do: str) -> KeyUnusable:
    return KeyUnusable(
        f"The key in {where} {what}.", meaning=_UNUSED, next_command=f"{do}, then run the command again."
    )


def _missing(settings: Settings, name: str, version: int, *, used: bool) -> KeyUnusable:
    places = f"neither the variable {variables.key_of(name, version)} nor the file "
    places += near(file_of(settings, name, version))
    return KeyUnusable(
        f"There is no key {name}, version {version}: {places} is there.",
        meaning=("It was used before, and only that key gives the same pseudonyms. " if used else "") + _UNUSED,
        next_command="Restore it from where you keep your secrets, then run the command again."
        if used
        else f"Make one with `warehouse keys make {name} --version {version}`, or set the variable to one that you "
        "keep elsewhere. Keep a copy with your secrets. Then run the command again.",
    )
