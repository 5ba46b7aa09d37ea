"""An SFTP server. Its host key must be known beforehand; files get their names by a rename that overwrites nothing."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import unquote, urlsplit

import asyncssh

from warehouse.core.errors import DeliveryError, DestinationFull
from warehouse.core.settings import Settings
from warehouse.deliver.destinations.base import LARGEST_MANIFEST, full, refused, with_retries
from warehouse.deliver.files import FileFacts, chunks

ATTEMPTS = 4
FIRST_WAIT = 0.5
CONNECT_SECONDS = 20
IDLE_SECONDS = 30

_PASSING = (
    asyncssh.ConnectionLost,
    asyncssh.SFTPConnectionLost,
    asyncssh.SFTPNoConnection,
    ConnectionError,
    TimeoutError,
)
_NO_ROOM = (asyncssh.SFTPNoSpaceOnFilesystem, asyncssh.SFTPQuotaExceeded)

_Result = TypeVar("_Result")


def _bytes(piece: str | bytes) -> bytes:
    """What a file opened in binary mode gives; the library's types do not tell."""
    assert isinstance(piece, bytes)
    return piece


class Sftp:
    """A folder on an SFTP server as a destination.

    Args:
        url: sftp://user@host:port/path, the path from the server's root.
        settings: for the key or the password, and the known hosts.
    """

    has_partials = True

    def __init__(self, url: str, settings: Settings) -> None:
        parts = urlsplit(url)
        self.where = url
        self._host, self._port = parts.hostname or "", parts.port or 22
        self._user, self._base = unquote(parts.username or ""), unquote(parts.path).rstrip("/")
        self._settings = settings
        self._runner: asyncio.Runner | None = None
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None

    def create(self, facts: FileFacts, partial: str, source: BinaryIO, *, replace: bool) -> bool:
        """See Destination."""
        final, unfinished = self._path(facts.name), self._path(partial)

        async def upload(client: asyncssh.SFTPClient) -> bool:
            if not replace and await client.exists(final):
                return False
            await client.makedirs(final.rsplit("/", maxsplit=1)[0], exist_ok=True)
            source.seek(0)
            try:
                await self._write(client, unfinished, source)
                if replace:
                    with suppress(asyncssh.SFTPNoSuchFile):
                        await client.remove(final)
                try:
                    await client.rename(unfinished, final)
                except asyncssh.SFTPError:
                    # A server says "failure" for a name that is taken, and for anything else too.
                    if replace or not await client.exists(final):
                        raise
                    await client.remove(unfinished)
                    return False
            except (asyncssh.SFTPError, DestinationFull):
                with suppress(asyncssh.SFTPError):
                    await client.remove(unfinished)
                raise
            return True

        return self._try(upload)

    def matches(self, facts: FileFacts) -> bool | None:
        """See Destination; reads the file and compares SHA-256."""

        async def compare(client: asyncssh.SFTPClient) -> bool | None:
            digest = hashlib.sha256()
            try:
                async with client.open(self._path(facts.name), "rb") as file:
                    while piece := await file.read(1 << 20):
                        digest.update(_bytes(piece))
            except asyncssh.SFTPNoSuchFile:
                return None
            return digest.hexdigest() == facts.sha256

        return self._try(compare)

    def read(self, name: str) -> bytes | None:
        """See Destination."""

        async def get(client: asyncssh.SFTPClient) -> bytes | None:
            try:
                async with client.open(self._path(name), "rb") as file:
                    return _bytes(await file.read(LARGEST_MANIFEST))
            except asyncssh.SFTPNoSuchFile:
                return None

        return self._try(get)

    def remove(self, name: str) -> None:
        """See Destination."""

        async def delete(client: asyncssh.SFTPClient) -> None:
            with suppress(asyncssh.SFTPNoSuchFile):
                await client.remove(self._path(name))

        self._try(delete)

    def close(self) -> None:
        """Close the connection."""
        if self._runner is not None:
            self._runner.run(self._disconnect())
            self._runner.close()
            self._runner = None

    # -- the connection ------------------------------------------------------------------------------------------

    def _path(self, name: str) -> str:
        return f"{self._base}/{name}"

    async def _write(self, client: asyncssh.SFTPClient, path: str, source: BinaryIO) -> None:
        async with client.open(path, "wb") as file, self._filling():
            for piece in chunks(source):
                await file.write(piece)
            with suppress(asyncssh.SFTPOpUnsupported):  # an extension of OpenSSH
                await file.fsync()

    @asynccontextmanager
    async def _filling(self) -> AsyncIterator[None]:
        """A server of the old protocol has no word for a full disk: a write that fails after the open was allowed."""
        try:
            yield
        except _NO_ROOM as error:
            raise full(self.where, type(error).__name__) from None
        except asyncssh.SFTPFailure:
            raise full(self.where, "it failed a write, as SFTP servers do when disk or quota is used up") from None

    def _try(self, action: Callable[[asyncssh.SFTPClient], Coroutine[Any, Any, _Result]]) -> _Result:
        if self._runner is None:
            self._runner = asyncio.Runner()
        runner = self._runner

        async def connected() -> _Result:
            try:
                return await action(await self._sftp())
            except _PASSING:
                await self._disconnect()
                raise

        try:
            return with_retries(
                lambda: runner.run(connected()),
                lambda error: isinstance(error, _PASSING) and not isinstance(error, asyncssh.HostKeyNotVerifiable),
                attempts=ATTEMPTS,
                first_wait=FIRST_WAIT,
            )
        except DeliveryError:
            raise
        except (asyncssh.Error, OSError) as error:
            raise self._in_words(error) from None

    def _in_words(self, error: Exception) -> DeliveryError:
        if isinstance(error, _NO_ROOM):
            return full(self.where, type(error).__name__)
        if isinstance(error, asyncssh.HostKeyNotVerifiable):
            return refused(
                self.where,
                "its host key is not the one in the known hosts",
                f"Get the key from the server's owner and add it to {self._known_hosts()}",
            )
        if isinstance(error, asyncssh.PermissionDenied):
            hint = "Check WAREHOUSE_SFTP_KEY_FILE or WAREHOUSE_SFTP_PASSWORD"
            return refused(self.where, f"it does not let {self._user or 'nobody'} in", hint)
        if isinstance(error, asyncssh.SFTPPermissionDenied):
            return refused(self.where, "permission denied", f"Ask its owner for write access to {self._base or '/'}")
        return refused(self.where, type(error).__name__, "Check the server's address, and that it is up")

    def _known_hosts(self) -> Path:
        return self._settings.warehouse_sftp_known_hosts or Path.home() / ".ssh" / "known_hosts"

    async def _sftp(self) -> asyncssh.SFTPClient:
        if self._client is not None:
            return self._client
        known_hosts = self._known_hosts()
        if not known_hosts.is_file():
            raise refused(
                self.where,
                f"there is no known_hosts file {known_hosts} to check its host key against",
                "Get the key from the server's owner, put it there or name another file in WAREHOUSE_SFTP_KNOWN_HOSTS",
            )
        password, key = self._settings.warehouse_sftp_password, self._settings.warehouse_sftp_key_file
        try:
            keys = [asyncssh.read_private_key(key)] if key else []
        except (OSError, asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            hint = "Name a private key without a passphrase in WAREHOUSE_SFTP_KEY_FILE"
            raise refused(self.where, f"the key file cannot be used ({type(error).__name__})", hint) from None
        self._connection = await asyncssh.connect(
            self._host,
            self._port,
            username=self._user,
            password=password.get_secret_value() if password else None,
            client_keys=keys or None,
            known_hosts=str(known_hosts),
            config=None,
            agent_path=None,
            connect_timeout=CONNECT_SECONDS,
            keepalive_interval=IDLE_SECONDS,
        )
        self._client = await self._connection.start_sftp_client()
        return self._client

    async def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.abort()
            with suppress(asyncssh.Error, OSError):
                await self._connection.wait_closed()
        self._connection = self._client = None
