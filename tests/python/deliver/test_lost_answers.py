"""An answer is lost, and nobody can look for the object, which was taken or may not be read: it is made once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.python.deliver.delivering import AZURE, OCTOBER, World
from tests.python.deliver.faulty import EVER, Fault, FaultyServer, File, serving
from tests.python.deliver.faulty_azure import AzureServer
from tests.python.deliver.faulty_cloud_storage import CloudStorageHandler, CloudStorageServer
from tests.python.deliver.world import EMULATOR
from warehouse.core.contracts import Proof
from warehouse.core.errors import DestinationRefused, FilesVanished
from warehouse.core.progress import Silent
from warehouse.deliver import State, decide
from warehouse.deliver.destinations import azure_blob, cloud_storage, resumable
from warehouse.deliver.destinations.base import How

pytestmark = pytest.mark.slow

DELIVERY = "dandi/teachers/2026-09"
PIECE = 256 << 10
SIZES = {"small": 14, "large": 5 * PIECE // 2}


@dataclass
class Taking:
    """A service whose objects are taken as soon as they are made.

    Attributes:
        making: the kind of request that makes an object.
        lost: faults after which it cannot be found out whether one was made.
        taken: what the recipient has.
        naming: what the destination said of the moment at which an object may be made.
    """

    server: FaultyServer
    url: str
    making: str
    lost: list[Fault]
    taken: list[bytes] = field(default_factory=list)
    naming: list[bool] = field(default_factory=list)

    def take(self, content: bytes) -> None:
        self.taken.append(content)

    def fault(self, **what: Any) -> Fault:
        """In the request that makes an object."""
        return Fault(self.making, store=self.take, **what)

    def lost_at_the(self, number: int) -> list[Fault]:
        """The same faults, for one of several objects: each looks once at what waits before it is sent."""
        return [replace(fault, skip=fault.skip * number) for fault in self.lost]

    def file(self, folder: Path, size: str) -> File:
        return File(folder, self.url, SIZES[size])

    def how(self) -> How:
        return How(proof=Proof.PICK_UP, naming=self.naming.append)


@pytest.fixture
def cloud_storage_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudStorageServer]:
    with serving(CloudStorageServer(), CloudStorageHandler) as server:
        monkeypatch.setenv(EMULATOR, server.url)
        yield server


@pytest.fixture(params=["cloud_storage", "azure_blob"])
def taking(
    request: pytest.FixtureRequest,
    cloud_storage_server: CloudStorageServer,
    azure: AzureServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Taking:
    for module in (cloud_storage, azure_blob):
        monkeypatch.setattr(module, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(cloud_storage, "SINGLE_REQUEST", PIECE)
    monkeypatch.setattr(resumable, "PIECE", PIECE)
    monkeypatch.setattr(azure_blob, "BLOCK", PIECE)
    if request.param == "azure_blob":
        return Taking(azure, AZURE, "commit", [Fault("staged", answer=403, skip=1, times=EVER)])
    return Taking(cloud_storage_server, "gs://bucket/from-warehouse", "last", [Fault("ask", answer=404, times=EVER)])


@pytest.mark.parametrize("size", SIZES)
def test_an_answer_that_is_lost_is_asked_for(taking: Taking, size: str, tmp_path: Path) -> None:
    file = taking.file(tmp_path, size)
    taking.server.faults = [taking.fault(mute=True), taking.fault(times=EVER)]
    assert file.send(how=taking.how()) is True
    assert taking.taken == [file.content] and taking.naming == [True]


@pytest.mark.parametrize("size", SIZES)
def test_a_request_that_did_not_arrive_is_sent_again(taking: Taking, size: str, tmp_path: Path) -> None:
    file = taking.file(tmp_path, size)
    taking.server.faults = [Fault(taking.making, cut=True), Fault(taking.making, answer=503), taking.fault(times=EVER)]
    assert file.send(how=taking.how()) is True
    assert taking.taken == [file.content]


@pytest.mark.parametrize("size", SIZES)
def test_what_cannot_be_found_out_is_not_made_again(taking: Taking, size: str, tmp_path: Path) -> None:
    file = taking.file(tmp_path, size)
    taking.server.faults = [taking.fault(mute=True), *taking.lost, taking.fault(times=EVER)]
    with pytest.raises(DestinationRefused, match="does not say whether"):
        file.send(how=taking.how())
    assert taking.taken == [file.content] and taking.naming == [True]


@pytest.mark.parametrize("size", SIZES)
def test_a_place_that_says_no_has_made_nothing(taking: Taking, size: str, tmp_path: Path) -> None:
    taking.server.faults = [Fault(taking.making, answer=403, times=EVER)]
    with pytest.raises(DestinationRefused):
        taking.file(tmp_path, size).send(how=taking.how())
    assert taking.naming == [True, False]


@pytest.mark.parametrize("size", SIZES)
def test_an_object_that_is_still_there_is_left_alone(taking: Taking, size: str, tmp_path: Path) -> None:
    file = taking.file(tmp_path, size)
    taking.server.faults = [Fault(taking.making, mute=True), *taking.lost]
    assert file.send(how=taking.how()) is False
    assert [one.content for one in taking.server.stored.values()] == [file.content]
    assert file.matches() is True


# -- whole deliveries --------------------------------------------------------------------------------------------


@pytest.fixture
def world(taking: Taking, tmp_path: Path, conninfo: str) -> World:
    made = World(tmp_path, conninfo, destination_dandi=taking.url)
    made.contract(confirmation="pickUp")
    return made


def test_each_answer_of_a_delivery_is_lost(taking: Taking, world: World) -> None:
    taking.server.faults = [taking.fault(mute=True, times=2)]
    assert world.run()[0].state is State.CLOSED
    assert len(taking.taken) == 2, "the data, and the manifest"
    assert world.run() == []


def test_a_run_that_dies_before_the_answer_asks_a_person(taking: Taking, world: World) -> None:
    def dies(step: str) -> None:
        if step == "naming":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.run(hook=dies)
    for _ in range(2):
        with pytest.raises(FilesVanished) as caught:
            world.run()
        assert "pickUp" not in caught.value.next_command, "that is agreed already"
    taking.server.faults = [taking.fault(times=EVER)]
    decide(world.at(OCTOBER), Silent(), DELIVERY, "resend", "it was never made")
    assert world.run()[0].state is State.CLOSED
    assert len(taking.taken) == 2


def test_a_manifest_of_which_nobody_knows_is_not_made_again(taking: Taking, world: World) -> None:
    """All data is with the recipient, who may have the manifest as well, and have begun to load."""
    data = taking.fault()
    manifest = taking.fault(mute=True)
    taking.server.faults = [data, manifest, *taking.lost_at_the(2), taking.fault(times=EVER)]
    with pytest.raises(DestinationRefused, match="does not say whether"):
        world.run()
    assert len(taking.taken) == 2
    for _ in range(2):
        with pytest.raises(FilesVanished, match="datapackage"):
            world.run()
    assert len(taking.taken) == 2


# -- where nothing may be read -----------------------------------------------------------------------------------


def test_an_answer_is_lost_where_nothing_may_be_looked_at(taking: Taking, world: World) -> None:
    """What was made is not blamed on another program; where nothing says that it was made, a person decides."""
    world.contract(confirmation="writeOnly")
    taking.server.denies = {"look", "get", "list", "bucket", "container", "staged", "remove"}
    taking.server.faults = [Fault(taking.making, mute=True)]
    if taking.making == "last":  # of its own session one may always ask
        assert world.run()[0].state is State.CLOSED
    else:
        with pytest.raises(DestinationRefused, match="does not say whether"):
            world.run()
        for _ in range(2):
            with pytest.raises(FilesVanished):
                world.run()
        assert decide(world.at(OCTOBER), Silent(), DELIVERY, "received", "they have it") is State.CLOSED
    assert len(taking.server.stored) == 2, "the data, and the manifest"
    assert world.run() == []
