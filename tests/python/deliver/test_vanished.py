"""Absence is no failure: what was sent, as was confirmed, is never sent again by itself, wherever it went."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from tests.python.deliver.delivering import OCTOBER, World, listed, sftp_world
from tests.python.deliver.killed import no_check
from tests.python.deliver.test_crashes import run_and_die
from tests.python.deliver.world import SftpWorld, write_contract
from warehouse.core.errors import DeliveryError, DestinationRefused, FilesVanished, SettingsError, UsageError
from warehouse.core.progress import Silent
from warehouse.deliver import State, decide, deliver, examine_deliveries, what_is_due

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short_waits")]

DELIVERY = "dandi/teachers/2026-09"


def mover(tmp_path: Path, conninfo: str, sftp: SftpWorld, **contract: Any) -> World:
    """A recipient whose server takes each data file away as soon as it has its name."""
    world = sftp_world(tmp_path, conninfo, sftp)
    world.contract(kind="csv", **contract)
    sftp.takes = (b".csv",)
    return world


def take(world: World, *names: str) -> None:
    """The recipient takes files away."""
    folder = world.home / "sftp" / "drop" if world.destination.startswith("sftp") else Path(world.destination)
    for name in names:
        (folder / DELIVERY / name).unlink()


@pytest.fixture
def moved(tmp_path: Path, conninfo: str, sftp: SftpWorld) -> World:
    """A delivery whose file the recipient's server moved before it was read back."""
    world = mover(tmp_path, conninfo, sftp)
    for _ in range(3):
        with pytest.raises(FilesVanished) as caught:
            world.run()
        assert caught.value.exit_code == 35
    assert "teachers-2026-09.csv" in caught.value.what
    assert f"warehouse deliveries received {DELIVERY}" in caught.value.next_command
    assert len(sftp.taken) == 1
    assert world.state() == "vanished"
    assert [owed.action for owed in what_is_due(world.at(OCTOBER))] == ["decide"]
    return world


def test_the_doctor_sees_it(moved: World) -> None:
    with psycopg.connect(moved.conninfo) as connection:
        with pytest.raises(FilesVanished) as caught:
            examine_deliveries(connection, moved.settings, moved.exports)
        assert DELIVERY in caught.value.what and "warehouse deliveries received" in caught.value.next_command
        decide(moved.at(OCTOBER), Silent(), DELIVERY, "received", "they have it")
        assert "none waits" in examine_deliveries(connection, moved.settings, moved.exports)
        on_a_server = {"trs_database_url": SecretStr("postgresql://db.example.org/trs"), "destinations": {}}
        with pytest.raises(SettingsError, match="WAREHOUSE_DESTINATION_DANDI is not set"):
            examine_deliveries(connection, moved.settings.model_copy(update=on_a_server), moved.exports)


def test_a_person_says_that_the_recipient_has_it(moved: World, sftp: SftpWorld) -> None:
    assert decide(moved.at(OCTOBER), Silent(), DELIVERY, "received", "the division confirmed it") is State.CLOSED
    assert len(sftp.taken) == 1
    manifest = json.loads(listed(moved)[f"{DELIVERY}/datapackage.json"])
    assert manifest["resources"][0]["hash"] == "sha256:" + hashlib.sha256(sftp.taken[0][1]).hexdigest()
    decided = moved.query("select decision, because from ledger.delivery_decisions")
    assert decided == [("received", "the division confirmed it")]
    assert moved.run() == []


def test_a_person_says_that_the_recipient_has_it_not(moved: World, sftp: SftpWorld) -> None:
    assert decide(moved.at(OCTOBER), Silent(), DELIVERY, "resend", "a robot deleted it") is State.FAILED
    sftp.takes = ()
    assert moved.run()[0].state is State.CLOSED
    assert set(listed(moved)) == {f"{DELIVERY}/teachers-2026-09.csv", f"{DELIVERY}/datapackage.json"}


def test_a_contract_that_is_agreed_afterwards(moved: World, sftp: SftpWorld) -> None:
    """The confirmation may be agreed in the same version; of another version the manifest is not made up."""
    moved.contract(kind="csv", confirmation="pickUp")
    sha256 = moved.query("select contract_sha256 from ledger.deliveries")[0][0]
    given = moved.contract(kind="csv", confirmation="pickUp")
    write_contract(moved.exports, {**given, "version": "2.0.0"})
    with pytest.raises(DeliveryError, match=r"keep version 1\.0\.0"):
        decide(moved.at(OCTOBER), Silent(), DELIVERY, "received", "they have it")
    assert moved.state() == "vanished"
    moved.contract(kind="csv", confirmation="pickUp")
    assert decide(moved.at(OCTOBER), Silent(), DELIVERY, "received", "they have it") is State.CLOSED
    manifest = json.loads(listed(moved)[f"{DELIVERY}/datapackage.json"])
    assert manifest["delivery"]["contract"]["sha256"] == sha256


