"""A Google Cloud Storage bucket.

Each object appears whole or not at all, and only where none is: every upload asks for generation 0, and tells the
service the checksums that it must arrive with. Before the piece that makes an object of many pieces the name is looked
at once more: servers that imitate Cloud Storage heed generations for uploads of a single request alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

import requests
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud import storage
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

from warehouse.core.errors import SettingsError
from warehouse.core.settings import Settings
from warehouse.deliver.destinations.answers import PASSING_CODES, Advice, Answer, asked_for, in_words
from warehouse.deliver.destinations.base import LARGEST_MANIFEST, Destination, Doing, How, Making, with_retries
from warehouse.deliver.destinations.resumable import NO_CONNECTION, Session, SessionLost
from warehouse.deliver.files import FileFacts

SINGLE_REQUEST = 8 << 20
"""A file of at most as many bytes goes in one request."""

TIMEOUT = 60
ATTEMPTS = 6
FIRST_WAIT = 0.5

_PASSING = (*NO_CONNECTION, TransportError)
_LEADS_ELSEWHERE = ("STORAGE_EMULATOR_HOST", "API_ENDPOINT_OVERRIDE")
"""Variables that the library heeds by itself."""

_ADVICE = Advice(
    credentials="Check the account's key (GOOGLE_APPLICATION_CREDENTIALS) and that the account is not disabled",
    otherwise="Check the bucket's name and what the account may do (it needs to create, read, list and delete objects)",
    rights={
        Doing.WRITING: "storage.objects.create",
        Doing.READING: "storage.objects.get, and storage.objects.list to see what is absent",
        Doing.REMOVING: "storage.objects.delete",
    },
)

_Result = TypeVar("_Result")


def open_at(url: str, settings: Settings) -> CloudStorage:
    """The bucket that a URL names. Its credentials are found as the library finds them.

    Raises:
        SettingsError: a variable of the library's own would lead the files elsewhere.
    """
    for name in _LEADS_ELSEWHERE:
        if os.environ.get(name):
            raise SettingsError(
                f"{name} is set: Google's library would send the files to that address, without credentials.",
                meaning="Nothing was sent.",
                next_command=f"Unset {name}, then run `warehouse deliver`. For an emulator on this machine set "
                "WAREHOUSE_CLOUD_STORAGE_EMULATOR.",
            )
    return CloudStorage(url, settings.warehouse_cloud_storage_region, settings.warehouse_cloud_storage_emulator)


class CloudStorage(Destination):
    """A bucket, or a prefix in one, as a destination.

    Args:
        url: gs://bucket/prefix.
        region: where the bucket has to be, such as europe-west2.
        emulator: the address of an imitation on this machine, which needs no credentials.
    """

    has_partials = False

    def __init__(self, url: str, region: str, emulator: str | None = None) -> None:
        super().__init__(url, is_here=emulator is not None)
        self._region, self._emulator = region, emulator
        parts = urlsplit(url)
        self._bucket_name, self._prefix = parts.netloc, parts.path.strip("/")
        self._opened: Any = None

    def create(self, facts: FileFacts, partial: str, source: BinaryIO, how: How) -> bool:
        """See Destination. Replacing asks for the very generation that was seen."""
        del partial

        making = Making(how)

        def upload() -> bool:
            if making.unanswered:
                with suppress(exceptions.Forbidden):
                    if self._generation(facts.name):
                        return False
                raise self.not_known_whether_made(facts.name)
            blob = self._bucket().blob(self._name(facts.name))
            # The service compares, and makes no object of what differs.
            blob.crc32c, blob.md5_hash = facts.crc32c, facts.md5
            generation = self._generation(facts.name) if how.replace else 0
            source.seek(0)

            def may_be_made() -> bool:
                is_still = self._is_still(facts.name, generation)
                making.note(is_still)
                return is_still

            try:
                # Of a session one can ask whether the object was made, when the answer is lost.
                if facts.bytes <= SINGLE_REQUEST and making.is_seen:
                    said = self._at_once(blob, facts, source, generation)
                else:
                    said = self._in_pieces(blob, facts, source, generation, may_be_made)
            except exceptions.GoogleAPICallError as error:
                if error.code not in PASSING_CODES:
                    making.note(False)
                if isinstance(error, exceptions.PreconditionFailed):
                    return False
                raise
            if said is not None and (said.get("crc32c"), str(said.get("size"))) != (facts.crc32c, str(facts.bytes)):
                self._take_back(blob, said)
                raise _NotWhatWasSent
            return said is not None

        return self._try(upload, Doing.WRITING, facts.name)

    def _at_once(self, blob: Any, facts: FileFacts, source: BinaryIO, generation: int) -> dict[str, Any] | None:
        blob.upload_from_file(
            source,
            size=facts.bytes,
            content_type=facts.media_type,
            if_generation_match=generation,
            checksum=None,
            timeout=TIMEOUT,
            retry=None,
        )
        return {"crc32c": blob.crc32c, "size": blob.size, "generation": blob.generation}

    def _in_pieces(
        self, blob: Any, facts: FileFacts, source: BinaryIO, generation: int, may_be_made: Callable[[], bool]
    ) -> dict[str, Any] | None:
        url = blob.create_resumable_upload_session(
            content_type=facts.media_type,
            size=facts.bytes,
            if_generation_match=generation,
            checksum=None,
            timeout=TIMEOUT,
            retry=None,
        )
        session = Session(url, facts.bytes, TIMEOUT, ATTEMPTS, FIRST_WAIT)
        return session.send(source, may_be_made)

    def _generation(self, name: str) -> int:
        """Of the object that has a name; 0 for none."""
        there = self._bucket().get_blob(self._name(name), timeout=TIMEOUT, retry=None)
        return int(there.generation) if there else 0

    def _is_still(self, name: str, generation: int) -> bool:
        """Whether the object of a name is still that of a generation, as far as the bucket may be read."""
        try:
            return self._generation(name) == generation
        except exceptions.Forbidden:
            return True

    def _take_back(self, blob: Any, said: dict[str, Any]) -> None:
        """Remove what we made just now and is not what we sent; where that is denied, it is told by reading back."""
        with suppress(exceptions.GoogleAPICallError, *NO_CONNECTION):
            if said.get("generation"):
                blob.delete(if_generation_match=int(said["generation"]), timeout=TIMEOUT, retry=None)

    def matches(self, facts: FileFacts) -> bool | None:
        """See Destination; compares the size and the checksums that the service computed over what it holds."""

        def look() -> Any:
            blob = self._bucket().get_blob(self._name(facts.name), timeout=TIMEOUT, retry=None)
            if blob is None:
                self._bucket_is_there()
            return blob

        blob = self._try(look, Doing.READING, facts.name)
        if blob is None:
            return None
        same = blob.size == facts.bytes and blob.crc32c == facts.crc32c
        return same and blob.md5_hash in (None, facts.md5)

    def read(self, name: str) -> bytes | None:
        """See Destination."""

        def download() -> bytes | None:
            blob = self._bucket().blob(self._name(name))
            try:
                content: bytes = blob.download_as_bytes(end=LARGEST_MANIFEST, timeout=TIMEOUT, retry=None)
            except exceptions.NotFound:
                self._bucket_is_there()
                return None
            return content

        return self._try(download, Doing.READING, name)

    def fetch(self, name: str, path: Path) -> bool:
        """See Destination."""

        def download() -> bool:
            blob = self._bucket().blob(self._name(name))
            try:
                with path.open("wb") as target:
                    blob.download_to_file(target, timeout=TIMEOUT, retry=None, raw_download=True)
            except exceptions.NotFound:
                self._bucket_is_there()
                return False
            return True

        return self._try(download, Doing.READING, name)

    def remove(self, name: str) -> None:
        """See Destination."""

        def delete() -> None:
            blob = self._bucket().get_blob(self._name(name), timeout=TIMEOUT, retry=None)
            if blob is not None:
                blob.delete(if_generation_match=blob.generation, timeout=TIMEOUT, retry=None)

        self._try(delete, Doing.REMOVING, name)

    def doubts(self) -> list[str]:
        """See Destination; what the bucket itself says of who may read it, where it is, and whose key it has."""

        def look() -> list[str]:
            try:
                self._bucket().reload(timeout=TIMEOUT, retry=None)
            except exceptions.Forbidden:
                return ["its settings could not be looked at: the account lacks storage.buckets.get"]
            bucket, found = self._bucket(), []
            access = bucket.iam_configuration
            if (prevention := access.public_access_prevention) != "enforced":
                found.append(f"public access prevention is {prevention or 'not set'}, not enforced")
            if not access.uniform_bucket_level_access_enabled:
                found.append("access is not uniform: single objects can have access lists of their own")
            if (bucket.location or "").casefold() != self._region.casefold():
                found.append(
                    f"it is in {bucket.location or 'a region that it does not say'}, not in {self._region} "
                    "(WAREHOUSE_CLOUD_STORAGE_REGION)"
                )
            if not bucket.default_kms_key_name:
                found.append("a key of Google's encrypts it, none that its owner manages and could take away")
            return found

        return self._try(look, Doing.READING, "its settings")

    def _bucket_is_there(self) -> None:
        """Make sure that "not found" was said of an object: a missing bucket, which is no empty place, says it too.

        An account need not have the right to look at the bucket itself to use it.
        """
        with suppress(exceptions.Forbidden):
            self._bucket().reload(timeout=TIMEOUT, retry=None)

    def close(self) -> None:
        """Close the connection."""
        if self._opened is not None:
            self._opened.client.close()
            self._opened = None

    def _name(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    def _bucket(self) -> Any:
        if self._opened is None:
            if self._emulator:
                client = storage.Client(
                    project="emulator",
                    credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
                    client_options={"api_endpoint": self._emulator},
                )
            else:
                client = storage.Client()
            self._opened = client.bucket(self._bucket_name)
        return self._opened

    def _try(self, action: Callable[[], _Result], doing: Doing, name: str) -> _Result:
        def once() -> _Result:
            with self._failures(doing, name):
                return action()

        return with_retries(once, attempts=ATTEMPTS, first_wait=FIRST_WAIT)

    @contextmanager
    def _failures(self, doing: Doing, name: str) -> Iterator[None]:
        try:
            yield
        except (exceptions.GoogleAPICallError, InvalidResponse) as error:
            raise in_words(self, Answer(_code(error), wait=asked_for(error)), doing, name, _ADVICE) from None
        except GoogleAuthError as error:
            passes = isinstance(error, _PASSING) or bool(getattr(error, "retryable", False))
            raise self.refused(f"no credentials ({type(error).__name__})", _ADVICE.otherwise, passes=passes) from None
        except (_NotWhatWasSent, DataCorruption):
            another = self.not_what_was_sent(name)
            another.passes = True
            raise another from None
        except SessionLost:
            raise self.refused(
                f"it loses the upload of {name}, time and again", "Ask its owner what ends uploads there", passes=True
            ) from None
        except (requests.exceptions.RequestException, OSError) as error:
            reason, passes = f"no connection ({type(error).__name__})", isinstance(error, _PASSING)
            raise self.refused(reason, "Check the network", passes=passes) from None


class _NotWhatWasSent(Exception):
    """The checksum or the size in the answer to an upload is another one."""


def _code(error: Exception) -> int:
    """The HTTP status behind a failure of the library."""
    return int(error.response.status_code if isinstance(error, InvalidResponse) else getattr(error, "code", 0) or 0)
