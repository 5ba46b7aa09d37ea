"""Another account's program at the port of a server that is down: it speaks PostgreSQL's protocol, and listens."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

Trick = Literal["clear text", "md5", "trust"]

TRICKS: Final[tuple[Trick, ...]] = ("clear text", "md5", "trust")

_SSL, _GSS = 80877103, 80877104
_ASKED: Final = {
    "clear text": struct.pack("!ci", b"R", 8) + struct.pack("!i", 3),
    "md5": struct.pack("!ci", b"R", 12) + struct.pack("!i", 5) + b"salt",
}
_WELCOME: Final = (
    struct.pack("!ci", b"R", 8)
    + struct.pack("!i", 0)
    + b"".join(
        struct.pack("!ci", b"S", 4 + len(pair)) + pair
        for pair in (b"server_version\x0018.6\x00", b"client_encoding\x00UTF8\x00")
    )
    + struct.pack("!ciii", b"K", 12, 4711, 1)
    + struct.pack("!cic", b"Z", 5, b"I")
)


@dataclass
class Squatter:
    """What it was given.

    Attributes:
        callers: how many began to talk to it.
        given: every byte that came after it had asked for a password, or had let somebody in.
    """

    port: int
    callers: int = 0
    given: list[bytes] = field(default_factory=list)


@contextmanager
def squatting(port: int, trick: Trick) -> Iterator[Squatter]:
    """Listen at the port of 127.0.0.1 for as long as the block lasts."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        seen = Squatter(port)
        threading.Thread(target=_listen, args=(listening, trick, seen), daemon=True).start()
        yield seen
        # Closing alone would leave the thread, and with it the port, listening.
        listening.shutdown(socket.SHUT_RDWR)


def _listen(listening: socket.socket, trick: Trick, seen: Squatter) -> None:
    while True:
        try:
            caller, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_receive, args=(caller, trick, seen), daemon=True).start()


def _receive(caller: socket.socket, trick: Trick, seen: Squatter) -> None:
    with caller, caller.makefile("rb") as incoming:
        try:
            while True:
                size, code = struct.unpack("!ii", incoming.read(8))
                incoming.read(size - 8)
                if code not in (_SSL, _GSS):
                    break
                caller.sendall(b"N")
            seen.callers += 1
            caller.sendall(_ASKED.get(trick, _WELCOME))
            while given := incoming.read1(4096):
                # That it leaves is all that it should say.
                if given != b"X\x00\x00\x00\x04":
                    seen.given.append(given)
        except (OSError, struct.error):
            return
