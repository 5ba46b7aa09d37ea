"""Files and folders that only this program's own account may read; a link that somebody planted is never followed."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO

from warehouse.core.errors import SecretsExposed

UMASK = 0o077
"""Of the whole program: what it makes is its own account's alone, unless it says otherwise."""

_OTHERS = 0o077


def open_to_write(path: Path, *, append: bool = False, mode: int = 0o600) -> IO[bytes]:
    """Open a file to write it anew, or at its end, with exactly that mode whatever the umask is.

    Raises:
        OSError: it cannot be opened, or a link is in its place.
    """
    how = os.O_APPEND if append else os.O_TRUNC
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | how, mode)
    os.fchmod(handle, mode)
    return os.fdopen(handle, "r+b", buffering=0 if append else -1)


def write_text(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write a small text file."""
    with open_to_write(path, mode=mode) as handle:
        handle.write(text.encode())


def read_text(path: Path) -> str:
    """Read a small file that another account can replace: no link is followed, and a pipe keeps nobody waiting.

    Raises:
        OSError: it is not there, or not an ordinary file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(f"{path} is not an ordinary file")
        return file.read(1 << 20).decode("utf-8", "replace")


def make_folder(path: Path, mode: int = 0o700) -> None:
    """Make a folder with exactly that mode; one that is there and ours gets it as well.

    Raises:
        OSError: it cannot be made, or belongs to somebody else.
    """
    path.mkdir(parents=True, exist_ok=True, mode=mode)
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if stat.S_IMODE(os.fstat(handle).st_mode) != mode:
            os.fchmod(handle, mode)
    finally:
        os.close(handle)


def refuse_readable_by_others(path: Path, what: str) -> None:
    """See that a file with a secret is its owner's alone, as ssh does with a key.

    A file of another account, such as one that the administrator gives out, is that account's business.

    Args:
        what: the file in a sentence, such as "the file of the settings".

    Raises:
        SecretsExposed: others can read or write it.
    """
    try:
        status = path.stat()
    except OSError:
        return
    if status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) & _OTHERS:
        raise SecretsExposed(
            f"Other accounts of this machine can read or write {path} (mode {stat.S_IMODE(status.st_mode):04o}): "
            f"it is {what} and holds a secret.",
            meaning="Nothing was started and nothing was changed. Whoever has an account may have read the secret.",
            next_command=f"chmod 600 {path}",
        )
