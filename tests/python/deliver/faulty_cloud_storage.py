"""Cloud Storage's JSON interface as far as deliveries use it, with its rules about preconditions and checksums."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import google_crc32c

from tests.python.deliver.faulty import FaultyHandler, FaultyServer, Stored


@dataclass
class _Session:
    name: str
    generation: str | None
    meta: dict[str, str]
    content: bytearray = field(default_factory=bytearray)
    made: dict[str, Any] | None = None


class CloudStorageServer(FaultyServer):
    """One bucket.

    Attributes:
        heeds: when a resumable upload's precondition is looked at: as it begins, as it ends.
        overlaps: whether a piece may begin before what is there, whose bytes are left out then.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sessions: dict[str, _Session] = {}
        self.heeds = {"begin", "end"}
        self.overlaps = False


class CloudStorageHandler(FaultyHandler):
    """Kinds of request: small, begin, piece, last, ask, cancel, look, get, list, bucket, remove."""

    world: CloudStorageServer

    def kind(self) -> str:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        if parts.path.startswith("/session/"):
            return self._kind_of_session()
        if parts.path.startswith("/upload/"):
            return "small" if query["uploadType"] == ["multipart"] else "begin"
        if "/o/" not in parts.path:
            return "list" if parts.path.endswith("/o") else "bucket"
        if self.command == "DELETE":
            return "remove"
        return "get" if query.get("alt") == ["media"] else "look"

    def _kind_of_session(self) -> str:
        span, _, size = self.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        if self.command == "DELETE":
            return "cancel"
        return "ask" if span == "*" else "last" if int(span.split("-")[1]) + 1 == int(size) else "piece"

    def act(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        kind = self.kind()
        if kind in ("small", "begin"):
            self._upload(kind, query.get("ifGenerationMatch"))
        elif kind in ("piece", "last", "ask", "cancel"):
            self._session(kind, parts.path.rsplit("/", maxsplit=1)[-1])
        elif kind == "bucket":
            self._json({"name": "bucket"})
        elif kind == "list":
            self._json({"items": [self._resource(name, one) for name, one in self.world.stored.items()]})
        else:
            self._object(kind, unquote(parts.path.split("/o/")[1]), query.get("ifGenerationMatch"))

    def _object(self, kind: str, name: str, generation: str | None) -> None:
        there = self.world.stored.get(name)
        if there is None:
            self._refuse(404)
        elif not self._matches(name, generation):
            self._refuse(412)
        elif kind == "remove":
            del self.world.stored[name]
            self.answer(204, b"")
        elif kind == "look":
            self._json(self._resource(name, there) | self.fault.says)
        else:
            self.answer(200, there.content, {"x-goog-hash": f"md5={_md5(there.content)}"})

    def _upload(self, kind: str, generation: str | None) -> None:
        if kind == "begin":
            meta = json.loads(self.body)
            if "begin" in self.world.heeds and not self._matches(meta["name"], generation):
                self._refuse(412)
                return
            number = str(len(self.world.sessions) + 1)
            self.world.sessions[number] = _Session(meta["name"], generation, meta)
            self.answer(200, b"", {"Location": f"{self.world.url}/session/{number}"})
            return
        boundary = self.headers["Content-Type"].split("boundary=")[1].strip('"').encode()
        _, first, second, _ = self.body.split(b"--" + boundary)
        meta = json.loads(first.split(b"\r\n\r\n", 1)[1])
        if not self._matches(meta["name"], generation):
            self._refuse(412)
            return
        self._keep(meta, second.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n"))

    def _session(self, kind: str, number: str) -> None:
        session = self.world.sessions.get(number)
        if session is None:
            self._refuse(404)
            return
        if kind == "cancel":
            del self.world.sessions[number]
            self.answer(499, b"")
            return
        span, _, size = self.headers["Content-Range"].removeprefix("bytes ").partition("/")
        if kind != "ask" and not self._add(session, int(span.split("-")[0]), self.body):
            self._refuse(400)
            return
        if len(session.content) < int(size):
            arrived = {"Range": f"bytes=0-{len(session.content) - 1}"} if session.content else {}
            self.answer(308, b"", arrived)
        elif kind == "ask" and session.made is not None:
            # Also of an object that somebody removed since.
            self._json(session.made | self.fault.says)
        elif "end" in self.world.heeds and not self._matches(session.name, session.generation):
            self._refuse(412)
        else:
            self._keep(session.meta, bytes(session.content), session)

    def broken_off(self, body: bytes) -> None:
        """As the service does, in multiples of 256 KiB."""
        session = self.world.sessions.get(urlsplit(self.path).path.rsplit("/", maxsplit=1)[-1])
        if session is not None:
            start = int(self.headers["Content-Range"].removeprefix("bytes ").split("-")[0])
            self._add(session, start, body[: len(body) // (256 << 10) * (256 << 10)])

    def _add(self, session: _Session, start: int, body: bytes) -> bool:
        there = len(session.content)
        if start > there or (start < there and not self.world.overlaps):
            return False
        session.content += body[there - start :]
        return True

    def _keep(self, meta: dict[str, str], content: bytes, session: _Session | None = None) -> None:
        if meta.get("crc32c", _crc32c(content)) != _crc32c(content) or meta.get("md5Hash", _md5(content)) != _md5(
            content
        ):
            self._refuse(400)
            return
        kept = self.fault.store(content)
        if kept is None:
            made = Stored(content, 1)
        else:
            made = self.world.put(meta["name"], kept, contentType=str(meta.get("contentType")))
        # A service that lies says what it was told.
        resource = self._resource(meta["name"], Stored(content, made.generation, made.meta))
        if session is not None:
            session.made = resource
        self._json(resource | self.fault.says)

    def _matches(self, name: str, generation: str | None) -> bool:
        there = self.world.stored.get(name)
        return generation is None or int(generation) == (there.generation if there else 0)

    def _resource(self, name: str, one: Stored) -> dict[str, Any]:
        return {
            "name": name,
            "bucket": "bucket",
            "generation": str(one.generation),
            "size": str(len(one.content)),
            "crc32c": _crc32c(one.content),
            "md5Hash": _md5(one.content),
        }

    def _json(self, said: dict[str, Any]) -> None:
        self.answer(200, json.dumps(said).encode(), {"Content-Type": "application/json"})

    def _refuse(self, status: int) -> None:
        self.answer(status, json.dumps({"error": {"code": status, "message": "no"}}).encode())


def _crc32c(content: bytes) -> str:
    return base64.b64encode(google_crc32c.value(content).to_bytes(4, "big")).decode()


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
