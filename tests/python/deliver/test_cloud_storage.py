"""What the imitation of Cloud Storage cannot show: a service that is busy, full, refuses, breaks off or lies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from google.auth.exceptions import RefreshError

from tests.python.deliver.delivering import World
from tests.python.deliver.faulty import EVER, Fault, File, serving
from tests.python.deliver.faulty_cloud_storage import CloudStorageHandler, CloudStorageServer
from tests.python.deliver.world import EMULATOR, settings_for
from warehouse.core.errors import DeliveryError, DestinationFull, DestinationRefused, FilesVanished
from warehouse.deliver import State
from warehouse.deliver.destinations import base, cloud_storage, open_destination, resumable

pytestmark = pytest.mark.slow

URL = "gs://bucket/from-warehouse"
PIECE = 256 << 10
SIZES = {"small": 14, "large": 5 * PIECE // 2}
"""One goes in one request, the other in three pieces."""

WHOLE = {"teachers-2026-09.parquet", "datapackage.json"}


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudStorageServer]:
    """Our own Cloud Storage, empty and in good health; pieces are small and waits short."""
    monkeypatch.setattr(cloud_storage, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(cloud_storage, "SINGLE_REQUEST", PIECE)
    monkeypatch.setattr(resumable, "PIECE", PIECE)
    # The library asks for a new token after 401, which these credentials have not got.
    monkeypatch.setattr(cloud_storage.AnonymousCredentials, "refresh", lambda *_: None)
    with serving(CloudStorageServer(), CloudStorageHandler) as server:
        monkeypatch.setenv(EMULATOR, server.url)
        yield server


@pytest.fixture(params=SIZES)
def file(request: pytest.FixtureRequest, tmp_path: Path) -> File:
    return File(tmp_path, URL, SIZES[request.param])


@pytest.fixture
def small(tmp_path: Path) -> File:
    return File(tmp_path, URL, SIZES["small"])


@pytest.fixture
def large(tmp_path: Path) -> File:
    return File(tmp_path, URL, SIZES["large"])


# -- what passes -------------------------------------------------------------------------------------------------

PASSES = {
    "busy": [Fault("", answer=503), Fault("", answer=429)],
    "each answer that says nothing": [Fault("", answer=code) for code in (408, 500, 502, 504)],
    "cut in the middle": [Fault("small", cut=True), Fault("piece", cut=True), Fault("last", cut=True)],
    "cut before the answer": [Fault("small", mute=True), Fault("begin", mute=True), Fault("last", mute=True)],
    "slow": [Fault("small", slow=0.4), Fault("piece", slow=0.4), Fault("last", slow=0.4)],
    "a wrong checksum in the answer": [Fault("small", says={"crc32c": "AAAAAA=="}), Fault("last", says={"size": "1"})],
    "no word of what is there": [
        Fault("small", store=lambda _: None, says={"crc32c": None}),
        Fault("last", says={"crc32c": None}),
    ],
    "something else arrived": [
        Fault("small", answer=400, times=0),
        Fault("last", store=bytes.upper, says={"crc32c": "AAAAAA=="}),
    ],
    "the session is lost": [Fault("piece", answer=410), Fault("last", answer=404)],
    "busy when it is asked, too": [Fault("piece", answer=503), Fault("ask", answer=503, times=3)],
    "busy before the last look": [Fault("look", answer=503)],
}


@pytest.mark.parametrize("faults", PASSES.values(), ids=PASSES)
def test_what_passes_by_itself_ends_with_one_object(
    faults: list[Fault], file: File, service: CloudStorageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = any(fault.slow for fault in faults)
    if slow:
        monkeypatch.setattr(cloud_storage, "TIMEOUT", 0.2)
    service.faults = [Fault(**vars(fault)) for fault in faults]
    created = file.send()
    # What was made before the answer was lost looks like another's, until it is read back.
    assert created or slow or any(fault.mute for fault in faults)
    assert {name: one.content for name, one in service.stored.items()} == {file.name: file.content}
    assert file.matches() is True


def test_a_large_upload_goes_on_where_it_stopped(large: File, service: CloudStorageServer) -> None:
    service.faults = [Fault("piece", cut=True, skip=1), Fault("last", answer=503), Fault("ask", mute=True)]
    assert large.send() is True
    assert service.kinds.count("begin") == 1
    # A cut piece arrives in part, and what did not is sent again; the other pieces are sent once.
    assert service.kinds.count("piece") + service.kinds.count("last") <= 5


def test_a_piece_of_which_a_part_arrived_is_not_sent_again(
    large: File, service: CloudStorageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resumable, "PIECE", 2 * PIECE)
    service.faults = [Fault("piece", cut=True)]
    assert large.send() is True
    assert service.stored[large.name].content == large.content
    assert service.kinds == ["begin", "piece", "ask", "look", "last"]


def test_failures_count_anew_when_something_arrived(tmp_path: Path, service: CloudStorageServer) -> None:
    """A file of hours meets more of them than one request may."""
    file = File(tmp_path, URL, 2 * (cloud_storage.ATTEMPTS + 2) * PIECE)
    service.faults = [Fault("piece", skip=1, answer=503) for _ in range(cloud_storage.ATTEMPTS + 1)]
    assert file.send() is True
    assert service.kinds.count("begin") == 1


def test_the_service_compares_what_arrives_with_what_was_meant(file: File, service: CloudStorageServer) -> None:
    """The file changed on its way, or on our own disk: no object is made of it."""
    file.path.write_bytes(file.content[::-1])
    with pytest.raises(DestinationRefused, match="400"):
        file.send()
    assert service.stored == {} and "remove" not in service.kinds


def test_the_service_says_how_long_to_wait(
    file: File, service: CloudStorageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(base.time, "sleep", waits.append)
    service.faults = [
        Fault("", answer=429, headers={"Retry-After": "7"}),
        Fault("", answer=503, headers={"Retry-After": "3600"}),
    ]
    assert file.send() is True
    assert waits == [7.0, base.LONGEST_WAIT]


def test_each_wait_is_longer_and_their_number_is_bounded(
    file: File, service: CloudStorageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(base.time, "sleep", waits.append)
    monkeypatch.setattr(cloud_storage, "FIRST_WAIT", 0.5)
    service.faults = [Fault("", answer=503, times=EVER)]
    with pytest.raises(DestinationFull):
        file.send()
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0]


# -- what stays --------------------------------------------------------------------------------------------------

STAYS = [
    (Fault("", EVER, answer=507), DestinationFull, "507"),
    (Fault("", EVER, answer=503), DestinationFull, "503"),
    (Fault("", EVER, answer=429), DestinationFull, "429"),
    (Fault("", EVER, answer=500), DestinationRefused, "500"),
    (Fault("", EVER, answer=401), DestinationRefused, "does not accept the credentials"),
    (Fault("", EVER, answer=403), DestinationRefused, "storage.objects.create"),
    (Fault("", EVER, answer=404), DestinationRefused, "404"),
    (Fault("", EVER, answer=400), DestinationRefused, "400"),
    (Fault("", EVER, cut=True), DestinationRefused, "no connection"),
    (Fault("", EVER, slow=0.05), DestinationRefused, "no connection"),
]


@pytest.mark.parametrize(("fault", "error", "words"), STAYS, ids=lambda one: str(one) if isinstance(one, str) else "")
def test_what_stays_is_refused_and_nothing_is_there(
    fault: Fault,
    error: type[DeliveryError],
    words: str,
    file: File,
    service: CloudStorageServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if fault.slow:
        monkeypatch.setattr(cloud_storage, "TIMEOUT", 0.01)
    service.faults = [Fault(**vars(fault))]
    with pytest.raises(error, match=words):
        file.send()
    requests = {507: 1, 401: 3, 403: 1, 404: 1, 400: 1}
    assert len(service.kinds) == requests.get(fault.answer, cloud_storage.ATTEMPTS)
    if not fault.slow:
        assert service.stored == {}


def test_a_session_that_is_lost_each_time(large: File, service: CloudStorageServer) -> None:
    service.faults = [Fault("last", EVER, answer=410)]
    with pytest.raises(DestinationRefused, match="loses the upload"):
        large.send()
    assert service.kinds.count("begin") == cloud_storage.ATTEMPTS


def test_a_session_that_goes_nowhere(large: File, service: CloudStorageServer) -> None:
    """It answers "go on" and keeps nothing."""
    service.faults = [Fault("piece", EVER, answer=308)]
    with pytest.raises(DestinationRefused, match="loses the upload"):
        large.send()
    assert len(service.kinds) <= 2 * cloud_storage.ATTEMPTS**2


def test_what_arrives_is_another_each_time(file: File, service: CloudStorageServer) -> None:
    """It is taken away again, as far as that is allowed."""
    wrong = Fault("", EVER, store=lambda _: b"other", says={"crc32c": "AAAAAA=="})
    service.faults = [wrong]
    with pytest.raises(DestinationRefused, match="is not what was sent"):
        file.send()
    assert service.stored == {}
    service.denies = {"remove"}
    assert file.send() is False
    service.faults = []
    assert file.matches() is False


def test_nobody_there(small: File, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EMULATOR, "http://127.0.0.1:9")
    monkeypatch.setattr(cloud_storage, "FIRST_WAIT", 0.001)
    with pytest.raises(DestinationRefused, match="no connection"):
        small.send()


@pytest.mark.parametrize(("retryable", "calls"), [(True, cloud_storage.ATTEMPTS), (False, 1)])
def test_credentials_that_cannot_be_had(
    retryable: bool, calls: int, small: File, service: CloudStorageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where tokens come from may be busy, too; a key that was withdrawn stays so."""
    asked: list[int] = []

    def no_token(*_: object, **__: object) -> None:
        asked.append(1)
        raise RefreshError("no", retryable=retryable)

    monkeypatch.setattr(cloud_storage.AnonymousCredentials, "before_request", no_token)
    with pytest.raises(DestinationRefused, match=r"no credentials \(RefreshError\)"):
        small.send()
    assert len(asked) == calls


