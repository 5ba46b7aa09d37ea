"""A warehouse with its contracts and a destination, and what the tests of deliveries do with it again and again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from datetime import date
from pathlib import Path
from typing import Any

import psycopg

from tests.python.deliver.histories import MadeByHand
from tests.python.deliver.killed import no_check
from tests.python.deliver.world import (
    OCTOBER,
    SftpWorld,
    building,
    document,
    make_table,
    settings_for,
    write_contract,
)
from warehouse.core.progress import Silent
from warehouse.core.settings import Settings
from warehouse.deliver import DeliveryReport, deliver
from warehouse.deliver import World as DeliveryWorld
from warehouse.deliver.destinations import open_destination
from warehouse.deliver.destinations.cloud_storage import CloudStorage


class World:
    """One warehouse with its contracts and its destination."""

    def __init__(self, home: Path, conninfo: str, **settings: Any) -> None:
        self.home, self.conninfo, self.exports = home, conninfo, home / "exports"
        self.settings: Settings = settings_for(home, **settings)
        make_table(conninfo, "dandi_teachers")

    def contract(self, **given: Any) -> dict[str, Any]:
        made = document(**given)
        write_contract(self.exports, made)
        return made

    def at(self, today: date, calendar: date | None = None) -> DeliveryWorld:
        """This world on a day."""
        return DeliveryWorld(self.conninfo, self.settings, today, calendar or today, exports=self.exports)

    def run(self, today: date = OCTOBER, *, built: bool = True, **given: Any) -> list[DeliveryReport]:
        """Deliver on a day; from a build as at that day, unless told otherwise."""
        if built:
            with self.building(today):
                pass
        # Of no earlier month anything was known, unless a test says otherwise.
        return deliver(self.at(today), Silent(), **{"check": no_check, "history": MadeByHand(self.conninfo), **given})

    def building(self, as_at: date | None = None) -> AbstractContextManager[psycopg.Connection]:
        """A build that publishes what is made of the extracts in the block."""
        return building(self.conninfo, as_at)

    def query(self, text: str) -> list[Any]:
        with psycopg.connect(self.conninfo) as connection:
            return connection.execute(text.encode()).fetchall()

    def state(self, delivery: str = "dandi/teachers/2026-09") -> str:
        rows = self.query(f"select state from ledger.deliveries where delivery_id = '{delivery}'")
        return str(rows[0][0]) if rows else "none"

    @property
    def destination(self) -> str:
        return self.settings.destination("dandi")

    def send_to(self, url: str | None) -> None:
        """Another destination is set."""
        self.settings = self.settings.model_copy(update={"destinations": {"dandi": url} if url else {}})

    @property
    def place(self) -> Path:
        return self.home / "deliveries" / "dandi" / "teachers"


def sftp_world(tmp_path: Path, conninfo: str, sftp: SftpWorld, **given: Any) -> World:
    given = {
        "destination_dandi": sftp.url,
        "warehouse_sftp_password": "let-me-in",
        "warehouse_sftp_known_hosts": sftp.known_hosts,
        **given,
    }
    return World(tmp_path, conninfo, **given)


AZURE = "az://division/inbox/from-warehouse"


def listed(world: World) -> dict[str, bytes]:
    """Everything that is at the destination, by its name."""
    url = world.destination
    if url.startswith(("gs://", "az://")):
        with closing(open_destination(url, world.settings)) as destination:
            return {name.removeprefix("from-warehouse/"): content for name, content in _objects(destination)}
    folder = world.home / "sftp" / "drop" if url.startswith("sftp") else Path(url)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _objects(destination: Any) -> Iterator[tuple[str, bytes]]:
    if isinstance(destination, CloudStorage):
        yield from ((blob.name, blob.download_as_bytes()) for blob in destination._bucket().list_blobs())
    else:
        container = destination._container()
        yield from ((name, container.download_blob(name).readall()) for name in container.list_blob_names())


def overwrite(world: World, name: str) -> None:
    """Somebody else writes a byte into a file at the destination."""
    url = world.destination
    content = bytearray(listed(world)[name])
    content[len(content) // 2] ^= 1
    if url.startswith(("gs://", "az://")):
        there: Any
        with closing(open_destination(url, world.settings)) as there:
            if isinstance(there, CloudStorage):
                there._bucket().blob(f"from-warehouse/{name}").upload_from_string(bytes(content))
            else:
                there._container().upload_blob(f"from-warehouse/{name}", bytes(content), overwrite=True)
    else:
        folder = world.home / "sftp" / "drop" if url.startswith("sftp") else Path(url)
        (folder / name).write_bytes(content)
