"""As root, nothing follows a link that the servers' user has planted: a superuser of a database can be that user."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from warehouse.core.errors import SetupError
from warehouse.core.postgres import Cluster, find_binaries

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="LEFT OUT: only root runs the servers as another account"),
]

CONTENT = "root's own\n"

IN_DATA = (
    "warehouse.conf",
    "postgresql.auto.conf",
    "postmaster.pid",
    "postmaster.opts",
    "current_logfiles",
    "made",
)
"""Files of the data folder that this program or PostgreSQL writes, wrote once, or could be taken to write."""

BESIDE = ("server.conf", "postgres.log", "port", "password", "password.init", "made", "lock", "pg_ctl.out", "x")
"""Those of the folder around it, where that user may put nothing."""


@pytest.fixture
def cluster(short_folder: Path, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    made = Cluster("one", short_folder / request.node.name[:30], find_binaries())
    made.start()
    made.stop()
    yield made
    made.stop()


@pytest.fixture
def victims(tmp_path: Path) -> Iterator[Path]:
    """Files of root, and a folder of root, that must stay as they are."""
    tmp_path.chmod(0o755)
    folder = tmp_path / "victims"
    folder.mkdir(mode=0o755)
    for name in {*IN_DATA, *BESIDE}:
        (folder / name).write_text(CONTENT)
        (folder / name).chmod(0o600)
    yield folder
    for path in folder.iterdir():
        status = path.stat()
        assert path.read_text() == CONTENT, f"{path.name} was written over"
        assert (status.st_uid, status.st_mode & 0o777) == (0, 0o600), f"{path.name} was given away"


def as_owner(cluster: Cluster, *command: str) -> int:
    """Run a command as the servers' user, as `COPY … TO PROGRAM` would."""
    assert cluster._owner is not None
    return subprocess.run(command, check=False, capture_output=True, **cluster._owner.as_subprocess()).returncode


def test_a_start_follows_no_link(cluster: Cluster, victims: Path) -> None:
    for name in IN_DATA:
        as_owner(cluster, "rm", "-f", str(cluster.data / name))
        assert as_owner(cluster, "ln", "-s", str(victims / name), str(cluster.data / name)) == 0
    # PostgreSQL itself does not start on links that it may not read: that is its own refusal, and as that user.
    try:
        cluster.start()
    except SetupError:
        for name in ("postgresql.auto.conf", "postmaster.opts", "current_logfiles"):
            as_owner(cluster, "rm", "-f", str(cluster.data / name))
        cluster.start()
    cluster.stop()


def test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting(cluster: Cluster) -> None:
    assert as_owner(cluster, "mkfifo", str(cluster.data / "postmaster.pid")) == 0
    assert cluster.server_pid() is None


def test_that_user_can_plant_nothing_beside_its_data(cluster: Cluster, victims: Path) -> None:
    for name in BESIDE:
        assert as_owner(cluster, "ln", "-sf", str(victims / name), str(cluster.folder / name)) != 0
    assert as_owner(cluster, "mv", str(cluster.data), str(cluster.folder / "elsewhere")) != 0
    assert as_owner(cluster, "ls", str(cluster.folder)) != 0


def test_making_it_again_removes_nothing_that_a_link_leads_to(cluster: Cluster, victims: Path) -> None:
    assert as_owner(cluster, "ln", "-s", str(victims), str(cluster.data / "link")) == 0
    (cluster.folder / "made").unlink()
    cluster.start()
    assert len(list(victims.iterdir())) == len({*IN_DATA, *BESIDE})


def test_a_link_in_the_place_of_a_file_of_ours_is_refused(cluster: Cluster, victims: Path) -> None:
    """Even where somebody got one there."""
    for name in ("server.conf", "postgres.log", "port", "lock"):
        path = cluster.folder / name
        kept = path.read_bytes()
        path.unlink()
        path.symlink_to(victims / name)
        with pytest.raises((OSError, SetupError)):
            cluster.start()
        path.unlink()
        path.write_bytes(kept)


def test_a_home_that_others_may_write_is_refused(cluster: Cluster) -> None:
    cluster.home.chmod(0o777)
    with pytest.raises(SetupError, match="belongs to another account or may be written by one"):
        cluster.start()
    cluster.home.chmod(0o711)
    os.chown(cluster.folder, 65534, 65534)
    with pytest.raises(SetupError, match="belongs to another account"):
        cluster.start()
    os.chown(cluster.folder, 0, 0)
