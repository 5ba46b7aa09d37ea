"""The outbox: where files are made and checked before they leave, and from which they vanish afterwards."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from warehouse.core.errors import DeliveryError
from warehouse.core.whole_files import give_name

QUARANTINE: Final = ".quarantine"
"""Where in the outbox the files are that the gate refused because of what they hold."""


APART: Final = ".apart"
"""Where in the outbox the files are that are made to be looked at, and not sent."""

REPORT: Final = "gate.txt"
"""The report of the gate, beside the files that it refused."""


def no_room(error: OSError) -> DeliveryError:
    """A failure of the outbox's disk in words."""
    return DeliveryError(
        f"The outbox cannot be written: {error.strerror} ({error.filename or 'its disk'}).",
        meaning="Nothing was sent, and what was begun is removed.",
        next_command="Make room, or set WAREHOUSE_HOME to a folder on a larger disk, then run `warehouse deliver`.",
    )


def clear_all(home: Path) -> None:
    """Empty the outbox of what a killed run left. The quarantine stays, and so does what is looked at (apart.py)."""
    for path in (home / "outbox").glob("*"):
        if path.name not in (QUARANTINE, APART, f"{APART}.lock"):
            shutil.rmtree(path, ignore_errors=True)


class Outbox:
    """The files of one delivery in preparation. They hold personal data: only their owner may read them.

    Args:
        home: the folder `.warehouse`.
        delivery: the delivery's id.
    """

    def __init__(self, home: Path, delivery: str) -> None:
        self.folder = home / "outbox" / delivery
        self.quarantine = home / "outbox" / QUARANTINE / delivery

    def make_empty(self) -> None:
        """Begin with an empty folder; what a killed attempt left is removed."""
        self.clear()
        try:
            self.folder.mkdir(parents=True, mode=0o700)
        except OSError as error:
            raise no_room(error) from None

    def unfinished(self, base_name: str) -> Path:
        """Where a file is written until it is whole. Made with its owner's rights alone."""
        path = self.folder / f"{base_name}.unfinished"
        path.touch(mode=0o600)
        return path

    def finish(self, base_name: str) -> Path:
        """Give a whole file its name; returns its path."""
        path = self.folder / base_name
        give_name(self.folder / f"{base_name}.unfinished", path)
        return path

    def write(self, base_name: str, content: bytes) -> Path:
        """Write a small file whole."""
        self.unfinished(base_name).write_bytes(content)
        return self.finish(base_name)

    def path(self, base_name: str) -> Path:
        """A finished file."""
        return self.folder / base_name

    def set_aside(self, report: str) -> Path:
        """Keep the files of a delivery that the gate refused, for a person to look at, until the next attempt.

        They are in the outbox still, so that erasure reaches them. Returns their folder.

        Args:
            report: why, which is put beside them.
        """
        self.write(REPORT, report.encode())
        self.release()
        self.quarantine.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.replace(self.quarantine)
        return self.quarantine

    def release(self) -> None:
        """Remove what was set aside."""
        shutil.rmtree(self.quarantine, ignore_errors=True)

    def clear(self) -> None:
        """Remove all of it, but for what was set aside."""
        shutil.rmtree(self.folder, ignore_errors=True)