def test_a_later_month_does_not_write_it_off(moved: World, sftp: SftpWorld) -> None:
    """Nor does it keep the next month from being delivered."""
    with pytest.raises(FilesVanished):
        moved.run(date(2026, 11, 2))
    assert moved.state() == "vanished"
    assert moved.state("dandi/teachers/2026-10") == "vanished"
    assert len(sftp.taken) == 2


def test_only_what_vanished_can_be_decided(world: World) -> None:
    world.run()
    for delivery in (DELIVERY, "dandi/teachers/2026-08", "nobody/knows/2026-09", "nonsense"):
        with pytest.raises(UsageError):
            decide(world.at(OCTOBER), Silent(), delivery, "resend", "because")
    assert world.query("select * from ledger.delivery_decisions") == []


def test_a_recipient_who_takes_files_by_agreement(tmp_path: Path, conninfo: str, sftp: SftpWorld) -> None:
    world = mover(tmp_path, conninfo, sftp, confirmation="pickUp", rowsPerFile=80)
    sftp.takes = (b".csv", b".json")
    assert world.run()[0].state is State.CLOSED
    assert [name for name, _ in sftp.taken] == [
        *(f"teachers-2026-09-000{part}.csv" for part in (1, 2, 3)),
        "datapackage.json",
    ]
    assert world.run() == [] and listed(world) == {}


@pytest.mark.parametrize("step", ["uploaded", "verified", "committed"])
def test_a_recipient_who_takes_files_and_a_crash(step: str, tmp_path: Path, conninfo: str, sftp: SftpWorld) -> None:
    world = mover(tmp_path, conninfo, sftp, confirmation="pickUp", rowsPerFile=80)
    assert run_and_die(world, step) == -9
    with world.building() as connection:
        connection.execute("update extracts.dandi_teachers set urn = 0")
    assert world.run()[0].state is State.CLOSED
    assert [name for name, _ in sftp.taken] == [f"teachers-2026-09-000{part}.csv" for part in (1, 2, 3)]
    manifest = json.loads(listed(world)[f"{DELIVERY}/datapackage.json"])
    assert [one["hash"] for one in manifest["resources"]] == [
        "sha256:" + hashlib.sha256(content).hexdigest() for _, content in sftp.taken
    ]


def test_a_crash_between_two_files_that_are_taken(tmp_path: Path, conninfo: str, sftp: SftpWorld) -> None:
    """One of three is with the recipient, two are not: today's rows would not fit it."""
    world = mover(tmp_path, conninfo, sftp, confirmation="pickUp", rowsPerFile=80)
    assert run_and_die(world, "sending", 2) == -9
    for _ in range(2):
        with pytest.raises(FilesVanished):
            world.run()
    assert len(sftp.taken) == 1


def test_a_connection_that_breaks_while_the_file_gets_its_name(tmp_path: Path, conninfo: str, sftp: SftpWorld) -> None:
    world = mover(tmp_path, conninfo, sftp, confirmation="pickUp")
    sftp.drop_at_rename = 1
    assert world.run()[0].state is State.CLOSED
    assert len(sftp.taken) == 1


def test_a_file_that_got_its_name_when_the_process_was_killed(tmp_path: Path, conninfo: str) -> None:
    """Whether it did is not known: the ledger says only that it was about to. It is gone, so a person decides."""
    world = World(tmp_path, conninfo)
    world.contract()
    assert run_and_die(world, "uploaded") == -9
    world.query("update ledger.delivery_files set uploaded_at = null returning 1")
    take(world, "teachers-2026-09.parquet")
    with pytest.raises(FilesVanished):
        world.run()
    assert listed(world) == {}


@pytest.mark.parametrize("step", ["uploaded", "verified", "committed"])
def test_files_that_are_taken_after_a_crash(step: str, tmp_path: Path, conninfo: str) -> None:
    """In a folder, where nothing was agreed: whatever is left there, nothing is sent a second time."""
    world = World(tmp_path, conninfo)
    world.contract()
    assert run_and_die(world, step) == -9
    take(world, "teachers-2026-09.parquet")
    left = set(listed(world))
    for _ in range(2):
        with pytest.raises(FilesVanished):
            world.run()
    assert set(listed(world)) == left and world.state() == "vanished"
    assert decide(world.at(OCTOBER), Silent(), DELIVERY, "received", "they have it") is State.CLOSED
    assert set(listed(world)) == {f"{DELIVERY}/datapackage.json"}


