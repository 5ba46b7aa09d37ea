"""An SFTP server. Its host key must be known beforehand; files get their names by a rename that overwrites nothing."""

from __future__ import annotations

import asyncio
import hashlib
import stat
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import unquote, urlsplit

import asyncssh

from warehouse.core.contracts import Proof
from warehouse.core.errors import DeliveryError, DestinationRefused
from warehouse.core.settings import Settings
from warehouse.core.whole_files import CHUNK, chunks
from warehouse.deliver.destinations.base import LARGEST_MANIFEST, Destination, Doing, How, with_retries
from warehouse.deliver.files import FileFacts

ATTEMPTS = 4
FIRST_WAIT = 0.5
CONNECT_SECONDS = 20
IDLE_SECONDS = 30

ANSWER_SECONDS = 120.0
"""How long a server may leave a request without an answer while its connection lives. A large file has many of them."""

_FOLDER_MODE = 0o750
"""Of a folder that we make on the server; its own umask may take more away."""

_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")

_PASSING = (
    asyncssh.ConnectionLost,
    asyncssh.SFTPConnectionLost,
    asyncssh.SFTPNoConnection,
    ConnectionError,
    TimeoutError,
)
_ABSENT = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)
_NO_ROOM = (asyncssh.SFTPNoSpaceOnFilesystem, asyncssh.SFTPQuotaExceeded)

_Result = TypeVar("_Result")


def _bytes(piece: str | bytes) -> bytes:
    """What a file opened in binary mode gives; the library's types do not say so."""
    assert isinstance(piece, bytes)
    return piece


def open_at(url: str, settings: Settings) -> Sftp:
    """The folder on a server that a URL names."""
    return Sftp(url, settings)