# -- others' objects ---------------------------------------------------------------------------------------------


def test_create_if_absent_is_asked_for_and_kept(file: File, service: CloudStorageServer) -> None:
    assert file.send() is True
    assert file.send() is False
    assert file.send(replace=True) is True
    service.put(file.name, b"another's")
    assert file.send() is False
    assert service.stored[file.name].content == b"another's"


@pytest.mark.parametrize("heeds", ["begin end", "begin", "end", ""])
def test_a_rival_in_between_keeps_its_object(heeds: str, large: File, service: CloudStorageServer) -> None:
    """Also where the service forgets what it was asked for: the name is looked at before the last piece."""
    service.heeds = set(heeds.split())
    service.faults = [Fault("piece", before=lambda: service.put(large.name, b"the rival's") and None, skip=1)]
    assert large.send() is False
    assert service.stored[large.name].content == b"the rival's"
    assert service.kinds[-1] == "cancel"


def test_a_rival_after_the_last_look(large: File, service: CloudStorageServer) -> None:
    service.faults = [Fault("last", before=lambda: service.put(large.name, b"the rival's") and None)]
    assert large.send() is False
    assert service.stored[large.name].content == b"the rival's"


def test_a_large_file_where_nothing_may_be_looked_at(large: File, service: CloudStorageServer) -> None:
    service.denies = {"look", "get", "remove", "list"}
    assert large.send() is True


