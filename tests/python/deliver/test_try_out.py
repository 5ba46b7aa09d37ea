"""`warehouse doctor` tries each destination in use with a tiny object: what a delivery would meet is met before it."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import asyncssh
import pytest

from tests.python.deliver.delivering import AZURE, listed, sftp_world
from tests.python.deliver.world import SftpWorld, document, settings_for, write_contract
from warehouse.core.contracts import Proof
from warehouse.core.errors import DestinationFull, DestinationRefused
from warehouse.core.finding import Finding
from warehouse.core.settings import Settings
from warehouse.deliver import examine_destinations, try_out
from warehouse.deliver.destinations import open_destination
from warehouse.deliver.destinations.folder import Folder
from warehouse.deliver.files import facts_of

pytestmark = pytest.mark.usefixtures("short_waits")


class Place(NamedTuple):
    """Where dandi's files go, by settings alone; `listed` reads it."""

    home: Path
    settings: Settings

    @property
    def destination(self) -> str:
        return self.settings.destination("dandi")

    def findings(self, **given: Any) -> list[Finding]:
        write_contract(self.home / "exports", document(**given))
        return examine_destinations(self.settings, self.home / "exports")


def _folder(request: pytest.FixtureRequest, home: Path) -> Place:
    place = home / "there"
    place.mkdir()
    return Place(home, settings_for(home, destination_dandi=place))


def _sftp(request: pytest.FixtureRequest, home: Path) -> Place:
    server: SftpWorld = request.getfixturevalue("sftp")
    return Place(home, _sftp_settings(home, server))


def _cloud_storage(request: pytest.FixtureRequest, home: Path) -> Place:
    bucket = request.getfixturevalue("bucket")
    return Place(home, settings_for(home, destination_dandi=bucket))


def _azure_blob(request: pytest.FixtureRequest, home: Path) -> Place:
    request.getfixturevalue("azure")
    return Place(home, settings_for(home, destination_dandi=AZURE))


def _sftp_settings(home: Path, server: SftpWorld, **given: Any) -> Settings:
    given = {"warehouse_sftp_password": "let-me-in", "warehouse_sftp_known_hosts": server.known_hosts, **given}
    return settings_for(home, destination_dandi=server.url, **given)


PLACES: dict[str, Callable[[pytest.FixtureRequest, Path], Place]] = {
    "folder": _folder,
    "sftp": _sftp,
    "cloud_storage": _cloud_storage,
    "azure_blob": _azure_blob,
}


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return PLACES[request.param](request, tmp_path)


@pytest.fixture
def sftp_place(sftp: SftpWorld, tmp_path: Path) -> Place:
    return Place(tmp_path, _sftp_settings(tmp_path, sftp))


@pytest.mark.parametrize("proof", ["readBack", "pickUp"])
def test_a_place_is_tried_and_left_as_it_was(place: Place, proof: str) -> None:
    for _ in range(2):
        found = place.findings(confirmation=proof)
        assert {one.code for one in found} == {"destination of dandi"}
        # The imitation of Cloud Storage says of each bucket that others may read it, and that it is elsewhere.
        assert {one.state for one in found} == {"warning" if place.destination.startswith("gs://") else "ok"}
        of_the_bucket = (
            "public access prevention",
            "access is not uniform",
            "not in europe-west2",
            "a key of Google's",
        )
        assert not [
            one.what for one in found if one.state == "warning" and not any(w in one.what for w in of_the_bucket)
        ]
    assert listed(place) == {}  # type: ignore[arg-type]


def test_what_another_wrote_under_the_name_is_left_alone(place: Place) -> None:
    with_other = open_destination(place.destination, place.settings)
    facts = try_out._facts()
    other = place.home / "other"
    other.write_bytes(b"Something else.")
    with other.open("rb") as source:
        assert with_other.create(facts_of(other, facts.name, None), "x.part", source, try_out.How())
    with_other.close()
    (one,) = place.findings()
    assert (one.state, one.error) == ("failed", DestinationRefused)
    assert "is not what this program writes into it" in one.what
    assert listed(place) == {facts.name: b"Something else."}  # type: ignore[arg-type]


