"""What the imitation of Cloud Storage cannot show: a service that is busy, full or refuses."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.python.deliver.delivering import World, listed
from tests.python.deliver.world import EMULATOR, settings_for
from warehouse.core.errors import DestinationFull, DestinationRefused
from warehouse.deliver import State
from warehouse.deliver.destinations import cloud_storage, open_destination
from warehouse.deliver.destinations.base import How
from warehouse.deliver.files import FileFacts, facts_of

pytestmark = pytest.mark.slow


class _Moody(BaseHTTPRequestHandler):
    """Passes requests on to the imitation, after as many failures as it is told."""

    behind: str
    failures: list[int]
    seen: list[str]
    denies: Callable[[str, str], bool]

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append(self.path)
        denied = [403] if type(self).denies(self.command, self.path) else []
        if denied or self.failures:
            code = denied[0] if denied else self.failures[0] if self.failures[0] < 0 else self.failures.pop(0)
            self.send_response(abs(code))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        connection = http.client.HTTPConnection(self.behind)
        connection.request(self.command, self.path, body, dict(self.headers))
        answer = connection.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        connection.close()

    do_GET = do_POST = do_PUT = do_DELETE = _handle

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def moody(bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Moody]]:
    """The bucket's server, with another one before it that can fail."""
    import os

    behind = urlsplit(os.environ[EMULATOR]).netloc
    handler = type("Handler", (_Moody,), {"behind": behind, "failures": [], "seen": [], "denies": lambda *_: False})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv(EMULATOR, f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(cloud_storage, "FIRST_WAIT", 0.01)
    yield handler
    server.shutdown()
    server.server_close()


@pytest.fixture
def file(tmp_path: Path) -> tuple[Path, FileFacts]:
    path = tmp_path / "x.csv"
    path.write_bytes(b"trn\r\n0000001\r\n")
    return path, facts_of(path, "dandi/teachers/2026-09/x.csv", 1)


def _create(bucket: str, file: tuple[Path, FileFacts], replace: bool = False) -> bool:
    path, facts = file
    with closing(open_destination(bucket, settings_for(path.parent))) as destination, path.open("rb") as source:
        return destination.create(facts, "", source, How(replace=replace))


def test_a_service_that_is_busy_for_a_moment(bucket: str, file: tuple[Path, FileFacts], moody: type[_Moody]) -> None:
    moody.failures[:] = [503, 429]
    assert _create(bucket, file) is True


@pytest.mark.parametrize("code", [507, 503, 429])
def test_a_service_that_stays_full(code: int, bucket: str, file: tuple[Path, FileFacts], moody: type[_Moody]) -> None:
    moody.failures[:] = [-code]
    with pytest.raises(DestinationFull) as caught:
        _create(bucket, file)
    assert str(code) in caught.value.what
    assert len(moody.seen) < 60


@pytest.mark.parametrize("code", [401, 403, 404, 500])
def test_a_service_that_refuses(code: int, bucket: str, file: tuple[Path, FileFacts], moody: type[_Moody]) -> None:
    moody.failures[:] = [-code]
    with pytest.raises(DestinationRefused):
        _create(bucket, file)


def test_nobody_there(file: tuple[Path, FileFacts], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EMULATOR, "http://127.0.0.1:9")
    monkeypatch.setattr(cloud_storage, "FIRST_WAIT", 0.01)
    with pytest.raises(DestinationRefused, match="no connection"):
        _create("gs://somewhere/x", file)


def test_create_if_absent_is_asked_for_and_kept(bucket: str, file: tuple[Path, FileFacts], moody: type[_Moody]) -> None:
    assert _create(bucket, file) is True
    assert any("ifGenerationMatch=0" in path for path in moody.seen)
    assert _create(bucket, file) is False
    assert _create(bucket, file, replace=True) is True


def test_a_file_of_many_requests(bucket: str, tmp_path: Path) -> None:
    """Over 8 MB the library sends pieces; what arrives is read back as what was sent."""
    path = tmp_path / "big.parquet"
    path.write_bytes(bytes(range(256)) * (80 << 10))
    facts = facts_of(path, "dandi/teachers/2026-09/big.parquet", 1)
    assert facts.bytes == 20 << 20
    assert _create(bucket, (path, facts)) is True
    with closing(open_destination(bucket, settings_for(tmp_path))) as destination:
        assert destination.matches(facts) is True
        assert destination.matches(FileFacts(**{**vars(facts), "crc32c": "AAAAAA=="})) is False
        destination.remove(facts.name)
        assert destination.matches(facts) is None


def test_a_bucket_that_may_only_be_written_to(
    bucket: str, moody: type[_Moody], tmp_path: Path, conninfo: str, short_waits: None
) -> None:
    """As the role Storage Object Creator: nothing may be read, listed, replaced or removed."""
    world = World(tmp_path, conninfo, destination_dandi=bucket)
    world.contract()
    moody.denies = lambda command, _: command in ("GET", "DELETE")
    for _ in range(2):
        with pytest.raises(DestinationRefused) as caught:
            world.run()
        assert "reading dandi/teachers/2026-09/teachers-2026-09.parquet is denied" in caught.value.what
        assert "storage.objects.get" in caught.value.what
        assert caught.value.denied == "reading"
    world.contract(confirmation="writeOnly")
    assert world.run(date(2026, 11, 2))[-1].state is State.CLOSED
    moody.denies = lambda *_: False
    assert {name.split("/")[-1] for name in listed(world) if "2026-10" in name} == {
        "teachers-2026-10.parquet",
        "datapackage.json",
    }


def test_a_bucket_that_may_not_be_looked_at_itself(
    bucket: str, moody: type[_Moody], tmp_path: Path, conninfo: str
) -> None:
    """Object rights are enough: that an object is absent is no sign that the bucket is, and "denied" none either."""
    world = World(tmp_path, conninfo, destination_dandi=bucket)
    world.contract()
    moody.denies = lambda _, path: "/o" not in path.split("?")[0]
    assert world.run()[0].state is State.CLOSED


def test_a_bucket_that_hides_what_is_absent(bucket: str, moody: type[_Moody], tmp_path: Path, conninfo: str) -> None:
    """Without the right to list, an object that is not there is "forbidden", and one that is there can be read."""
    world = World(tmp_path, conninfo, destination_dandi=bucket)
    world.contract()
    sent: set[str] = set()

    def hides(command: str, path: str) -> bool:
        if command in ("POST", "PUT"):
            sent.add(path)
        return command == "GET" and not sent

    moody.denies = hides
    assert world.run()[0].state is State.CLOSED
