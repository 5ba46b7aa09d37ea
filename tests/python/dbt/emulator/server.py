"""The emulator's environment and its process, for as long as a test needs them."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.python.waiting import GIVE_UP_SECONDS
from warehouse.core.settings import PROJECT

ENVIRONMENT: Final = PROJECT / ".venv-emulator"
LOCK: Final = PROJECT / "requirements" / "emulator.lock"
NAME: Final = "trw-emulated"
"""Of the BigQuery project that it has."""


class NotInstallable(Exception):
    """The environment of the emulator cannot be made on this machine."""


def make_environment(folder: Path = ENVIRONMENT, lock: Path = LOCK) -> Path:
    """The emulator's own environment, made where it is not there yet or where its lock has changed.

    It is of the lock alone: wheels, each with its hash, and nothing resolved. `uv pip sync` would refuse the emulator,
    which asks for a newer Python than it needs (serve.py), so pip installs it.

    Returns:
        Its Python.

    Raises:
        NotInstallable: with what pip said.
    """
    stamp, wanted = folder / ".installed", hashlib.sha256(lock.read_bytes()).hexdigest()
    python = folder / "bin" / "python"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    install = [
        *("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--ignore-requires-python"),
        *("--require-hashes", "--only-binary", ":all:", "-r", str(lock)),
    ]
    for command in ([sys.executable, "-m", "venv", str(folder)], [str(python), *install]):
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            raise NotInstallable((ran.stderr or ran.stdout).strip()[-600:])
    stamp.write_text(wanted, encoding="utf-8")
    return python


@contextmanager
def emulator(python: Path, folder: Path) -> Iterator[str]:
    """The emulator, with nothing in it; what it writes and keeps is below `folder`.

    Returns:
        Its address.
    """
    port, grpc_port = _free_port(), _free_port()
    address = f"http://127.0.0.1:{port}"
    serve = Path(__file__).with_name("serve.py")
    folder.mkdir(parents=True, exist_ok=True)
    # Extensions are copied to HOME, the database's own memory and threads are this machine's.
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    arguments = ["127.0.0.1", str(port), str(grpc_port), str(folder / "data"), NAME]
    with (folder / "log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen([python, serve, *arguments], stdout=log, stderr=log, env=environment, cwd=folder)
    try:
        _wait(address, process, folder / "log")
        yield address
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + GIVE_UP_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/bigquery/v2/projects", timeout=5).close()  # noqa: S310 - ours
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"The emulator did not start:\n{log.read_text(encoding='utf-8')[-3000:]}")
