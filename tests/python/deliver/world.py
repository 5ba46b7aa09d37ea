"""A small world to deliver in: tables as the extract models make them, contracts about them, places to send to."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import asyncssh
import psycopg
import yaml

from tests.python.lineages import keep_constants
from warehouse.core import builds
from warehouse.core.ledger import migrate
from warehouse.core.settings import Settings

OCTOBER = date(2026, 10, 3)

TABLE = """
    drop table if exists extracts.{name};
    create table extracts.{name} (
        trn text, last_name text, born date, hours numeric(6, 2), urn integer, is_active boolean,
        changed timestamptz, secret_note text
    );
    insert into extracts.{name}
    select lpad(i::text, 7, '0'),
           case when i % 5 = 0 then null when i % 7 = 0 then '' else 'Zzsurname, "' || i || '"' || E'\\n Ó' end,
           date '1970-01-01' + i, i / 4.0, i, i % 2 = 0, timestamptz '2026-09-01 10:00:00+00' + i * interval '1 s',
           'Zzsecret ' || i
    from generate_series(1, {rows}) i;
"""


def make_table(conninfo: str, name: str, rows: int = 200, as_at: date = OCTOBER) -> None:
    """A table such as a model would be, with a column that no contract names."""
    with building(conninfo, as_at) as connection:
        connection.execute("create schema if not exists extracts")
        connection.execute(TABLE.format(name=name, rows=rows).encode())


@contextmanager
def building(conninfo: str, as_at: date | None = None) -> Iterator[psycopg.Connection]:
    """A build that publishes what is made of the extracts in the block, as at a day (or that of the build before)."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        migrate(connection)
        row = connection.execute(
            "insert into ledger.builds (as_at, project_sha256)"
            " select coalesce(%s, (select as_at from ledger.builds order by build_id desc limit 1)), ''"
            " returning build_id",
            (as_at,),
        ).fetchone()
        assert row is not None
        with connection.transaction():
            yield connection
            names = connection.execute("select tablename from pg_tables where schemaname = 'extracts'").fetchall()
            builds.remember(connection, int(row[0]), [("extracts", name) for (name,) in names])
            keep_constants(connection, int(row[0]))


def column(name: str, logical: str, physical: str, classification: str = "open", **more: Any) -> dict[str, Any]:
    """A column of a contract."""
    return {
        "name": name,
        "description": f"The {name}.",
        "logicalType": logical,
        "physicalType": physical,
        "classification": classification,
        **more,
    }


# Names in the table have line breaks.
_TEXT = {"controlCharacters": "replace"}


GROUNDS = {
    "agreement": {"reference": "Test 1", "signed": "2020-01-31"},
    "legalBasis": "Nobody is real.",
    "disclosureRules": "Nothing is published.",
}


def document(recipient: str = "dandi", kind: str = "parquet", **custom: Any) -> dict[str, Any]:
    """A sound contract as plain data."""
    properties = {
        "model": f"{recipient}_teachers",
        "fileFormat": kind,
        "sortKey": ["trn"],
        **_TEXT,
        **GROUNDS,
        **custom,
    }
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"test-{recipient}",
        "name": "teachers",
        "version": "1.0.0",
        "status": "active",
        "dataProduct": recipient,
        "description": {"purpose": "To test."},
        "servers": [
            {"server": "here", "type": "local", "path": "x", "format": kind},
            {"server": "there", "type": "sftp", "location": "sftp://x"},
            {"server": "cloud", "type": "custom", "customProperties": [{"property": "type", "value": "gcs"}]},
            {"server": "azure", "type": "azure", "location": "az://x", "format": kind},
        ],
        "customProperties": [{"property": name, "value": value} for name, value in properties.items()],
        "schema": [
            {
                "name": "teachers",
                "properties": [
                    column(
                        "trn",
                        "string",
                        "text",
                        "personal",
                        primaryKey=True,
                        required=True,
                        logicalTypeOptions={"pattern": "^[0-9]{7}$"},
                    ),
                    column("last_name", "string", "text", "sensitive"),
                    column("born", "date", "date", "sensitive", logicalTypeOptions={"minimum": "1900-01-01"}),
                    column("hours", "number", "numeric(6,2)"),
                    column("urn", "integer", "integer"),
                    column("is_active", "boolean", "boolean", required=True),
                    column("changed", "timestamp", "timestamp with time zone"),
                ],
                "quality": [{"name": "has rows", "type": "library", "metric": "rowCount", "mustBeGreaterThan": 0}],
            }
        ],
        "slaProperties": [
            {"property": "frequency", "value": 1, "unit": "month"},
            {"property": "retention", "value": 12, "unit": "month"},
        ],
        "team": {"name": "Testers"},
    }


LAYOUT = {
    "fileName": "T_{yyyyMMdd}_{HHmmss}.txt",
    "encoding": "windows-1252",
    "width": 20,
    "recordColumn": "last_name",
    "records": {
        "person": [
            {"start": 1, "width": 7, "column": "trn", "whenShort": "refuse"},
            {"start": 8, "width": 6, "column": "born", "format": "ddMMyy", "required": True},
            {"start": 15, "width": 6, "constant": "person"},
        ]
    },
}
"""Of the table's rows in which that is the last name."""


def of_days(**custom: Any) -> dict[str, Any]:
    """A sound contract of a file of fixed width with the rows of each day, which is that of birth."""
    made = document(kind="fixed-width", **{"fixedWidth": LAYOUT, "periodColumn": "born", **custom})
    made["slaProperties"][0]["unit"] = "day"
    del made["schema"][0]["quality"]
    return made


