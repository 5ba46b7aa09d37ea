"""Destinations: files go where the setting says, over what proves it, and nobody else can read them there."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from pydantic import ValidationError

from tests.python.deliver.delivering import World, sftp_world
from tests.python.deliver.world import SftpWorld, settings_for
from warehouse.core.errors import DestinationRefused, SettingsError
from warehouse.core.settings import Settings
from warehouse.deliver import examine_destinations, health
from warehouse.deliver.destinations import open_destination


@pytest.mark.parametrize("name", ["STORAGE_EMULATOR_HOST", "API_ENDPOINT_OVERRIDE"])
@pytest.mark.parametrize("address", ["http://192.0.2.2:8099", "http://127.0.0.1:8099"])
def test_no_variable_of_the_library_leads_files_elsewhere(
    name: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, address)
    with pytest.raises(SettingsError, match=name) as caught:
        open_destination("gs://bucket/x", settings_for(tmp_path))
    assert "WAREHOUSE_CLOUD_STORAGE_EMULATOR" in caught.value.next_command


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("http://127.0.0.1:4443", True),
        ("http://localhost:4443", True),
        ("http://[::1]:4443", True),
        ("http://192.0.2.2:8099", False),
        ("http://localhost.example.org", False),
        ("127.0.0.1:4443", False),
        ("ftp://127.0.0.1", False),
    ],
)
def test_an_emulator_is_on_this_machine(address: str, good: bool) -> None:
    if good:
        assert Settings(_env_file=None, warehouse_cloud_storage_emulator=address)
    else:
        with pytest.raises(ValidationError, match="on this machine"):
            Settings(_env_file=None, warehouse_cloud_storage_emulator=address)


@pytest.fixture
def bucket_of(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """A service that answers about one bucket, as it is told to."""
    told: dict[str, Any] = {"status": 200, "iam": {}, "is": {}}

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"name": "bucket", "iamConfiguration": told["iam"], **told["is"]}).encode()
            self.send_response(told["status"])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    told["address"] = f"http://127.0.0.1:{server.server_port}"
    yield told
    server.shutdown()
    server.server_close()


_CLOSED = {"publicAccessPrevention": "enforced", "uniformBucketLevelAccess": {"enabled": True}}
_KEY = {"encryption": {"defaultKmsKeyName": "projects/p/locations/europe-west2/keyRings/r/cryptoKeys/k"}}
_LONDON = {"location": "EUROPE-WEST2"}


@pytest.mark.parametrize(
    ("status", "iam", "is_", "words"),
    [
        (200, _CLOSED, _LONDON | _KEY, []),
        (200, {"publicAccessPrevention": "inherited"}, _LONDON | _KEY, ["inherited, not enforced", "not uniform"]),
        (200, {}, _LONDON | _KEY, ["not enforced", "not uniform"]),
        (200, _CLOSED, {"location": "US"} | _KEY, ["it is in US, not in europe-west2"]),
        (200, _CLOSED, _KEY, ["a region that it does not say"]),
        (200, _CLOSED, _LONDON, ["a key of Google's"]),
        (403, {}, {}, ["storage.buckets.get"]),
    ],
)
def test_a_bucket_that_others_may_read_or_keep_is_named(
    status: int,
    iam: dict[str, Any],
    is_: dict[str, Any],
    words: list[str],
    bucket_of: dict[str, Any],
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "try_out", lambda *_: [])  # this imitation keeps no objects
    bucket_of |= {"status": status, "iam": iam, "is": is_}
    settings = settings_for(
        world.home, destination_dandi="gs://bucket/x", warehouse_cloud_storage_emulator=bucket_of["address"]
    )
    found = [one for one in examine_destinations(settings, world.exports) if one.state != "ok"]
    assert [one.state for one in found] == ["warning"] * len(words)
    for one, word in zip(found, words, strict=True):
        assert word in one.what and one.code == "destination of dandi" and "gs://bucket/x" in one.what


@pytest.mark.parametrize("mode", ["0640", "0600"])
def test_files_on_a_server_are_for_their_reader_alone(
    mode: str, tmp_path: Path, conninfo: str, sftp: SftpWorld
) -> None:
    world = sftp_world(tmp_path, conninfo, sftp)
    world.contract()
    world.settings = world.settings.model_copy(update={"warehouse_sftp_file_mode": mode})
    before = os.umask(0)
    try:
        world.run()
    finally:
        os.umask(before)
    files = [path for path in sftp.folder.rglob("*") if path.is_file()]
    assert len(files) >= 2
    assert {f"{path.stat().st_mode & 0o7777:04o}" for path in files} == {mode}
    made = [path for path in (sftp.folder / "drop").rglob("*") if path.is_dir()]
    assert not [path for path in made if path.stat().st_mode & 0o027]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_key_that_others_can_read_is_not_used(mode: int, tmp_path: Path, sftp: SftpWorld) -> None:
    key = tmp_path / "key"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(key))
    key.chmod(mode)
    settings = settings_for(tmp_path, warehouse_sftp_key_file=key, warehouse_sftp_known_hosts=sftp.known_hosts)
    with closing(open_destination(sftp.url, settings)) as destination:
        with pytest.raises(DestinationRefused, match="may read the key file") as caught:
            destination.read("x")
        assert f"chmod 600 {key}" in caught.value.next_command
        key.chmod(0o600)
        with pytest.raises(DestinationRefused, match="does not let loader in"):
            destination.read("x")
