"""The server that recipients have: OpenSSH itself, where this machine has it.

Without it (Debian: apt-get install openssh-server) these tests are left out, and the summary of the tests says so. All
other tests of SFTP run on a server of asyncssh, which can be told to fail.
"""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest

from tests.python.conftest import NO_OPENSSH
from tests.python.deliver.delivering import World
from tests.python.waiting import until
from warehouse.core.errors import DestinationRefused
from warehouse.core.postgres.owner import unprivileged_owner
from warehouse.deliver import State

SSHD = os.environ.get("TRW_SSHD") or shutil.which(
    "sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("short_waits"),
    pytest.mark.skipif(SSHD is None, reason=NO_OPENSSH),
]

CONFIG = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
ForceCommand internal-sftp
"""
BASE = "dandi/teachers/2026-09"


@dataclass(frozen=True)
class OpenSsh:
    """The server, and how to get in.

    Attributes:
        drop: the folder that files go to.
    """

    folder: Path
    drop: Path
    user: str
    port: int

    def world(self, tmp_path: Path, conninfo: str) -> World:
        return World(
            tmp_path,
            conninfo,
            destination_dandi=f"sftp://{self.user}@127.0.0.1:{self.port}{self.drop}",
            warehouse_sftp_key_file=self.folder / "client_key",
            warehouse_sftp_known_hosts=self.folder / "known_hosts",
        )

    def there(self) -> set[str]:
        """What is in the recipient's folder."""
        return {str(path.relative_to(self.drop)) for path in self.drop.rglob("*") if path.is_file()}

    def know(self, key: asyncssh.SSHKey) -> None:
        """The host key that its owner told us."""
        public = " ".join(key.export_public_key().decode().split()[:2])
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {public}\n")


@pytest.fixture
def server(short_folder: Path, tmp_path: Path) -> Iterator[OpenSsh]:
    """OpenSSH as an ordinary user: then it lets in that user alone, and needs nothing of the machine."""
    assert SSHD is not None
    owner, folder = unprivileged_owner(), short_folder / f"ssh-{tmp_path.name}"
    (folder / "drop").mkdir(parents=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    host, client = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    for name, key in (("host_key", host), ("client_key", client)):
        key.write_private_key(folder / name)
        (folder / name).chmod(0o600)
    client.write_public_key(folder / "authorized_keys")
    (folder / "sshd_config").write_text(CONFIG.format(port=port, folder=folder))
    if owner is not None:
        for path in (folder, *folder.iterdir()):
            os.chown(path, owner.uid, owner.gid)
    made = OpenSsh(folder, folder / "drop", owner.name if owner else getpass.getuser(), port)
    made.know(host)
    rights = {"user": owner.uid, "group": owner.gid, "extra_groups": []} if owner else {}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(  # type: ignore[call-overload]
            [SSHD, "-D", "-e", "-f", str(folder / "sshd_config")], stdout=log, stderr=log, cwd="/", **rights
        )
        try:
            until("sshd listens", lambda: _listens(port) or process.poll() is not None)
            assert process.poll() is None, (folder / "log").read_text()
            yield made
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def mover(folder: Path, ending: str) -> Iterator[dict[str, bytes]]:
    """A recipient who takes each file away as soon as it has its name, from outside of the server."""
    taken: dict[str, bytes] = {}
    stop = threading.Event()

    def take() -> None:
        while not stop.wait(0.001):
            for path in folder.rglob(f"[!.]*{ending}"):
                taken[path.name] = path.read_bytes()
                path.unlink()

    thread = threading.Thread(target=take)
    thread.start()
    yield taken
    stop.set()
    thread.join()


def test_openssh_gets_each_file_once(server: OpenSsh, tmp_path: Path, conninfo: str) -> None:
    world = server.world(tmp_path, conninfo)
    world.contract(kind="csv")
    wanted = {f"{BASE}/teachers-2026-09.csv", f"{BASE}/datapackage.json"}

    def stop(step: str) -> None:
        if step == "uploading":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.run(hook=stop)
    assert not server.there() & wanted
    assert world.run()[0].state is State.CLOSED
    assert server.there() == wanted
    assert world.run() == []
    # Its rename says no more than "failure" where the name is taken.
    (server.drop / BASE / "datapackage.json").unlink()
    with world.building() as connection:
        connection.execute("truncate ledger.deliveries cascade")
        connection.execute("update extracts.dandi_teachers set urn = 0 where trn = '0000001'")
    before = (server.drop / BASE / "teachers-2026-09.csv").read_bytes()
    with pytest.raises(DestinationRefused, match="already"):
        world.run()
    assert (server.drop / BASE / "teachers-2026-09.csv").read_bytes() == before


def test_what_a_recipient_takes_from_openssh_is_delivered(server: OpenSsh, tmp_path: Path, conninfo: str) -> None:
    world = server.world(tmp_path, conninfo)
    world.contract(kind="csv", confirmation="pickUp")
    with mover(server.drop, ".csv") as taken:
        (report,) = world.run()
        assert report.state is State.CLOSED
        until("it is taken", lambda: taken)
    assert server.there() == {f"{BASE}/datapackage.json"}
    assert [len(content) for content in taken.values()] == [report.files[0].bytes]


def test_openssh_refuses_in_each_way(server: OpenSsh, tmp_path: Path, conninfo: str) -> None:
    world = server.world(tmp_path, conninfo)
    world.contract()
    known = (server.folder / "known_hosts").read_text()
    server.know(asyncssh.generate_private_key("ssh-ed25519"))
    with pytest.raises(DestinationRefused, match="host key is not the one"):
        world.run()
    (server.folder / "known_hosts").write_text(known)
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "other")
    (tmp_path / "other").chmod(0o600)
    good = world.settings
    world.settings = good.model_copy(update={"warehouse_sftp_key_file": tmp_path / "other"})
    with pytest.raises(DestinationRefused, match="does not let"):
        world.run()
    world.settings = good
    server.drop.chmod(0o500)
    with pytest.raises(DestinationRefused, match=r"making the folder of .* is denied"):
        world.run()
    server.drop.chmod(0o755)
    assert world.run()[0].state is State.CLOSED


def test_a_rival_that_writes_to_openssh_first_is_left_alone(server: OpenSsh, tmp_path: Path, conninfo: str) -> None:
    """Between the look at the name and the rename: the rename of SFTP itself overwrites nothing."""
    world = server.world(tmp_path, conninfo)
    world.contract(kind="csv")
    name = server.drop / BASE / "teachers-2026-09.csv"

    def rival(step: str) -> None:
        if step == "uploading":
            name.write_text("the rival's")

    with pytest.raises(DestinationRefused, match="written by another program"):
        world.run(hook=rival)
    assert name.read_text() == "the rival's" and server.there() == {f"{BASE}/teachers-2026-09.csv"}
