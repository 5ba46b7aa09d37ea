"""Azure Blob Storage on its bad days, and who may use it."""

from __future__ import annotations

import base64
import hashlib
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError

from tests.python.deliver.delivering import AZURE, World
from tests.python.deliver.faulty import EVER, Fault, File
from tests.python.deliver.faulty_azure import SIGNATURE, AzureServer
from tests.python.deliver.world import settings_for
from warehouse.core.errors import (
    DeliveryError,
    DestinationFull,
    DestinationRefused,
    FilesVanished,
    KindNotInstalled,
    SettingsError,
)
from warehouse.deliver import State
from warehouse.deliver.destinations import azure_blob, base, open_destination

pytestmark = pytest.mark.slow

BLOCK = 64 << 10
SIZES = {"small": 14, "large": 5 * BLOCK // 2}
"""One goes in one request, the other in three blocks."""

WHOLE = {"teachers-2026-09.parquet", "datapackage.json"}


@pytest.fixture
def service(azure: AzureServer, monkeypatch: pytest.MonkeyPatch) -> AzureServer:
    """Blocks are small and waits short."""
    monkeypatch.setattr(azure_blob, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(azure_blob, "BLOCK", BLOCK)
    return azure


@pytest.fixture(params=SIZES)
def file(request: pytest.FixtureRequest, tmp_path: Path) -> File:
    return File(tmp_path, AZURE, SIZES[request.param])


@pytest.fixture
def small(tmp_path: Path) -> File:
    return File(tmp_path, AZURE, SIZES["small"])


@pytest.fixture
def large(tmp_path: Path) -> File:
    return File(tmp_path, AZURE, SIZES["large"])


# -- what passes -------------------------------------------------------------------------------------------------

PASSES = {
    "busy": [Fault("", answer=503), Fault("", answer=429)],
    "each answer that says nothing": [Fault("", answer=code) for code in (408, 500, 502, 504)],
    "cut in the middle": [Fault(kind, cut=True) for kind in ("small", "block", "commit")],
    "cut before the answer": [Fault(kind, mute=True) for kind in ("small", "staged", "block", "commit")],
    "slow": [Fault(kind, slow=0.6) for kind in ("small", "block", "commit")],
    "what arrived was broken": [
        Fault(kind, answer=400, headers={"x-ms-error-code": "Md5Mismatch"}) for kind in ("small", "block")
    ],
}


@pytest.mark.parametrize("faults", PASSES.values(), ids=PASSES)
def test_what_passes_by_itself_ends_with_one_blob(
    faults: list[Fault], file: File, service: AzureServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = any(fault.slow for fault in faults)
    if slow:
        monkeypatch.setattr(azure_blob, "READ_TIMEOUT", 0.3)
    service.faults = [Fault(**vars(fault)) for fault in faults]
    created = file.send()
    # What was made before the answer was lost looks like another's, until it is read back.
    assert created or slow or any(fault.mute for fault in faults)
    assert {name: one.content for name, one in service.stored.items()} == {file.name: file.content}
    assert file.matches() is True


def test_the_recipients_tools_are_told_what_it_is(file: File, service: AzureServer) -> None:
    """By the service itself: they compare the MD5 of what they download."""
    file.send()
    md5 = base64.b64encode(hashlib.md5(file.content, usedforsecurity=False).digest()).decode()
    assert service.stored[file.name].meta == {"contentType": "text/csv; charset=utf-8", "md5": md5}


def test_a_large_upload_goes_on_where_it_stopped(large: File, service: AzureServer) -> None:
    """In the same process, and in another one: a block's name says what it holds."""
    service.faults = [Fault("block", cut=True, skip=1), Fault("commit", answer=500, times=azure_blob.ATTEMPTS)]
    with pytest.raises(DestinationRefused, match="500"):
        large.send()
    assert service.kinds.count("block") == 4 and service.stored == {}
    service.kinds.clear()
    assert large.send() is True
    assert service.kinds == ["staged", "commit"]
    assert large.matches() is True


def test_where_blocks_may_not_be_looked_at_all_are_sent(large: File, service: AzureServer) -> None:
    service.denies = {"staged", "look", "get"}
    assert large.send() is True


def test_a_block_that_was_lost_is_told_and_sent_the_next_time(large: File, service: AzureServer) -> None:
    service.faults = [Fault("block", skip=1, store=lambda _: None)]
    with pytest.raises(DestinationRefused, match="InvalidBlockList"):
        large.send()
    service.kinds.clear()
    assert large.send() is True
    assert service.kinds == ["staged", "block", "commit"]


def test_the_service_says_how_long_to_wait(file: File, service: AzureServer, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(base.time, "sleep", waits.append)
    service.faults = [
        Fault("", answer=code, headers={"Retry-After": str(wait)}) for code, wait in ((429, 7), (503, 999))
    ]
    assert file.send() is True
    assert waits == [7.0, base.LONGEST_WAIT]


# -- what stays --------------------------------------------------------------------------------------------------

STAYS: dict[str, tuple[Fault, type[DeliveryError], str]] = {
    "full": (Fault("", EVER, answer=507), DestinationFull, "507"),
    "busy": (Fault("", EVER, answer=503), DestinationFull, "503"),
    "too often": (Fault("", EVER, answer=429), DestinationFull, "429"),
    "broken": (Fault("", EVER, answer=500), DestinationRefused, "500"),
    "unknown": (Fault("", EVER, answer=401), DestinationRefused, "does not accept the credentials"),
    "signature": (
        Fault("", EVER, answer=403, headers={"x-ms-error-code": "AuthenticationFailed"}),
        DestinationRefused,
        "does not accept the credentials",
    ),
    "rights": (Fault("", EVER, answer=403), DestinationRefused, "the right is create"),
    "no container": (
        Fault("", EVER, answer=404, headers={"x-ms-error-code": "ContainerNotFound"}),
        DestinationRefused,
        "ContainerNotFound",
    ),
    "leased": (
        Fault("", EVER, answer=412, headers={"x-ms-error-code": "LeaseIdMissing"}),
        DestinationRefused,
        "LeaseIdMissing",
    ),
    "immutable": (
        Fault("", EVER, answer=409, headers={"x-ms-error-code": "BlobImmutableDueToPolicy"}),
        DestinationRefused,
        "BlobImmutableDueToPolicy",
    ),
    "no connection": (Fault("", EVER, cut=True), DestinationRefused, "no connection"),
}


@pytest.mark.parametrize("case", STAYS)
def test_what_stays_is_refused_and_nothing_is_there(case: str, small: File, service: AzureServer) -> None:
    fault, error, words = STAYS[case]
    service.faults = [Fault(**vars(fault))]
    with pytest.raises(error, match=words):
        small.send()
    passing = case in ("busy", "too often", "broken", "no connection")
    assert len(service.kinds) == (azure_blob.ATTEMPTS if passing else 1)
    assert service.stored == {}


# -- others' blobs -----------------------------------------------------------------------------------------------


def test_nothing_is_overwritten(file: File, service: AzureServer) -> None:
    assert file.send() is True
    assert file.send() is False
    assert file.send(replace=True) is True
    service.put(file.name, b"another's", contentType="")
    assert file.send() is False
    assert service.stored[file.name].content == b"another's"
    assert file.matches() is False


@pytest.mark.parametrize("replace", [False, True])
def test_a_rival_in_between_keeps_its_blob(replace: bool, file: File, service: AzureServer) -> None:
    if replace:
        service.put(file.name, b"ours, of an attempt before", contentType="")

    def rival() -> None:
        service.put(file.name, b"the rival's", contentType="")

    service.faults = [Fault(kind, before=rival) for kind in ("small", "commit")]
    assert file.send(replace=replace) is False
    assert service.stored[file.name].content == b"the rival's"


def test_only_the_blob_that_was_seen_is_removed(small: File, service: AzureServer) -> None:
    small.send()
    service.faults = [Fault("remove", before=lambda: service.put(small.name, b"a rival's", contentType="") and None)]
    for left in ({small.name}, set()):
        with closing(open_destination(AZURE, settings_for(small.path.parent))) as destination:
            destination.remove(small.facts.name)
        assert set(service.stored) == left


def test_a_container_that_anybody_may_read(small: File, service: AzureServer) -> None:
    said = []
    for service.public, service.denies in (("", set()), ("blob", set()), ("", {"container"})):
        with closing(open_destination(AZURE, settings_for(small.path.parent))) as destination:
            said.append(" ".join(destination.doubts()))
    assert said[0] == "" and "anybody may read" in said[1] and "could not be looked at" in said[2]


# -- credentials, and what is not there --------------------------------------------------------------------------


def _signature(folder: Path, text: str, mode: int = 0o600) -> dict[str, Path]:
    path = folder / "signature"
    path.write_text(text)
    path.chmod(mode)
    return {"warehouse_azure_sas_file": path}


def test_a_signature_comes_from_a_file_of_its_own(small: File, service: AzureServer, tmp_path: Path) -> None:
    service.signed = True
    with pytest.raises(DestinationRefused, match="does not accept the credentials"):
        small.send()
    with pytest.raises(DestinationRefused, match="does not accept the credentials") as caught:
        small.send(**_signature(tmp_path, "sv=1&sig=Q2Fubm90IGJl"))
    assert "Q2Fubm90IGJl" not in str(caught.value.as_dict())
    with pytest.raises(DestinationRefused, match="other users of this machine may read"):
        small.send(**_signature(tmp_path, SIGNATURE, mode=0o644))
    with pytest.raises(DestinationRefused, match="cannot be read"):
        small.send(warehouse_azure_sas_file=tmp_path / "none")
    assert small.send(**_signature(tmp_path, f"?{SIGNATURE}\n")) is True


def test_an_identity_that_this_machine_has_not_got(small: File, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for before anything is sent, and never that of a person who has signed in here."""
    asked: dict[str, Any] = {}

    class Nobody:
        def __init__(self, **given: Any) -> None:
            asked.update(given)

        def get_token(self, *_: object, **__: object) -> None:
            raise ClientAuthenticationError("no identity")

    monkeypatch.setattr(azure_blob, "DefaultAzureCredential", Nobody)
    monkeypatch.setattr(azure_blob, "FIRST_WAIT", 0.001)
    with pytest.raises(DestinationRefused, match="no credentials"):
        small.send(warehouse_azure_emulator=None)
    assert asked["exclude_cli_credential"] is True


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("az://division", "not the address of a container"),
        ("az://Division.blob.core.windows.net/inbox", "not the address of a container"),
        ("az://division/inbox?sv=1&sig=Q2Fubm90IGJl", "has a signature in its URL"),
    ],
)
def test_an_address_that_cannot_be(url: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        open_destination(url, settings_for(tmp_path))
    assert "Q2Fubm90IGJl" not in str(caught.value.as_dict())


def test_without_its_packages_the_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, azure_blob.__name__)
    monkeypatch.setitem(sys.modules, "azure.storage.blob", None)
    with pytest.raises(KindNotInstalled, match=r"need packages that are not installed here \(azure\.") as caught:
        open_destination(AZURE, settings_for(tmp_path))
    assert "requirements/install azure" in caught.value.next_command


# -- whole deliveries --------------------------------------------------------------------------------------------


@pytest.fixture
def cloud(service: AzureServer, tmp_path: Path, conninfo: str) -> World:
    """A warehouse that delivers there."""
    world = World(tmp_path, conninfo, destination_dandi=AZURE)
    world.contract()
    return world


def _there(service: AzureServer) -> set[str]:
    return {name.rsplit("/", maxsplit=1)[-1] for name in service.stored}


LIES: dict[str, tuple[Callable[[bytes], bytes | None], type[DeliveryError], str]] = {
    "nothing": (lambda _: None, FilesVanished, "vanished"),
    "other bytes": (lambda content: content[:-1] + b"?", DeliveryError, "failed"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_success_that_is_a_lie_delivers_nothing(lie: str, service: AzureServer, cloud: World) -> None:
    store, error, state = LIES[lie]
    service.faults = [Fault("small", store=store)]
    with pytest.raises(error):
        cloud.run()
    assert cloud.state() == state and "datapackage.json" not in _there(service)
    if state == "failed":
        assert cloud.run()[0].state is State.CLOSED
        assert _there(service) == WHOLE


@pytest.mark.parametrize("skip", [0, 1], ids=["data", "manifest"])
def test_an_answer_that_is_lost_ends_with_one_delivery(skip: int, service: AzureServer, cloud: World) -> None:
    service.faults = [Fault("small", skip=skip, mute=True)]
    assert cloud.run()[0].state is State.CLOSED
    assert _there(service) == WHOLE
    assert cloud.query("select attempt from ledger.deliveries") == [(1,)]


def test_a_container_that_may_only_be_written_to(service: AzureServer, cloud: World) -> None:
    service.denies = {"look", "get", "list", "container", "remove"}
    with pytest.raises(DestinationRefused) as caught:
        cloud.run()
    assert caught.value.denied == "reading" and "the right is read" in caught.value.what
    cloud.send_to(AZURE.replace("from-warehouse", "again"))
    cloud.contract(confirmation="writeOnly")
    assert cloud.run()[-1].state is State.CLOSED
