"""A container of Azure Blob Storage, in another organisation's tenant.

Each blob appears whole or not at all, and only where none is (`If-None-Match: *`). The service compares the MD5 of each
request, but only keeps what it is told of a blob made of blocks: so a file is read back by its content.
"""

from __future__ import annotations

import base64
import hashlib
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

from azure.core import MatchConditions
from azure.core.credentials import AzureSasCredential
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobBlock, BlobServiceClient, ContentSettings

from warehouse.core.errors import DeliveryError, DestinationRefused, SettingsError
from warehouse.core.private_files import read_text
from warehouse.core.settings import Settings
from warehouse.deliver.destinations.answers import FORBIDDEN, PASSING_CODES, Advice, Answer, asked_for, in_words
from warehouse.deliver.destinations.base import LARGEST_MANIFEST, Destination, Doing, How, Making, with_retries
from warehouse.deliver.files import FileFacts

BLOCK = 8 << 20
"""In bytes: a file of at most as many goes in one request, a larger one in blocks, 50,000 of them at most."""

CONNECT_TIMEOUT = 20
READ_TIMEOUT = 60
ATTEMPTS = 6
FIRST_WAIT = 0.5

_TAKEN = ("BlobAlreadyExists", "ConditionNotMet")
_NOT_ACCEPTED = ("AuthenticationFailed", "InvalidAuthenticationInfo", "NoAuthenticationInformation")
_ARRIVED_BROKEN = "Md5Mismatch"
_NO_BLOB = "BlobNotFound"
_ADVICE = Advice(
    credentials="Check the shared access signature in WAREHOUSE_AZURE_SAS_FILE (has it ended?), or the identity that "
    "AZURE_CLIENT_ID names, or this machine's own",
    otherwise="Check the names of account and container, and what the credentials allow (create, read, write, delete)",
    rights={Doing.WRITING: "create", Doing.READING: "read", Doing.REMOVING: "delete"},
)

_OF_PEOPLE = ("cli", "developer_cli", "powershell", "shared_token_cache", "visual_studio_code", "interactive_browser")
_ACCOUNT = re.compile("[a-z0-9]{3,24}")

_Result = TypeVar("_Result")


def open_at(url: str, settings: Settings) -> AzureBlob:
    """The container that a URL names.

    Raises:
        SettingsError: it names no account, or no container of it.
    """
    parts = urlsplit(url)
    if not _ACCOUNT.fullmatch(parts.netloc) or not parts.path.strip("/"):
        raise SettingsError(
            f"{url} is not the address of a container of Azure Blob Storage.",
            meaning="Nothing was sent.",
            next_command="Write az://account/container/prefix, with the name of the account alone (3 to 24 small "
            "letters and digits), then run `warehouse deliver`.",
        )
    return AzureBlob(url, settings)