def test_a_manifest_that_is_taken(world: World) -> None:
    def taken(step: str) -> None:
        if step == "committed":
            take(world, "datapackage.json", "teachers-2026-09.parquet")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.run(hook=taken)
    for _ in range(2):
        with pytest.raises(FilesVanished):
            world.run()
    assert listed(world) == {}


def test_a_wrong_destination_from_which_it_was_taken_does_not_hold_up_the_right_one(
    tmp_path: Path, conninfo: str, sftp: SftpWorld
) -> None:
    world = mover(tmp_path, conninfo, sftp)
    sftp.takes, sftp.denies = (b".csv",), frozenset({"read"})
    with pytest.raises(DestinationRefused):
        world.run()
    world.send_to(None)
    assert world.run()[0].where == str(world.settings.warehouse_deliveries)


# -- what is denied ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("denies", "words", "there"),
    [
        ({"read"}, "reading dandi/teachers/2026-09/teachers-2026-09.csv is denied", 1),
        ({"read", "look"}, "reading dandi/teachers/2026-09/teachers-2026-09.csv is denied", 1),
        ({"rename"}, "giving its name to dandi/teachers/2026-09/teachers-2026-09.csv is denied", 0),
    ],
)
def test_what_is_denied_is_named(
    denies: set[str], words: str, there: int, tmp_path: Path, conninfo: str, sftp: SftpWorld
) -> None:
    world = sftp_world(tmp_path, conninfo, sftp)
    world.contract(kind="csv")
    sftp.denies = frozenset(denies)
    for _ in range(2):
        with pytest.raises(DestinationRefused) as caught:
            world.run()
        assert words in caught.value.what
        assert "write access" not in caught.value.next_command
        assert len(listed(world)) == there
    assert ("writeOnly" in caught.value.next_command) is ("read" in denies)
    sftp.denies = frozenset()
    assert world.run()[0].state is State.CLOSED
    assert len(listed(world)) == 2


def test_a_drop_box_that_denies_reading_and_moves_files(tmp_path: Path, conninfo: str, sftp: SftpWorld) -> None:
    """Three runs gave three copies: the file was sent, could not be read back, and was sent again."""
    world = mover(tmp_path, conninfo, sftp)
    sftp.denies = frozenset({"read"})
    for _ in range(3):
        with pytest.raises(DestinationRefused, match=r"reading .* is denied"):
            world.run()
    assert len(sftp.taken) == 1


def test_a_drop_box_by_agreement(tmp_path: Path, conninfo: str, sftp: SftpWorld) -> None:
    """Nothing may be read, listed or removed; twice, as the second run finds nothing to do."""
    world = mover(tmp_path, conninfo, sftp, confirmation="writeOnly", rowsPerFile=150)
    sftp.denies = frozenset({"read", "look", "remove"})
    assert world.run()[0].state is State.CLOSED
    assert world.run() == []
    assert len(sftp.taken) == 2 and set(listed(world)) == {f"{DELIVERY}/datapackage.json"}


@pytest.mark.parametrize("step", ["uploaded", "verified", "committed"])
def test_a_drop_box_and_a_crash(step: str, tmp_path: Path, conninfo: str, sftp: SftpWorld) -> None:
    world = mover(tmp_path, conninfo, sftp, confirmation="writeOnly")
    sftp.denies = frozenset({"read", "look", "remove"})
    assert run_and_die(world, step) == -9
    assert world.run()[0].state is State.CLOSED
    assert len(sftp.taken) == 1


@contextmanager
def nobody() -> Iterator[None]:
    """As a user without rights: root may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_home(short_folder: Path, tmp_path: Path) -> Path:
    """A home below a folder that everybody may enter."""
    home = short_folder / tmp_path.name
    home.mkdir()
    if os.geteuid() == 0:
        os.chown(home, 65_534, 65_534)
    return home


def test_a_folder_that_may_be_written_to_and_not_read(open_home: Path, conninfo: str) -> None:
    with nobody():
        drop = open_home / "drop"
        drop.mkdir()
        world = World(open_home, conninfo, destination_dandi=drop)
        world.contract(confirmation="writeOnly")
        drop.chmod(0o300)
        assert deliver(world.at(OCTOBER), Silent(), check=no_check)[0].state is State.CLOSED
        drop.chmod(0o700)
        (drop / "dandi" / "teachers").chmod(0o500)
        with pytest.raises(DestinationRefused, match=r"making the folder of .* is denied"):
            world.contract(confirmation="readBack")
            world.run(date(2026, 11, 2))


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path, conninfo: str) -> None:
    """It may be a mount that is not mounted, or misspelt."""
    world = World(tmp_path, conninfo, destination_dandi=tmp_path / "mnt" / "tad")
    world.contract()
    with pytest.raises(DestinationRefused, match="there is no such folder"):
        world.run()
    assert not (tmp_path / "mnt").exists()
