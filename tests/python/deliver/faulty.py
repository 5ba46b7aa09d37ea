"""Servers of our own on loopback that fail as they are told: a service's bad days, which no imitation of it has."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

from tests.python.deliver.world import settings_for
from warehouse.deliver.destinations import Destination, open_destination
from warehouse.deliver.destinations.base import How
from warehouse.deliver.files import FileFacts, facts_of

EVER = 1_000_000
"""How often a fault happens that stays."""


@dataclass
class Fault:
    """What goes wrong with requests of one kind.

    Attributes:
        at: the kind, as the server names it; empty for any.
        times: with how many of them.
        skip: how many of them go well before.
        answer: the status that is answered, and nothing done.
        headers: of that answer.
        cut: the connection breaks in the middle of the body; what came by then has arrived.
        mute: it is done, and the connection breaks before the answer.
        slow: seconds until it is done.
        before: what somebody else does first.
        store: what is kept in place of the content; None for nothing.
        says: what the answer says of the object in place of the truth.
    """

    at: str
    times: int = 1
    skip: int = 0
    answer: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    mute: bool = False
    slow: float = 0.0
    before: Callable[[], None] = lambda: None
    store: Callable[[bytes], bytes | None] = lambda content: content
    says: dict[str, Any] = field(default_factory=dict)


WELL = Fault("")
"""Nothing goes wrong."""


@dataclass
class Stored:
    """An object or a blob."""

    content: bytes
    generation: int
    meta: dict[str, str] = field(default_factory=dict)


class FaultyServer:
    """What such a server holds and is told to do, and which requests it saw.

    Attributes:
        url: of the server.
        kinds: of the requests that it saw, in order.
        denies: the kinds that this account has no right to.
    """

    def __init__(self) -> None:
        self.url = ""
        self.stored: dict[str, Stored] = {}
        self.faults: list[Fault] = []
        self.kinds: list[str] = []
        self.denies: set[str] = set()
        self.lock = threading.RLock()
        self._generations = 0

    def put(self, name: str, content: bytes, **meta: str) -> Stored:
        """An object under a name, in place of any other."""
        with self.lock:
            self._generations += 1
            self.stored[name] = Stored(content, self._generations, meta)
            return self.stored[name]

    def fault_of(self, kind: str) -> Fault:
        """What goes wrong with this request."""
        with self.lock:
            self.kinds.append(kind)
            if kind in self.denies:
                return Fault(kind, answer=403)
            for fault in self.faults:
                if fault.at in ("", kind) and fault.times:
                    if fault.skip:
                        fault.skip -= 1
                        return WELL
                    fault.times -= 1
                    return fault
            return WELL


class Broken(Exception):
    """The connection is to break now."""


class FaultyHandler(BaseHTTPRequestHandler):
    """One request. What it means is said by the handler of a service."""

    protocol_version = "HTTP/1.1"
    world: FaultyServer
    fault: Fault = WELL
    body: bytes = b""

    def kind(self) -> str:
        """Of which kind the request is."""
        raise NotImplementedError

    def act(self) -> None:
        """Do what it asks for, and answer."""
        raise NotImplementedError

    def broken_off(self, body: bytes) -> None:
        """Keep what came of a request before the connection broke."""

    def _handle(self) -> None:
        self.fault = self.world.fault_of(self.kind())
        self.fault.before()
        length = int(self.headers.get("Content-Length") or 0)
        try:
            if self.fault.cut:
                self.broken_off(self.rfile.read(length // 2))
                raise Broken
            self.body = self.rfile.read(length)
            if self.fault.slow:
                time.sleep(self.fault.slow)
            if self.fault.answer:
                self.answer(self.fault.answer, b"", self.fault.headers)
            else:
                with self.world.lock:
                    self.act()
        except (Broken, ConnectionError):
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _handle

    def answer(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        """Send an answer, unless the connection is to break before it."""
        if self.fault.mute:
            raise Broken
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if "Content-Length" not in (headers or {}):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


_Server = TypeVar("_Server", bound=FaultyServer)


@contextmanager
def serving(world: _Server, handler: type[FaultyHandler]) -> Iterator[_Server]:
    """The server, for as long as somebody uses it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (handler,), {"world": world}))
    server.daemon_threads = True
    world.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield world
    finally:
        server.shutdown()
        server.server_close()


class File:
    """A file to deliver, and where to."""

    def __init__(self, folder: Path, url: str, size: int) -> None:
        self.path, self.url = folder / "x.csv", url
        self.content = random.Random(size).randbytes(size)
        self.path.write_bytes(self.content)
        self.facts = facts_of(self.path, "dandi/teachers/2026-09/x.csv", 1)
        self.name = f"from-warehouse/{self.facts.name}"

    def send(self, replace: bool = False, how: How | None = None, **settings: Any) -> bool:
        """Create it there."""
        with closing(self._opened(settings)) as there, self.path.open("rb") as source:
            return there.create(self.facts, "", source, how or How(replace=replace))

    def matches(self, **other: str) -> bool | None:
        """Read it back, as what it is or as another."""
        with closing(self._opened({})) as there:
            return there.matches(FileFacts(**{**vars(self.facts), **other}))

    def _opened(self, settings: dict[str, Any]) -> Destination:
        return open_destination(self.url, settings_for(self.path.parent, **settings))