def test_what_may_not_be_removed_is_there_once(sftp_place: Place, sftp: SftpWorld) -> None:
    sftp.denies = frozenset({"remove"})
    for _ in range(2):
        (one,) = sftp_place.findings()
        assert (one.state, "nothing may be removed" in one.what) == ("warning", True)
    assert listed(sftp_place) == {try_out.NAME: try_out.CONTENT}  # type: ignore[arg-type]


REFUSALS: dict[str, tuple[Callable[[SftpWorld], Any], dict[str, Any], type[Exception], str]] = {
    "another host key": (
        lambda _: None,
        {"warehouse_sftp_known_hosts": "known_hosts_of_another"},
        DestinationRefused,
        "its host key is not the one in the known hosts",
    ),
    "another password": (
        lambda _: None,
        {"warehouse_sftp_password": "let-me-out"},
        DestinationRefused,
        "does not let loader in",
    ),
    "read only": (lambda s: setattr(s, "read_only", True), {}, DestinationRefused, "writing .trw-probe is denied"),
    "no rename": (
        lambda s: setattr(s, "denies", frozenset({"rename"})),
        {},
        DestinationRefused,
        "giving its name to .trw-probe is denied",
    ),
    "no reading": (
        lambda s: setattr(s, "denies", frozenset({"read"})),
        {},
        DestinationRefused,
        "reading .trw-probe is denied",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_a_delivery_would_meet_is_found(name: str, sftp: SftpWorld, tmp_path: Path) -> None:
    spoil, given, kind, words = REFUSALS[name]
    if "warehouse_sftp_known_hosts" in given:
        public = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
        other = tmp_path / "known_hosts_of_another"
        other.write_text(f"[127.0.0.1]:{sftp.port} {public}")
        given = {"warehouse_sftp_known_hosts": other}
    spoil(sftp)
    (one,) = Place(tmp_path, _sftp_settings(tmp_path, sftp, **given)).findings()
    assert (one.state, one.error) == ("failed", kind)
    assert words in one.what


def test_where_files_are_taken_away_the_contract_has_to_say_so(sftp_place: Place, sftp: SftpWorld) -> None:
    sftp.takes = (b"",)
    (one,) = sftp_place.findings()
    assert (one.state, "confirmation: pickUp" in one.what) == ("warning", True)
    assert [one.state for one in sftp_place.findings(confirmation="pickUp")] == ["ok"]


def test_nothing_is_written_where_nothing_may_be_removed(sftp_place: Place, sftp: SftpWorld) -> None:
    sftp.denies = frozenset({"read", "look", "remove"})
    (one,) = sftp_place.findings(confirmation="writeOnly")
    assert (one.state, "nothing was written" in one.what) == ("ok", True)
    assert listed(sftp_place) == {}  # type: ignore[arg-type]


def test_a_place_without_room(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(try_out, "LEAST_ROOM", 1 << 80)
    doubts = list(try_out.try_out(open_destination(place.destination, place.settings), Proof.READ_BACK))
    knows = not place.destination.startswith(("gs://", "az://"))
    assert [("are free there" in doubt) for doubt in doubts] == [True] * knows


def test_a_full_place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = _folder(request, tmp_path)
    monkeypatch.setattr(Folder, "_open", _no_room)
    (one,) = place.findings()
    assert (one.state, one.error) == ("failed", DestinationFull)


def _no_room(*_: object) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_the_own_folder_is_made_by_a_delivery_alone(tmp_path: Path) -> None:
    place = Place(tmp_path, settings_for(tmp_path))
    (one,) = place.findings()
    assert (one.state, "made when it is needed" in one.what) == ("ok", True)
    assert not (tmp_path / "deliveries").exists()


def test_a_recipient_without_a_folder(tmp_path: Path) -> None:
    place = Place(tmp_path, settings_for(tmp_path, destination_dandi=tmp_path / "not mounted"))
    (one,) = place.findings()
    assert (one.state, "there is no such folder" in one.what) == ("failed", True)


def test_a_delivery_meets_a_wrong_key_before_it_makes_its_files(tmp_path: Path, conninfo: str, sftp: SftpWorld) -> None:
    world = sftp_world(tmp_path, conninfo, sftp, warehouse_sftp_password="let-me-out")
    world.contract()
    reached: list[str] = []
    with pytest.raises(DestinationRefused, match="does not let loader in"):
        world.run(hook=reached.append)
    assert reached == ["planned"]
    assert world.state() == "failed"
