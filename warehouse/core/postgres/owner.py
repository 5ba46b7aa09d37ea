"""Who owns an embedded database: oneself, or for root an unprivileged user, as PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.core.errors import SetupError


@dataclass(frozen=True)
class Owner:
    """An unprivileged user that the server runs as."""

    name: str
    uid: int
    gid: int

    def can_reach(self, path: Path) -> bool:
        """Whether every folder above a path lets this user through."""
        for folder in path.resolve().parents:
            status = folder.stat()
            if status.st_uid == self.uid:
                needed = stat.S_IXUSR
            elif status.st_gid == self.gid:
                needed = stat.S_IXGRP
            else:
                needed = stat.S_IXOTH
            if not status.st_mode & needed:
                return False
        return True

    def takes(self, path: Path) -> None:
        """Give a file or folder to this user; what a link leads to is nobody's to give."""
        os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def may_read(self, path: Path) -> None:
        """Let this user's group have a file that stays ours."""
        os.chown(path, -1, self.gid, follow_symlinks=False)

    def as_subprocess(self) -> dict[str, Any]:
        """The arguments that make a subprocess run as this user, without root's groups."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def unprivileged_owner() -> Owner | None:
    """The user to drop to when this process is root; None when it is not.

    Debian's `postgres` where there is one, because nothing else runs as it, and otherwise `nobody`.

    Raises:
        SetupError: root, on a machine that has neither.
    """
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Owner(name, entry.pw_uid, entry.pw_gid)
    raise SetupError(
        "This is root, and the machine has no user `postgres` or `nobody` to run PostgreSQL as.",
        meaning="PostgreSQL never runs as root, so the embedded databases were not started.",
        next_command="Run the command as an ordinary user, or set WAREHOUSE_DATABASE_URL and TRS_DATABASE_URL.",
    )