class AzureBlob(Destination):
    """A container, or a prefix in one, as a destination.

    Args:
        url: az://account/container/prefix.
        settings: for the shared access signature, and the address of an emulator.
    """

    has_partials = False

    def __init__(self, url: str, settings: Settings) -> None:
        self._emulator, self._sas_file = settings.warehouse_azure_emulator, settings.warehouse_azure_sas_file
        super().__init__(url, is_here=self._emulator is not None)
        parts = urlsplit(url)
        self._account = parts.netloc
        self._container_name, _, self._prefix = parts.path.strip("/").partition("/")
        self._opened: Any = None

    def create(self, facts: FileFacts, partial: str, source: BinaryIO, how: How) -> bool:
        """See Destination. Replacing asks for the very blob that was seen, by its ETag."""
        del partial

        def seen() -> dict[str, Any]:
            properties = self._properties(facts.name) if how.replace else None
            if properties is None:
                return {"match_condition": MatchConditions.IfMissing}
            return {"etag": properties.etag, "match_condition": MatchConditions.IfNotModified}

        try:
            condition = self._try(seen, Doing.READING, facts.name)
            making = Making(how)
            # Blocks wait until a blob is made of them: so one can ask whether it was made, when the answer is lost.
            if facts.bytes <= BLOCK and making.is_seen:
                self._at_once(facts, source, condition)
            else:
                self._in_blocks(facts, source, condition, making)
        except _Taken:
            return False
        return True

    def _at_once(self, facts: FileFacts, source: BinaryIO, condition: dict[str, Any]) -> None:
        source.seek(0)
        content = source.read(BLOCK)

        def put() -> None:
            # The library's own guard against overwriting would take the place of the condition.
            self._blob(facts.name).upload_blob(
                content,
                length=len(content),
                overwrite=True,
                content_settings=_told(facts),
                validate_content="md5",
                **condition,
            )

        self._try(put, Doing.WRITING, facts.name)

    def _in_blocks(self, facts: FileFacts, source: BinaryIO, condition: dict[str, Any], making: Making) -> None:
        """Send what is not there yet, one block after the other, and make the blob of them.

        A block's name says what it holds. So one that an attempt before this sent is not sent again, whichever
        process that was; blocks that become part of no blob go by themselves after a week.
        """
        there = self._try(lambda: self._staged(facts.name), Doing.WRITING, facts.name) or set()
        source.seek(0)
        names: list[str] = []
        while piece := source.read(BLOCK):
            name = f"{len(names):05d}-{hashlib.sha256(piece).hexdigest()[:32]}"
            if name not in there:

                def stage(piece: bytes = piece, name: str = name) -> None:
                    self._blob(facts.name).stage_block(name, piece, length=len(piece), validate_content="md5")

                self._try(stage, Doing.WRITING, facts.name)
            names.append(name)

        def commit() -> None:
            if making.unanswered and self._was_made(facts.name, names, condition.get("etag")):
                return
            making.note(True)
            try:
                self._blob(facts.name).commit_block_list(
                    [BlobBlock(block_id=name) for name in names], content_settings=_told(facts), **condition
                )
            except HttpResponseError as error:
                if error.status_code is not None and error.status_code not in PASSING_CODES:
                    making.note(False)
                raise

        self._try(commit, Doing.WRITING, facts.name)

    def _was_made(self, name: str, blocks: list[str], replaced: str | None) -> bool:
        """Whether a blob was made of blocks by a request whose answer was lost; it may have been taken since.

        Args:
            replaced: the ETag of the blob that gives way.

        Raises:
            _Taken: a blob has the name.
            DestinationRefused: that cannot be told.
        """
        try:
            there, waiting = self._properties(name), self._staged(name)
        except HttpResponseError as error:
            if error.status_code != FORBIDDEN:
                raise
            raise self.not_known_whether_made(name) from None
        if there is not None:
            if there.etag == replaced:
                return False
            raise _Taken
        if waiting is None or not blocks:
            raise self.not_known_whether_made(name)
        return not waiting >= set(blocks)

    def _staged(self, name: str) -> set[str] | None:
        """The names of the blocks that wait to become part of a blob; None where they may not be looked at."""
        try:
            _, waiting = self._blob(name).get_block_list("uncommitted")
        except HttpResponseError as error:
            if error.status_code == FORBIDDEN:
                return None
            if _code(error) == _NO_BLOB:
                return set()
            raise
        return {block.id for block in waiting}

    def matches(self, facts: FileFacts) -> bool | None:
        """See Destination; reads the blob and compares SHA-256."""

        def compare() -> bool | None:
            properties = self._properties(facts.name)
            if properties is None or properties.size != facts.bytes:
                return None if properties is None else False
            digest = hashlib.sha256()
            for piece in self._blob(facts.name).download_blob(max_concurrency=1).chunks():
                digest.update(piece)
            return digest.hexdigest() == facts.sha256

        return self._try(compare, Doing.READING, facts.name)

    def read(self, name: str) -> bytes | None:
        """See Destination."""

        def download() -> bytes | None:
            try:
                content: bytes = self._blob(name).download_blob(offset=0, length=LARGEST_MANIFEST).readall()
            except HttpResponseError as error:
                if _code(error) != _NO_BLOB:
                    raise
                return None
            return content

        return self._try(download, Doing.READING, name)

    def fetch(self, name: str, path: Path) -> bool:
        """See Destination."""

        def download() -> bool:
            try:
                pieces = self._blob(name).download_blob(max_concurrency=1)
            except HttpResponseError as error:
                if _code(error) != _NO_BLOB:
                    raise
                return False
            with path.open("wb") as target:
                pieces.readinto(target)
            return True

        return self._try(download, Doing.READING, name)

    def remove(self, name: str) -> None:
        """See Destination."""

        def delete() -> None:
            properties = self._properties(name)
            if properties is not None:
                self._blob(name).delete_blob(etag=properties.etag, match_condition=MatchConditions.IfNotModified)

        with suppress(_Taken):  # another blob has the name since: it is not ours
            self._try(delete, Doing.REMOVING, name)

    def doubts(self) -> list[str]:
        """See Destination; what the container itself says of who may read it."""

        def look() -> list[str]:
            try:
                access = self._container().get_container_properties().public_access
            except HttpResponseError as error:
                if error.status_code != FORBIDDEN:
                    raise
                return ["its settings could not be looked at: the identity may not read the container's properties"]
            return [f"anybody may read its blobs: public access is {access}"] if access else []

        return self._try(look, Doing.READING, "its settings")

    def close(self) -> None:
        """Close the connection."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    # -- the service ---------------------------------------------------------------------------------------------

    def _properties(self, name: str) -> Any:
        """Of a blob; None when there is none."""
        try:
            return self._blob(name).get_blob_properties()
        except HttpResponseError as error:
            if _code(error) != _NO_BLOB:
                raise
            return None

    def _blob(self, name: str) -> Any:
        return self._container().get_blob_client(f"{self._prefix}/{name}" if self._prefix else name)

    def _container(self) -> Any:
        if self._opened is None:
            address = f"https://{self._account}.blob.core.windows.net"
            self._opened = BlobServiceClient(
                f"{self._emulator}/{self._account}" if self._emulator else address,
                credential=self._credential(),
                # Attempts are ours: every one of them counts, whatever it was for.
                retry_total=0,
                max_single_put_size=BLOCK,
                max_single_get_size=BLOCK,
                max_chunk_get_size=BLOCK,
                connection_timeout=CONNECT_TIMEOUT,
                read_timeout=READ_TIMEOUT,
            )
        return self._opened.get_container_client(self._container_name)

    def _credential(self) -> Any:
        """A shared access signature from its file, or the identity that the environment or this machine has.

        Never one that a person has signed in with on this machine.
        """
        if self._sas_file is not None:
            try:
                others = stat.S_IMODE(self._sas_file.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO)
                token = read_text(self._sas_file).strip().removeprefix("?")
            except OSError as error:
                reason = f"the file {self._sas_file} cannot be read ({type(error).__name__})"
                raise self.refused(reason, "Correct WAREHOUSE_AZURE_SAS_FILE") from None
            if others:
                raise self.refused(
                    f"other users of this machine may read {self._sas_file}", f"chmod 600 {self._sas_file}"
                )
            return AzureSasCredential(token)
        if self._emulator is not None:
            return None
        return DefaultAzureCredential(**{f"exclude_{one}_credential": True for one in _OF_PEOPLE})

    def _try(self, action: Callable[[], _Result], doing: Doing, name: str) -> _Result:
        def once() -> _Result:
            with self._failures(doing, name):
                return action()

        return with_retries(once, attempts=ATTEMPTS, first_wait=FIRST_WAIT)

    @contextmanager
    def _failures(self, doing: Doing, name: str) -> Iterator[None]:
        try:
            yield
        except HttpResponseError as error:
            if error.status_code is None:
                raise self._without_answer(error) from None
            raise self._answered(error, doing, name) from None
        except (AzureError, OSError) as error:
            raise self._without_answer(error) from None

    def _without_answer(self, error: Exception) -> DestinationRefused:
        """The error's text is never told: it can hold the address with the signature."""
        kind = type(error).__name__
        if isinstance(error, ClientAuthenticationError):
            return self.refused(f"no credentials ({kind})", _ADVICE.credentials)
        passes = isinstance(error, ServiceRequestError | ServiceResponseError | IncompleteReadError | OSError)
        return self.refused(f"no connection ({kind})", "Check the network, and the account's name", passes=passes)

    def _answered(self, error: HttpResponseError, doing: Doing, name: str) -> DeliveryError:
        code = _code(error)
        if code in _TAKEN:
            raise _Taken
        if code == _ARRIVED_BROKEN:
            broken = self.not_what_was_sent(name)
            broken.passes = True
            return broken
        accepted = code not in _NOT_ACCEPTED
        return in_words(
            self, Answer(int(error.status_code or 0), code, asked_for(error), accepted), doing, name, _ADVICE
        )


class _Taken(Exception):
    """Another blob has the name: whoever asked decides what that means."""


def _told(facts: FileFacts) -> ContentSettings:
    """What the service is to say of a file, so that the recipient's tools compare what they download."""
    return ContentSettings(content_type=facts.media_type, content_md5=bytearray(base64.b64decode(facts.md5)))


def _code(error: HttpResponseError) -> str:
    """The service's own word for what is wrong; the library has a list of them, and leaves the others as they are."""
    said = getattr(error, "error_code", None)
    return str(getattr(said, "value", said) or "")