def write_contract(folder: Path, given: dict[str, Any], recipient: str | None = None) -> Path:
    """Put a contract where it belongs below a folder of contracts."""
    path = folder / (recipient or str(given["dataProduct"])) / "teachers.odcs.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(given, sort_keys=False))
    return path


EMULATOR = "TRW_TEST_EMULATOR"
"""In the environment of a test with an imitation of Cloud Storage: its address."""

AZURE_EMULATOR = "TRW_TEST_AZURE"
"""The same of Azure Blob Storage."""


def settings_for(home: Path, **given: Any) -> Settings:
    """Settings of a test alone: no environment, no .env. A destination is given as destination_<recipient>."""
    emulators = {"warehouse_cloud_storage_emulator": EMULATOR, "warehouse_azure_emulator": AZURE_EMULATOR}
    given = {**{setting: os.environ.get(name) for setting, name in emulators.items()}, **given}
    places = {name.removeprefix("destination_"): str(given.pop(name)) for name in list(given) if name in _PLACES}
    return Settings(
        _env_file=None,
        warehouse_home=home / "home",
        warehouse_deliveries=home / "deliveries",
        destinations=places,
        **given,
    )


_PLACES = ("destination_dandi", "destination_tad")


class FailingSftpServer(asyncssh.SFTPServer):
    """An SFTP server on a folder, that can be told to fail, to deny, or to move what gets its name."""

    world: SftpWorld

    def __init__(self, channel: Any) -> None:
        super().__init__(channel, chroot=str(self.world.folder).encode())

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        writing = bool(pflags & (asyncssh.FXF_WRITE | asyncssh.FXF_CREAT))
        if self.world.read_only and writing:
            raise asyncssh.SFTPPermissionDenied("read only")
        if "read" in self.world.denies and not writing:
            raise asyncssh.SFTPPermissionDenied("write only")
        return super().open(path, pflags, attrs)

    def stat(self, path: bytes) -> Any:
        if "look" in self.world.denies:
            raise asyncssh.SFTPPermissionDenied("write only")
        return super().stat(path)

    def remove(self, path: bytes) -> Any:
        if "remove" in self.world.denies:
            raise asyncssh.SFTPPermissionDenied("write only")
        return super().remove(path)

    def read(self, file_obj: object, offset: int, size: int) -> Any:
        if self.world.drop_reads:
            self.world.drop_reads -= 1
            self.channel.get_connection().abort()
        return super().read(file_obj, offset, size)

    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        if "rename" in self.world.denies:
            raise asyncssh.SFTPPermissionDenied("no rename")
        done = super().rename(oldpath, newpath)
        if self.world.takes and newpath.endswith(self.world.takes):
            there = Path(self.map_path(newpath).decode())
            self.world.taken.append((there.name, there.read_bytes()))
            there.unlink()
        if self.world.drop_at_rename:
            self.world.drop_at_rename -= 1
            self.channel.get_connection().abort()
        return done

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> Any:
        if self.world.read_only:
            raise asyncssh.SFTPPermissionDenied("read only")
        return super().mkdir(path, attrs)

    def write(self, file_obj: object, offset: int, data: bytes) -> Any:
        if self.world.stuck:
            self.world.stuck -= 1
            return asyncio.sleep(3600)
        if self.world.room is not None:
            self.world.room -= len(data)
            if self.world.room < 0:
                raise asyncssh.SFTPFailure("write failed")
        if self.world.drop_connections:
            self.world.drop_connections -= 1
            self.channel.get_connection().abort()
        return super().write(file_obj, offset, data)


@dataclass
class SftpWorld:
    """A running SFTP server and what it is told to do."""

    folder: Path
    port: int = 0
    known_hosts: Path = Path()
    room: int | None = None
    drop_reads: int = 0
    read_only: bool = False
    drop_connections: int = 0
    drop_at_rename: int = 0
    stuck: int = 0
    denies: frozenset[str] = frozenset()
    takes: tuple[bytes, ...] = ()
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    _stop: list[Callable[[], None]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"sftp://loader@127.0.0.1:{self.port}/drop"

    def reset(self, folder: Path) -> None:
        """A clean server on another folder."""
        self.folder, self.room, self.read_only, self.drop_connections = folder, None, False, 0
        self.stuck, self.drop_at_rename, self.denies, self.takes, self.taken = 0, 0, frozenset(), (), []


class _Password(asyncssh.SSHServer):
    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("loader", "let-me-in")


@contextmanager
def sftp_server(folder: Path) -> Iterator[SftpWorld]:
    """A real SFTP server on the loopback, on a thread of its own."""
    world = SftpWorld(folder)
    key = asyncssh.generate_private_key("ssh-ed25519")
    server_class = type("Server", (FailingSftpServer,), {"world": world})
    loop, ready = asyncio.new_event_loop(), threading.Event()

    async def serve() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1", 0, server_host_keys=[key], server_factory=_Password, sftp_factory=server_class
        )

    def run() -> None:
        asyncio.set_event_loop(loop)
        acceptor = loop.run_until_complete(serve())
        world.port = acceptor.get_port()
        ready.set()
        loop.run_forever()
        acceptor.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(180)
    world.known_hosts = folder / "known_hosts"
    public = key.export_public_key().decode().split()
    world.known_hosts.write_text(f"[127.0.0.1]:{world.port} {public[0]} {public[1]}\n")
    try:
        yield world
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
