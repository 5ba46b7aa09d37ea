"""An environment of its own for a peer, so that what it needs never meets what the product needs."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from warehouse.core.settings import PROJECT

_HERE = Path(__file__).parent
_UV = PROJECT / ".tools" / "bin" / "uv"
LIMIT_SECONDS = 1_200


class PeerFailed(Exception):
    """A peer could not be installed, or broke off; its last words."""


@dataclass(frozen=True)
class Environment:
    """A peer's own Python, and a folder for what it leaves."""

    folder: Path

    def run(self, script: str, arguments: list[str], environment: Mapping[str, str]) -> dict[str, Any]:
        """Run one of our scripts with the peer's Python, and read the JSON object that it prints last.

        Raises:
            PeerFailed: it ended with an error, printed none, or took too long.
        """
        done = _called(
            # -P: of this folder it sees the script alone, not the modules beside it, which have the peers' names.
            [str(self.folder / "venv" / "bin" / "python"), "-P", str(_HERE / script), *arguments],
            {**os.environ, **environment},
        )
        found = [line for line in done.splitlines() if line.startswith("{")]
        if not found:
            raise PeerFailed(f"{script} printed no result")
        result: dict[str, Any] = json.loads(found[-1])
        return result


@contextmanager
def environment(name: str) -> Iterator[Environment]:
    """Install a peer from its lock into a folder that is thrown away afterwards.

    Raises:
        PeerFailed: it cannot be installed here.
    """
    with tempfile.TemporaryDirectory(prefix=f"trw-peer-{name}-") as folder:
        python = str(Path(folder) / "venv" / "bin" / "python")
        _called([str(_UV), "venv", "--quiet", "--python", "3.11", str(Path(folder) / "venv")], os.environ)
        lock = str(_HERE / f"{name}.lock")
        _called([str(_UV), "pip", "sync", "--quiet", "--python", python, "--require-hashes", lock], os.environ)
        yield Environment(Path(folder))


def as_url(conninfo: str) -> str:
    """A connection string of ours, whose values need no escaping, as a URL."""
    parts = conninfo_to_dict(conninfo)
    return "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**parts)


def _called(command: list[str], environment: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            command, env=dict(environment), capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerFailed(f"{Path(command[0]).name}: {type(error).__name__}") from None
    if done.returncode != 0:
        words = [line for line in done.stderr.splitlines() if line.strip()]
        raise PeerFailed(f"{Path(command[0]).name} ended with {done.returncode}: {words[-1] if words else ''}")
    return done.stdout
