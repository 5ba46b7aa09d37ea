"""The source's structure changes while it is written to; the history of every other column goes on without a flaw."""

from __future__ import annotations

import pytest

from tests.python.drills.harness import Drill, wait_until
from tests.python.replicate.own_file import read_in_place_of_the_file
from warehouse.core import fast_yaml
from warehouse.core.errors import WarehouseError
from warehouse.core.progress import Silent
from warehouse.replicate import Classification, door, drift
from warehouse.replicate.classification import FILE, load_classification
from warehouse.replicate.ledger import epochs

pytestmark = pytest.mark.slow

TABLE = "qualifications"
RENAMED, DROPPED, WIDENED, NEW = "dqt_age_range_to", "dqt_early_years_status_value", "dqt_age_range_from", "reviewed_on"


class Edited:
    """replication/trs.yml as somebody edits it during the drill; read anew at each run, as the file is."""

    def __init__(self, drill: Drill, monkeypatch: pytest.MonkeyPatch) -> None:
        self.content = fast_yaml.safe_load(FILE.read_text(encoding="utf-8"))
        self.content["json_file"] = load_classification().json_file
        self._drill = drill
        read_in_place_of_the_file(monkeypatch, self.load)

    @property
    def columns(self) -> dict[str, object]:
        columns: dict[str, object] = self.content["tables"][TABLE]["columns"]
        return columns

    def load(self) -> Classification:
        return Classification.model_validate(self.content)

    def apply(self, release: str | None = None) -> drift.Outcome:
        """What `warehouse replicate apply` does, or its `--release`."""
        drill = self._drill
        with (
            drill.databases.at_source() as source,
            drill.databases.at_warehouse() as warehouse,
            door.only_command(warehouse),
        ):
            epoch = epochs.current(warehouse, drill.name)
            assert epoch is not None
            work = drift.Work(source, warehouse, epoch, self.load(), Silent())
            if release:
                drift.release(work, [f"{TABLE}.{release}"])
                return drift.Outcome(work.done)
            drift.make_ready(work)
            outcome = drift.finish(work)
        self._drill.published = self.load().published
        return outcome

    def found(self) -> list[tuple[str, str]]:
        """What differs now, as kind and name."""
        drill = self._drill
        with drill.databases.at_source() as source, drill.databases.at_warehouse() as warehouse:
            return [(one.kind, one.name) for one in drift.differences(source, warehouse, drill.name, self.load())]


@pytest.fixture
def file(drill: Drill, monkeypatch: pytest.MonkeyPatch) -> Edited:
    return Edited(drill, monkeypatch)


def alter(drill: Drill, statement: str) -> None:
    """As a deployment of the source does it: it waits for running writers, briefly."""
    with drill.databases.at_source() as source:
        source.execute(statement.encode())


def test_structure_changes_under_load(drill: Drill, file: Edited) -> None:
    """A column is added, one widened, one renamed, one dropped, each in the middle of the load."""
    drill.sync()
    drill.begin()
    drill.work(60)
    alter(
        drill,
        f"update {TABLE} set {RENAMED} = '18', {WIDENED} = '11', {DROPPED} = '221' where status > 1",
    )
    drill.sync()
    # Added: held until somebody classifies it, then published and filled.
    alter(drill, f"alter table {TABLE} add column {NEW} date default '2026-11-01'")
    drill.work(30)
    drill.sync()
    assert ("new column", f"{TABLE}.{NEW}") in file.found()
    file.columns[NEW] = "open"
    assert file.apply().error() is None
    drill.work(30)
    # Widened: let go of, changed, and taken over.
    file.apply(release=WIDENED)
    alter(drill, f"alter table {TABLE} alter column {WIDENED} type varchar(60)")
    drill.work(30)
    assert file.apply().error() is None
    alter(drill, f"update {TABLE} set {WIDENED} = repeat('11', 20) where {WIDENED} is not null")
    # Renamed: the stream stops at the first change that comes by the new name; nothing is stored in the wrong place.
    alter(drill, f"alter table {TABLE} rename column {RENAMED} to age_range_to")
    drill.work(30)
    told_and_left(drill, file)
    file.columns["age_range_to"] = file.columns.pop(RENAMED)
    assert file.apply().error() is None
    drill.work(30)
    # Dropped: released first, its values stay.
    file.apply(release=DROPPED)
    alter(drill, f"alter table {TABLE} drop column {DROPPED}")
    drill.work(30)
    told_and_left(drill, file)
    with drill.databases.at_warehouse() as warehouse:
        kept = warehouse.execute(f"select count(*) from {TABLE} where {DROPPED} = '221'".encode()).fetchone()
    assert kept is not None and kept[0] > 0
    del file.columns[DROPPED]
    assert file.apply().error() is None
    drill.work(30)
    # The history of the four columns has the moments of the changes in it; that of all others has none.
    others = {NEW, "age_range_to", WIDENED, DROPPED}
    drill.columns[TABLE] = [name for name in drill.published[TABLE] if name not in others]
    drill.finish()
    assert not any(name.startswith(TABLE) for kind, name in file.found() if kind != "retired")


def told_and_left(drill: Drill, file: Edited) -> None:
    """The run goes on with everything else, and says that a person has to decide."""

    def goes_on() -> bool:
        try:
            drill.sync()
        except WarehouseError as error:
            drill._note(error)
            return False
        return True

    wait_until("a run that holds what it may not decide", goes_on)
    assert file.apply().error() is not None