# -- whole deliveries --------------------------------------------------------------------------------------------


@pytest.fixture
def cloud(service: CloudStorageServer, tmp_path: Path, conninfo: str) -> World:
    """A warehouse that delivers there."""
    world = World(tmp_path, conninfo, destination_dandi=URL)
    world.contract()
    return world


def _there(service: CloudStorageServer) -> set[str]:
    return {name.rsplit("/", maxsplit=1)[-1] for name in service.stored}


@pytest.mark.parametrize("skip", [0, 1], ids=["data", "manifest"])
def test_a_success_that_is_a_lie_delivers_nothing(skip: int, service: CloudStorageServer, cloud: World) -> None:
    """200, the right checksums, and no object: a person decides, as somebody may have taken it."""
    service.faults = [Fault("small", store=lambda _: None, skip=skip)]
    with pytest.raises(FilesVanished):
        cloud.run()
    assert cloud.state() == "vanished" and "datapackage.json" not in _there(service)


def test_other_bytes_under_a_success_are_read_back_and_sent_anew(service: CloudStorageServer, cloud: World) -> None:
    service.faults = [Fault("small", store=lambda content: content[:-1] + b"?")]
    with pytest.raises(DeliveryError, match="is not what was sent"):
        cloud.run()
    assert cloud.state() == "failed" and "datapackage.json" not in _there(service)
    assert cloud.run()[0].state is State.CLOSED
    assert _there(service) == WHOLE