class Sftp(Destination):
    """A folder on an SFTP server as a destination.

    Args:
        url: sftp://user@host:port/path, the path from the server's root.
        settings: for the key or the password, and the known hosts.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        parts = urlsplit(url)
        super().__init__(url, is_here=parts.hostname in _THIS_MACHINE)
        self._host, self._port = parts.hostname or "", parts.port or 22
        self._user, self._base = unquote(parts.username or ""), unquote(parts.path).rstrip("/")
        self._settings = settings
        self._runner: asyncio.Runner | None = None
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None
        self._watch: asyncio.TimerHandle | None = None

    def create(self, facts: FileFacts, partial: str, source: BinaryIO, how: How) -> bool:
        """See Destination."""
        final, unfinished, name = self._path(facts.name), self._path(partial), facts.name
        named = False

        async def upload(client: asyncssh.SFTPClient) -> bool:
            nonlocal named
            if named and await self._seen(client, unfinished) is False:
                # The connection broke while it got its name, and the partial name is gone: it has it, or had it.
                return True
            if not how.replace and await self._seen(client, final):
                return False
            with self._doing(Doing.MAKING, name):
                await self._make_folder(client, final.rsplit("/", maxsplit=1)[0])
            source.seek(0)
            try:
                with self._doing(Doing.WRITING, name):
                    await self._write(client, unfinished, source)
                if how.proof is Proof.PICK_UP:
                    with self._doing(Doing.READING, partial):
                        if await self._digest(client, unfinished) != facts.sha256:
                            raise self.not_what_was_sent(name)
                if how.replace:
                    how.removing()
                    with self._doing(Doing.REMOVING, name), suppress(*_ABSENT):
                        await client.remove(final)
                how.naming(True)
                named = True
                try:
                    with self._doing(Doing.NAMING, name):
                        await client.rename(unfinished, final)
                except (asyncssh.SFTPError, DestinationRefused) as error:
                    if isinstance(error, _PASSING):
                        raise
                    named = False
                    how.naming(False)
                    # A server says "failure" for a name that is taken, and for anything else too.
                    if how.replace or not await self._seen(client, final):
                        raise
                    await client.remove(unfinished)
                    return False
            except (asyncssh.SFTPError, DeliveryError):
                with suppress(asyncssh.SFTPError):
                    await client.remove(unfinished)
                raise
            return True

        return self._try(upload)

    def matches(self, facts: FileFacts) -> bool | None:
        """See Destination; reads the file and compares SHA-256."""

        async def compare(client: asyncssh.SFTPClient) -> bool | None:
            with self._doing(Doing.READING, facts.name):
                digest = await self._digest(client, self._path(facts.name))
            return None if digest is None else digest == facts.sha256

        return self._try(compare)

    def read(self, name: str) -> bytes | None:
        """See Destination."""

        async def get(client: asyncssh.SFTPClient) -> bytes | None:
            try:
                with self._doing(Doing.READING, name):
                    async with client.open(self._path(name), "rb") as file:
                        return _bytes(await file.read(LARGEST_MANIFEST))
            except _ABSENT:
                return None

        return self._try(get)

    def fetch(self, name: str, path: Path) -> bool:
        """See Destination."""

        async def copy(client: asyncssh.SFTPClient) -> bool:
            try:
                with self._doing(Doing.READING, name):
                    async with client.open(self._path(name), "rb") as file:
                        with path.open("wb") as target:
                            while piece := await file.read(CHUNK):
                                target.write(_bytes(piece))
            except _ABSENT:
                return False
            return True

        return self._try(copy)

    def remove(self, name: str) -> None:
        """See Destination."""

        async def delete(client: asyncssh.SFTPClient) -> None:
            with self._doing(Doing.REMOVING, name), suppress(*_ABSENT):
                await client.remove(self._path(name))

        self._try(delete)

    def room(self) -> int | None:
        """See Destination; by an extension of OpenSSH that other servers need not have."""

        async def ask(client: asyncssh.SFTPClient) -> int | None:
            try:
                found = await client.statvfs(self._base or "/")
            except asyncssh.SFTPError as error:
                if isinstance(error, _PASSING):
                    raise
                return None
            return int(found.bavail * found.frsize)

        return self._try(ask)

    def close(self) -> None:
        """Close the connection."""
        if self._runner is not None:
            self._runner.run(self._disconnect())
            self._runner.close()
            self._runner = None

    # -- the connection ------------------------------------------------------------------------------------------

    def _path(self, name: str) -> str:
        return f"{self._base}/{name}"

    @contextmanager
    def _doing(self, what: Doing, name: str) -> Iterator[None]:
        """Name what was denied: a server that may be written to need not be one that may be read, and the reverse."""
        try:
            yield
        except asyncssh.SFTPPermissionDenied as error:
            raise self.denied(what, name, str(error.reason).strip()) from None

    @staticmethod
    async def _seen(client: asyncssh.SFTPClient, path: str) -> bool | None:
        """Whether something is there; None where it may not be looked at, which the library calls absent."""
        try:
            await client.stat(path)
        except _ABSENT:
            return False
        except asyncssh.SFTPPermissionDenied:
            return None
        return True

    @staticmethod
    async def _make_folder(client: asyncssh.SFTPClient, folder: str) -> None:
        """Make a folder and those above it, also where nothing may be looked at: a folder that is there is no error."""
        missing: list[str] = []
        while folder and not await Sftp._seen(client, folder):
            missing.append(folder)
            folder = folder.rsplit("/", maxsplit=1)[0]
        failure: asyncssh.SFTPError | None = None
        for one in reversed(missing):
            try:
                await client.mkdir(one, asyncssh.SFTPAttrs(permissions=_FOLDER_MODE))
            except asyncssh.SFTPError as error:
                # Made meanwhile, or there and not to be seen: what is asked in the end is whether the last one is.
                failure = failure or error
        if failure and await Sftp._seen(client, missing[0]) is False:
            raise failure

    async def _digest(self, client: asyncssh.SFTPClient, path: str) -> str | None:
        digest = hashlib.sha256()
        try:
            async with client.open(path, "rb") as file:
                while piece := await file.read(1 << 20):
                    digest.update(_bytes(piece))
                    self._answered()
        except _ABSENT:
            return None
        return digest.hexdigest()

    async def _write(self, client: asyncssh.SFTPClient, path: str, source: BinaryIO) -> None:
        mode = int(self._settings.warehouse_sftp_file_mode, 8)
        # From its first byte on, and whatever the server's own default or a file of that name from before has.
        async with client.open(path, "wb", asyncssh.SFTPAttrs(permissions=mode)) as file, self._filling():
            with suppress(asyncssh.SFTPOpUnsupported, asyncssh.SFTPPermissionDenied):
                await file.setstat(asyncssh.SFTPAttrs(permissions=mode))
            for piece in chunks(source):
                await file.write(piece)
                self._answered()
            with suppress(asyncssh.SFTPOpUnsupported):  # an extension of OpenSSH
                await file.fsync()

    @asynccontextmanager
    async def _filling(self) -> AsyncIterator[None]:
        """A server of the old protocol has no word for a full disk: a write that fails after the open was allowed."""
        try:
            yield
        except _NO_ROOM as error:
            raise self.full(type(error).__name__) from None
        except asyncssh.SFTPFailure:
            raise self.full("it failed a write, as SFTP servers do when disk or quota is used up") from None

    def _try(self, action: Callable[[asyncssh.SFTPClient], Coroutine[Any, Any, _Result]]) -> _Result:
        if self._runner is None:
            self._runner = asyncio.Runner()
            # What a broken connection leaves to the library's own tasks is raised where we wait for it, too.
            self._runner.get_loop().set_exception_handler(lambda *_: None)
        runner = self._runner

        async def connected() -> _Result:
            try:
                client = await self._sftp()
                self._answered()
                return await action(client)
            except _PASSING:
                await self._disconnect()
                raise
            finally:
                self._unwatched()

        def once() -> _Result:
            try:
                return runner.run(connected())
            except (asyncssh.Error, OSError) as error:
                raise self._in_words(error) from None

        return with_retries(once, attempts=ATTEMPTS, first_wait=FIRST_WAIT)

    def _answered(self) -> None:
        """The server gave an answer: it may take its time for the next one.

        A connection that is given up fails all that waits for it; a request alone cannot be given up, because closing
        its file would wait for the same server.
        """
        self._unwatched()
        if self._connection is not None:
            self._watch = asyncio.get_running_loop().call_later(ANSWER_SECONDS, self._connection.abort)

    def _unwatched(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _in_words(self, error: Exception) -> DeliveryError:
        if isinstance(error, _NO_ROOM):
            return self.full(type(error).__name__)
        if isinstance(error, asyncssh.HostKeyNotVerifiable):
            return self.refused(
                "its host key is not the one in the known hosts",
                f"Get the key from the server's owner and add it to {self._known_hosts()}",
            )
        if isinstance(error, asyncssh.PermissionDenied):
            hint = "Check WAREHOUSE_SFTP_KEY_FILE or WAREHOUSE_SFTP_PASSWORD"
            return self.refused(f"it does not let {self._user or 'a user without a name'} in", hint)
        hint = "Check the server's address, and that it is up"
        return self.refused(type(error).__name__, hint, passes=isinstance(error, _PASSING))

    def _known_hosts(self) -> Path:
        return self._settings.warehouse_sftp_known_hosts or Path.home() / ".ssh" / "known_hosts"

    async def _sftp(self) -> asyncssh.SFTPClient:
        if self._client is not None:
            return self._client
        known_hosts = self._known_hosts()
        if not known_hosts.is_file():
            raise self.refused(
                f"there is no known_hosts file {known_hosts} to check its host key against",
                "Get the key from the server's owner, put it there or name another file in WAREHOUSE_SFTP_KNOWN_HOSTS",
            )
        password, key = self._settings.warehouse_sftp_password, self._settings.warehouse_sftp_key_file
        if key:
            self._is_ours_alone(key)
        try:
            keys = [asyncssh.read_private_key(key)] if key else []
        except (OSError, asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            hint = "Name a private key without a passphrase in WAREHOUSE_SFTP_KEY_FILE"
            raise self.refused(f"the key file cannot be used ({type(error).__name__})", hint) from None
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

    def _is_ours_alone(self, key: Path) -> None:
        """A private key that others on this machine can read is not private."""
        with suppress(OSError):
            if key.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise self.refused(f"other users of this machine may read the key file {key}", f"chmod 600 {key}")

    async def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.abort()
            with suppress(asyncssh.Error, OSError):
                await self._connection.wait_closed()
        self._connection = self._client = None
