"""What dbt has read of the project, kept for whoever reads the same files with the same target: it takes long to read.

The first who asks reads everything, and the others take it over: those of the same run, and of the next ones. What is
kept is used for files that are the same to the byte; dbt looks itself whether its profile and variables are as before.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from functools import cache
from pathlib import Path
from typing import Final

from dbt.cli.main import dbtRunner
from dbt.version import __version__

from warehouse.core.settings import PROJECT

PROFILE: Final = Path(__file__).parent / "profile"
KEPT: Final = PROJECT / ".pytest_cache" / "dbt"
READ: Final = "partial_parse.msgpack"


def is_read_by_dbt(path: Path) -> bool:
    """Whether a file below the project is one that dbt reads, or that says how it reads."""
    return path.suffix in (".sql", ".yml", ".yaml", ".csv", ".md") or path.name == ".dbtignore"


def fingerprint(project: Path = PROJECT, profile: Path = PROFILE) -> str:
    """Names and content of all that dbt reads."""
    found = [project / "dbt_project.yml", project / ".dbtignore", profile / "profiles.yml"]
    for folder in ("macros", "models", "seeds", "tests"):
        found += sorted(path for path in (project / folder).rglob("*") if path.is_file() and is_read_by_dbt(path))
    digest = hashlib.sha256(__version__.encode())
    for path in found:
        content = path.read_bytes()
        digest.update(f"\0{path}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:20]


@cache
def _of_this_run() -> str:
    return fingerprint()


def bring(target: Path, name: str = "dev") -> None:
    """Put into a target folder what dbt has read of the project for a target of the profile of the tests."""
    KEPT.mkdir(parents=True, exist_ok=True)
    kept = KEPT / f"read-{name}-{_of_this_run()}.msgpack"
    with (KEPT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if kept.exists():
            target.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(kept, target / READ)
            return
        _read(target, name)
        for older in KEPT.glob(f"read-{name}-*.msgpack"):
            older.unlink()
        aside = kept.with_suffix(f".{os.getpid()}")
        shutil.copyfile(target / READ, aside)
        aside.replace(kept)


def _read(target: Path, name: str) -> None:
    result = dbtRunner().invoke(
        [
            *("--no-version-check", "--quiet", "--no-partial-parse", "parse", "--target", name),
            *("--project-dir", str(PROJECT), "--profiles-dir", str(PROFILE)),
            *("--target-path", str(target), "--log-path", str(target / "logs")),
        ]
    )
    assert result.success, result.exception