@pytest.mark.parametrize("skip", [0, 1], ids=["data", "manifest"])
@pytest.mark.parametrize("fault", ["cut", "mute"])
def test_a_connection_that_breaks_ends_with_one_delivery(
    fault: str, skip: int, service: CloudStorageServer, cloud: World
) -> None:
    service.faults = [Fault("small", skip=skip, **{fault: True})]  # type: ignore[arg-type]
    assert cloud.run()[0].state is State.CLOSED
    assert _there(service) == WHOLE
    assert cloud.query("select attempt from ledger.deliveries") == [(1,)]


@pytest.mark.parametrize("skip", [0, 1], ids=["data", "manifest"])
def test_a_rival_that_writes_first_is_left_alone(skip: int, service: CloudStorageServer, cloud: World) -> None:
    name = "from-warehouse/dandi/teachers/2026-09/" + ("datapackage.json" if skip else "teachers-2026-09.parquet")
    service.faults = [Fault("small", skip=skip, before=lambda: service.put(name, b"the rival's") and None)]
    with pytest.raises(DestinationRefused, match="already"):
        cloud.run()
    assert service.stored[name].content == b"the rival's" and cloud.state() == "failed"


def test_a_bucket_that_may_only_be_written_to(service: CloudStorageServer, cloud: World) -> None:
    """As the role Storage Object Creator: nothing may be read, listed, replaced or removed."""
    service.denies = {"look", "get", "list", "bucket", "remove"}
    for _ in range(2):
        with pytest.raises(DestinationRefused) as caught:
            cloud.run()
        assert "reading dandi/teachers/2026-09/teachers-2026-09.parquet is denied" in caught.value.what
        assert "storage.objects.get" in caught.value.what
        assert caught.value.denied == "reading"
    cloud.contract(confirmation="writeOnly")
    assert cloud.run(date(2026, 11, 2))[-1].state is State.CLOSED
    assert {name.split("/")[-1] for name in service.stored if "2026-10" in name} == {
        "teachers-2026-10.parquet",
        "datapackage.json",
    }


def test_a_bucket_that_may_not_be_looked_at_itself(service: CloudStorageServer, cloud: World) -> None:
    """Object rights are enough: that an object is absent is no sign that the bucket is, and "denied" none either."""
    service.denies = {"bucket"}
    assert cloud.run()[0].state is State.CLOSED


def test_a_bucket_that_hides_what_is_absent(service: CloudStorageServer, cloud: World) -> None:
    """Without the right to list, an object that is not there is "forbidden", and one that is there can be read."""
    service.denies = {"look", "get"}
    service.faults = [Fault("small", before=service.denies.clear)]
    assert cloud.run()[0].state is State.CLOSED


# -- an imitation that we did not write --------------------------------------------------------------------------


def test_a_file_of_many_requests(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives in pieces is read back as what was sent."""
    monkeypatch.setattr(cloud_storage, "SINGLE_REQUEST", PIECE)
    monkeypatch.setattr(resumable, "PIECE", PIECE)
    file = File(tmp_path, bucket, SIZES["large"])
    assert file.send() is True
    assert file.matches() is True
    assert file.matches(crc32c="AAAAAA==") is False
    assert file.send() is False
    with closing(open_destination(bucket, settings_for(tmp_path))) as destination:
        destination.remove(file.facts.name)
    assert file.matches() is None
