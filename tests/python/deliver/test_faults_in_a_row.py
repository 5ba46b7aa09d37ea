"""A second fault while what the first one left is tidied up: still one delivery, and nobody is asked about it.

What the warehouse itself removes, or never gave its name, must not be taken for what the recipient took away.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.python.deliver.conftest import PLACES
from tests.python.deliver.delivering import OCTOBER, World, listed, sftp_world
from tests.python.deliver.test_crashes import run_and_die
from tests.python.deliver.world import SftpWorld
from warehouse.core.errors import DestinationRefused, FilesVanished
from warehouse.core.progress import Silent
from warehouse.deliver import State, decide
from warehouse.deliver.destinations import open_destination

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short_waits")]

BASE = "dandi/teachers/2026-09/"


@pytest.mark.parametrize("before_the_name_of", [1, 2, 3], ids=["first file", "second file", "manifest"])
@pytest.mark.parametrize("anywhere", ["folder", "sftp"], indirect=True)
def test_killed_before_a_name_and_again_when_tidied_up(before_the_name_of: int, anywhere: World) -> None:
    """The partial file is the only witness that the name was never given, and the second run removes it."""
    anywhere.contract(rowsPerFile=150)
    assert run_and_die(anywhere, "naming", before_the_name_of) == -9
    assert [name for name in listed(anywhere) if name.endswith(".part")]
    assert run_and_die(anywhere, "sending") == -9
    assert not [name for name in listed(anywhere) if name.endswith(".part")]
    assert delivered_once(anywhere, 2)


def test_killed_when_a_file_has_both_its_names(world: World) -> None:
    """In a folder a file has its partial name beside its own for a moment, the manifest too."""
    world.contract(rowsPerFile=150)
    assert run_and_die(world, "committed") == -9
    for name, partial in world.query("select name, partial_name from ledger.delivery_files"):
        (Path(world.destination) / partial).hardlink_to(Path(world.destination) / name)
    reports = world.run()
    assert [report.adopted for report in reports] == [True]
    assert len(listed(world)) == 3 and world.run() == []


def test_what_a_person_says_was_received_leaves_no_partial_file(world: World) -> None:
    world.contract(rowsPerFile=150)
    assert run_and_die(world, "naming", 2) == -9
    assert [name for name in listed(world) if name.endswith(".part")]
    (Path(world.destination) / BASE / "teachers-2026-09-0001.parquet").unlink()
    with pytest.raises(FilesVanished):
        world.run()
    assert decide(world.at(OCTOBER), Silent(), BASE.rstrip("/"), "received", "all of it") is State.CLOSED
    assert set(listed(world)) == {BASE + "datapackage.json"}


@pytest.mark.parametrize("anywhere", PLACES, indirect=True)
def test_killed_when_a_file_was_removed_whose_name_is_not_needed_any_more(
    anywhere: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    anywhere.contract(rowsPerFile=60)
    assert run_and_die(anywhere, "uploaded") == -9
    fewer_rows(anywhere)
    with closing(open_destination(anywhere.destination, anywhere.settings)) as destination:
        kind = type(destination)
    remove = kind.remove

    def remove_and_die(self: Any, name: str) -> None:
        remove(self, name)
        if not name.endswith(".part"):
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(kind, "remove", remove_and_die)
        anywhere.run()
    assert len(listed(anywhere)) == 3, "one of four was removed"
    assert delivered_once(anywhere, 2)


@pytest.mark.parametrize("step", ["removing", "naming"])
def test_killed_while_a_file_gives_way(step: str, tmp_path: Path, conninfo: str, sftp: SftpWorld) -> None:
    """Where a name is given only after the file that had it was removed."""
    world = sftp_world(tmp_path, conninfo, sftp)
    world.contract(rowsPerFile=150)
    assert run_and_die(world, "uploaded") == -9
    fewer_rows(world)
    assert run_and_die(world, step) == -9
    assert run_and_die(world, "sending") == -9
    assert delivered_once(world, 1)


def test_a_file_gave_way_and_the_name_is_denied(tmp_path: Path, conninfo: str, sftp: SftpWorld) -> None:
    world = sftp_world(tmp_path, conninfo, sftp)
    world.contract(rowsPerFile=150)
    assert run_and_die(world, "uploaded") == -9
    fewer_rows(world)
    sftp.denies = frozenset({"rename"})
    for _ in range(2):
        with pytest.raises(DestinationRefused):
            world.run()
    assert listed(world) == {}
    sftp.denies = frozenset()
    assert delivered_once(world, 1)


def fewer_rows(world: World) -> None:
    """A new build has other rows: fewer files, and the first one is another."""
    with world.building() as connection:
        connection.execute("delete from extracts.dandi_teachers where trn > '0000120' or trn = '0000007'")


def delivered_once(world: World, files: int) -> bool:
    """Deliver; afterwards the destination has the files of the manifest, and nothing else."""
    assert [report.state for report in world.run()] == [State.CLOSED]
    there = listed(world)
    resources = json.loads(there[BASE + "datapackage.json"])["resources"]
    hashes = {BASE + one["path"]: one["hash"] for one in resources}
    assert hashes == {
        name: "sha256:" + hashlib.sha256(content).hexdigest()
        for name, content in there.items()
        if name != BASE + "datapackage.json"
    }
    assert len(hashes) == files and world.run() == []
    return True
