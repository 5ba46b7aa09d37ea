"""What the ledger calls a file of ours is one only below our folder: neither `..` nor a link leads out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest

from warehouse.erase import stored
from warehouse.erase.stored import StoredFile


@dataclass
class Ledger:
    """A ledger that takes every statement."""

    asked: list[Any] = field(default_factory=list)

    def execute(self, *statement: Any) -> None:
        self.asked.append(statement)


def file(destination: Path, name: str = "people.csv", partial: str | None = None) -> StoredFile:
    now = datetime.now(UTC)
    return StoredFile("dandi/people/2026-09", str(destination), "failed", name, "data", partial, "", 1, now, now, 1)


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    (tmp_path / "deliveries" / "people").mkdir(parents=True)
    for folder in ("deliveries/people", "deliveries", "."):
        (tmp_path / folder / "people.csv").write_text("kept")
    (tmp_path / "deliveries" / "planted").symlink_to(tmp_path)
    return (tmp_path / "deliveries").resolve()


OUTSIDE = {
    "two points in the folder": lambda ours: file(ours / ".." / "."),
    "two points after a folder of ours": lambda ours: file(ours / "people" / ".." / ".."),
    "two points in the name": lambda ours: file(ours, "../people.csv"),
    "two points in the unfinished name": lambda ours: file(ours, partial="../people.csv"),
    "a link": lambda ours: file(ours / "planted"),
}


@pytest.mark.parametrize("way", OUTSIDE)
def test_a_path_of_the_ledger_does_not_lead_out_of_our_folder(ours: Path, way: str) -> None:
    """Neither counted as ours, nor deleted with what was never delivered."""
    named = OUTSIDE[way](ours)
    assert not named.is_below(ours)
    stored.take_away(cast(psycopg.Connection, Ledger()), [named], ours)
    assert (ours.parent / "people.csv").read_text() == "kept"


def test_what_is_ours_goes(ours: Path) -> None:
    named = file(ours / "people" / ".." / "people")
    assert named.is_below(ours)
    stored.take_away(cast(psycopg.Connection, Ledger()), [named], ours)
    assert not (ours / "people" / "people.csv").exists()
