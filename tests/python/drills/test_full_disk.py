"""The warehouse's disk is full: a real one, in a mount namespace of its own, for root and for anybody."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.python.conftest import LEFT_TO_ROOT
from warehouse.core.settings import PROJECT

pytestmark = pytest.mark.slow

SIZE = "200m"

# An ordinary user is root in a user namespace of its own, may mount there, and becomes an ordinary user again in one
# inside of it, because PostgreSQL does not run as root.
_AS_ROOT = ["unshare", "--mount", "sh", "-c"]
_AS_ANYBODY = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
_MOUNT = f'mount -t tmpfs -o size={SIZE},mode=755 small "$1" && shift && exec "$@"'
_ORDINARY = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]


def inside(small: Path, *command: str) -> list[str]:
    """The command line that runs a command where a folder is a small disk of its own."""
    if os.geteuid() == 0:
        return [*_AS_ROOT, _MOUNT, "sh", str(small), *command]
    return [*_AS_ANYBODY, _MOUNT, "sh", str(small), *_ORDINARY, *command]


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="trw-full-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("when", ["streaming", "first_copy"])
def test_full_disk(home: Path, when: str) -> None:
    """The stream or the first copy stops with a message; with room again it goes on, and nothing is lost or twice."""
    small = home / "clusters" / "warehouse"
    small.mkdir(parents=True)
    if shutil.which("unshare") is None:
        pytest.skip("this machine has no unshare (util-linux) to mount a small disk with")
    tried = subprocess.run(inside(small, "true"), capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"{LEFT_TO_ROOT}: {tried.stderr.strip()}")
    drill = [sys.executable, "-m", "tests.python.drills.inside_small_disk", str(home), str(small), when]
    done = subprocess.run(inside(small, *drill), cwd=PROJECT, capture_output=True, text=True, check=False, timeout=300)
    print(done.stdout)
    assert done.returncode == 0, done.stderr[-4000:]
