"""A large file to Cloud Storage, in pieces: what arrived is never sent again, and what did not is found out by asking.

Google's library sends a piece again as a whole after a broken connection, and gives up where the service kept a part of
it. The address of a session is a secret of its own: whoever has it can write this one object and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import requests
from google.api_core import exceptions

from warehouse.deliver.destinations.answers import PASSING_CODES, asked_for
from warehouse.deliver.destinations.base import pause

PIECE = 8 << 20
"""In bytes; the service asks for a multiple of 256 KiB."""

NO_CONNECTION: tuple[type[Exception], ...] = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
)

_FAILS: tuple[type[Exception], ...] = (exceptions.GoogleAPICallError, *NO_CONNECTION)
_GONE = (404, 410)
_MORE = 308
_FURTHER = re.compile(r"bytes=0-(\d+)")


class SessionLost(Exception):
    """The service does not know the session any more, or says of it what cannot be: the file is sent from its start."""


@dataclass(frozen=True)
class Session:
    """An upload that the service has begun.

    Attributes:
        url: of the session.
        size: of the whole file, in bytes.
        timeout: of one request, in seconds.
        attempts: how often in a row a request may fail without anything having arrived.
        first_wait: seconds before the second of them, doubled each time.
    """

    url: str
    size: int
    timeout: float
    attempts: int
    first_wait: float

    def send(self, source: BinaryIO, still_free: Callable[[], bool]) -> dict[str, Any] | None:
        """Send a file.

        Args:
            still_free: asked before the piece that makes the object; False calls the upload off.

        Returns:
            What the service says of the object; None when it was called off.

        Raises:
            SessionLost: see there.
            GoogleAPICallError, RequestException: the service refuses, or kept failing.
        """
        at, failures, asking = 0, 0, False
        with requests.Session() as http:
            while True:
                try:
                    if not asking and at + PIECE >= self.size and not still_free():
                        http.delete(self.url, timeout=self.timeout)
                        return None
                    answer = self._ask(http) if asking else self._piece(http, source, at)
                    if answer.status_code in PASSING_CODES:
                        raise failure_of(answer)
                except _FAILS as error:
                    failures += 1
                    if failures == self.attempts:
                        raise
                    pause(failures, self.first_wait, asked_for(error))
                    asking = True
                    continue
                if answer.status_code != _MORE:
                    return self._ended(answer)
                arrived = self._arrived(answer, at)
                if arrived > at:
                    failures = 0
                elif not asking:
                    failures += 1
                    if failures == self.attempts:
                        raise SessionLost
                at, asking = arrived, False

    def _piece(self, http: requests.Session, source: BinaryIO, at: int) -> requests.Response:
        source.seek(at)
        piece = source.read(min(PIECE, self.size - at))
        return self._put(http, f"bytes {at}-{at + len(piece) - 1}/{self.size}", piece)

    def _ask(self, http: requests.Session) -> requests.Response:
        return self._put(http, f"bytes */{self.size}", b"")

    def _put(self, http: requests.Session, content_range: str, body: bytes) -> requests.Response:
        headers = {"Content-Range": content_range, "Content-Length": str(len(body))}
        return http.put(self.url, data=body, headers=headers, timeout=self.timeout, allow_redirects=False)

    def _arrived(self, answer: requests.Response, at: int) -> int:
        """How many bytes the service has kept."""
        found = _FURTHER.fullmatch(answer.headers.get("Range", ""))
        arrived = int(found[1]) + 1 if found else 0
        if not at <= arrived <= min(at + PIECE, self.size):
            raise SessionLost
        return arrived

    @staticmethod
    def _ended(answer: requests.Response) -> dict[str, Any]:
        if answer.status_code in _GONE:
            raise SessionLost
        if not answer.ok:
            raise failure_of(answer)
        try:
            said = answer.json()
        except requests.exceptions.JSONDecodeError:
            return {}
        return said if isinstance(said, dict) else {}


def failure_of(answer: requests.Response) -> exceptions.GoogleAPICallError:
    """The library's own error for an answer that refuses."""
    made: exceptions.GoogleAPICallError = exceptions.from_http_response(answer)  # type: ignore[no-untyped-call]
    return made
