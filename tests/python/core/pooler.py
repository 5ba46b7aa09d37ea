"""A connection pooler in transaction mode: each transaction of a client goes to whichever session is free.

It does what pgbouncer does there, with sessions of a real server: it greets a client with a number of its own, passes
messages on until the transaction ends, and then lets go of the session. It lets nobody in for replication.
"""

from __future__ import annotations

import os
import secrets
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

_SESSIONS = 2


@contextmanager
def transaction_pooler(conninfo: str) -> Iterator[int]:
    """Run one in front of a database; yields its port on 127.0.0.1."""
    sessions = [psycopg.connect(conninfo, autocommit=True) for _ in range(_SESSIONS)]
    free = [_own(session) for session in sessions]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_accept, args=(listening, free), daemon=True).start()
        yield listening.getsockname()[1]
    for raw, session in zip(free, sessions, strict=True):
        raw.close()
        session.close()


def _own(session: psycopg.Connection) -> socket.socket:
    """A session's socket, to speak the protocol over it instead of the driver."""
    raw = socket.socket(fileno=os.dup(session.pgconn.socket))
    raw.setblocking(True)
    return raw


def _accept(listening: socket.socket, free: list[socket.socket]) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(client, free), daemon=True).start()


def _serve(client: socket.socket, free: list[socket.socket]) -> None:
    with client:
        asked = _startup(client)
        if b"replication" in asked:
            client.sendall(_message(b"E", b"SFATAL\0C08P01\0Munsupported startup parameter: replication\0\0"))
            return
        greeting = _message(b"R", struct.pack("!i", 0)) + _message(b"S", b"server_version\00015.0\0")
        greeting += _message(b"S", b"client_encoding\0UTF8\0") + _message(b"K", secrets.token_bytes(8))
        client.sendall(greeting + _message(b"Z", b"I"))
        # An X says goodbye; the session stays.
        while (wanted := client.recv(1 << 16)) and not wanted.startswith(b"X"):
            session = free.pop(0)
            try:
                _one_transaction(client, session, wanted)
            finally:
                free.append(session)


def _startup(client: socket.socket) -> bytes:
    """What a client begins with; encryption is declined."""
    while True:
        (length,) = struct.unpack("!i", _exactly(client, 4))
        content = _exactly(client, length - 4)
        if len(content) > 4:
            return content
        client.sendall(b"N")


def _one_transaction(client: socket.socket, session: socket.socket, wanted: bytes) -> None:
    session.sendall(wanted)
    while True:
        kind, length = struct.unpack("!ci", _exactly(session, 5))
        content = _exactly(session, length - 4)
        client.sendall(struct.pack("!ci", kind, length) + content)
        if kind == b"Z":
            if content == b"I":
                return
            session.sendall(client.recv(1 << 16))


def _message(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("!i", len(content) + 4) + content


def _exactly(connection: socket.socket, length: int) -> bytes:
    got = b""
    while len(got) < length:
        more = connection.recv(length - len(got))
        if not more:
            raise ConnectionError
        got += more
    return got
