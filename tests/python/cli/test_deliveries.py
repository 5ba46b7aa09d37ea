"""`warehouse deliver` and `warehouse deliveries …`: what it rests on, and what a person has to decide."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.python.conftest import FreshDatabases
from tests.python.deliver.histories import MadeByHand, know
from tests.python.deliver.killed import no_check
from tests.python.deliver.rewriting import erase_from_files
from tests.python.deliver.world import document, write_contract
from tests.python.marts.publishing import make
from warehouse.cli import deliveries, delivery_decisions
from warehouse.cli import main as cli
from warehouse.core.databases import Databases
from warehouse.core.errors import CheckFailed, FilesVanished, KeyUnusable
from warehouse.core.locks import Lock, session_lock
from warehouse.core.progress import Silent
from warehouse.deliver import World, deliver, dry_run, redo
from warehouse.deliver.edition import Edition
from warehouse.deliver.run import Run
from warehouse.jobs import history as jobs_history

pytestmark = pytest.mark.slow

KNOWN = datetime(2026, 10, 2, 12, tzinfo=UTC)
ROWS = """
select '0000001' as trn, 'Ada' as last_name, date '1980-01-02' as born, 1.5::numeric(6, 2) as hours, 1 as urn,
    true as is_active, timestamptz '2026-09-01' as changed
"""


class Command:
    """The commands on databases of a test, on a day."""

    def __init__(self, databases: FreshDatabases, exports: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.databases, self.exports, self._capfd = databases, exports, capfd
        self.day = date(2026, 10, 3)
        self.reaches: datetime | None = None

    def build(self, as_at: date) -> None:
        with self.databases.warehouse() as warehouse:
            self.databases.migrate(warehouse)
        make(self.databases, as_at, extracts__dandi_teachers=ROWS)

    def call(self, *arguments: str) -> tuple[int, str, str]:
        self._capfd.readouterr()
        code = cli._main([*arguments])
        told = self._capfd.readouterr()
        return code, told.out, told.err

    def json(self, *arguments: str) -> tuple[int, Any]:
        code, out, _ = self.call(*arguments, "--json")
        return code, json.loads(out)


@pytest.fixture
def command(
    prepared: FreshDatabases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    write_contract(tmp_path / "exports", document())
    made = Command(prepared, tmp_path / "exports", capfd)
    prepared.settings.warehouse_deliveries = tmp_path / "deliveries"

    def world(_: Databases) -> World:
        day = made.day
        return World(prepared.warehouse_conninfo, prepared.settings, day, day, exports=made.exports)

    monkeypatch.setattr("warehouse.cli.opening.load", lambda: prepared.settings)
    monkeypatch.setattr("warehouse.cli.opening.Databases", lambda _: prepared)
    monkeypatch.setattr(deliveries, "world_of", world)
    monkeypatch.setattr(delivery_decisions, "world_of", world)
    monkeypatch.setattr(prepared, "start", lambda: [])
    # The gate's library takes seconds to import; it has tests of its own.
    monkeypatch.setattr(deliveries, "deliver", partial(deliver, check=no_check))
    monkeypatch.setattr(delivery_decisions, "redo", partial(redo, check=no_check))
    monkeypatch.setattr(deliveries, "dry_run", partial(dry_run, check=no_check))

    class Then(MadeByHand):
        """History without dbt, which takes seconds to start."""

        def __init__(self, databases: Databases, *_: object) -> None:
            super().__init__(databases.warehouse_conninfo, reaches=made.reaches)

    monkeypatch.setattr(jobs_history, "BuiltByDbt", Then)
    made.build(made.day)
    return made


def test_a_delivery_its_revision_and_a_missed_month(command: Command) -> None:
    code, out, _ = command.call("deliver")
    assert code == 0 and "dandi/teachers/2026-09 (1 rows), from build 1 as at 2026-10-03" in out
    assert command.call("deliver")[:2] == (0, "deliver ...\nNothing is due.\n")
    code, out, _ = command.call("deliveries", "redo", "dandi/teachers/2026-09", "--because", "lost at the recipient")
    assert code == 0 and "dandi/teachers/2026-09-r2 (1 rows), from build 1" in out
    # Two months on, from the build of October: refused; from a new one: a month was missed, and that is said.
    command.day = date(2026, 12, 5)
    know(command.databases.warehouse_conninfo, datetime(2026, 12, 4, tzinfo=UTC))
    code, told = command.json("deliver", "--due")
    assert (code, told["exit_code"], told["error"]) == (34, 34, "NotCovered")
    assert [one["state"] for one in told["deliveries"]] == ["missed", "failed"]
    command.build(command.day)
    code, out, err = command.call("deliver")
    assert code == 0 and "2026-11 (1 rows)" in out, err
    code, listed = command.json("deliveries", "list")
    assert [(one["id"], one["state"], one["replaces"], one["because"]) for one in listed] == [
        ("dandi/teachers/2026-09", "closed", None, None),
        ("dandi/teachers/2026-09-r2", "closed", "dandi/teachers/2026-09", "lost at the recipient"),
        ("dandi/teachers/2026-10", "missed", None, None),
        ("dandi/teachers/2026-11", "closed", None, None),
    ]


def test_a_missed_month_has_its_own_code(command: Command) -> None:
    assert command.call("deliver")[0] == 0
    command.day = date(2026, 12, 5)
    know(command.databases.warehouse_conninfo, datetime(2026, 12, 4, tzinfo=UTC))
    command.build(command.day)
    # Who may not build leaves it: it stays owed, and the command that makes it is named.
    code, told = command.json("deliver")
    assert (code, told["error"]) == (34, "NotCovered") and "warehouse deliver --due" in told["next"]
    assert {one["period"]: one["state"] for one in told["deliveries"]} == {"2026-10": "failed", "2026-11": "closed"}
    code, told = command.json("deliver", "--due")
    assert (code, told["error"]) == (36, "PeriodsMissed")
    assert [(one["period"], one["state"], one["missed_because"]) for one in told["deliveries"]] == [
        ("2026-10", "missed", "The warehouse knew nothing.")
    ]
    assert command.json("deliver", "--due") == command.json("deliver") == (0, [])


def test_a_delivery_is_made_again_and_compared(command: Command, tmp_path: Path) -> None:
    know(command.databases.warehouse_conninfo, KNOWN)
    assert command.call("deliver")[0] == 0
    command.reaches = KNOWN
    code, out, _ = command.call("deliveries", "recreate", "dandi/teachers/2026-09", "--to", str(tmp_path / "to"))
    assert code == 0 and "The rows and the bytes are those that were sent. As at 2026-10-03, known up to" in out
    assert "an erasure does not look there" in " ".join(out.split())
    code, told = command.json("deliveries", "recreate", "dandi/teachers/2026-09")
    assert (code, told["same_rows"], told["same_bytes"], told["folder"]) == (0, True, True, None)
    command.reaches = None
    assert command.json("deliveries", "recreate", "dandi/teachers/2026-09")[0] == 74


def test_a_second_one_at_once_does_nothing(command: Command) -> None:
    with command.databases.warehouse() as other, session_lock(other, Lock.run):
        for arguments in (("deliver", "--due"), ("deliveries", "recreate", "dandi/teachers/2026-09")):
            code, told = command.json(*arguments)
            assert (code, told["error"]) == (40, "AlreadyRunning")
    assert command.json("deliveries", "list") == (0, [])


@pytest.mark.parametrize(("decision", "state"), [("received", "closed"), ("resend", "failed")])
def test_a_person_decides(decision: str, state: str, command: Command) -> None:
    def taken(step: str) -> None:
        if step == "uploaded":
            folder = command.databases.settings.warehouse_deliveries / "dandi/teachers/2026-09"
            (folder / "teachers-2026-09.parquet").unlink()

    world = deliveries.world_of(command.databases)
    with pytest.raises(FilesVanished):
        deliver(world, Silent(), check=no_check, hook=taken)
    code, _, err = command.call("deliver")
    assert code == 35 and "warehouse deliveries received dandi/teachers/2026-09" in err
    code, out, _ = command.call("deliveries", "list")
    assert "vanished" in out and "waits for a decision" in out
    decide = ("deliveries", decision, "dandi/teachers/2026-09", "--because")
    refused, _, err = command.call(*decide, "asked ann@example.org")
    assert refused == 2 and "ann@" not in err
    code, told = command.json(*decide, "asked the recipient")
    assert (code, told["state"]) == (0, state)
    assert command.call("deliver")[0] == 0
    assert {one["state"] for one in command.json("deliveries", "list")[1]} == {"closed"}


def test_a_delivery_is_shown_and_verified(command: Command) -> None:
    assert command.call("deliveries", "verify")[1].endswith(
        "Nothing has been delivered yet. `warehouse run` delivers what is due.\n"
    )
    assert command.call("deliver")[0] == 0
    delivery = "dandi/teachers/2026-09"
    code, out, _ = command.call("deliveries", "show", delivery)
    assert code == 0 and all(word in out for word in (delivery, "contract version", "files", "steps", "closed"))
    assert command.json("deliveries", "show", delivery)[1]["steps"][-1]["to"] == "closed"
    code, told = command.json("deliveries", "verify", delivery)
    assert code == 0 and {one["found"] for one in told} == {"as sent"}
    (command.databases.settings.warehouse_deliveries / delivery / "teachers-2026-09.parquet").write_bytes(b"")
    code, out, err = command.call("deliveries", "verify")
    assert code == 80 and "another file" in out and "1 of 2 files are not what was sent" in err
    code, told = command.json("deliveries", "verify", delivery)
    assert (code, told["exit_code"], told["error"], len(told["files"])) == (80, 80, "DeliveredFilesDiffer", 2)


def test_a_file_that_an_erasure_rewrote_is_as_it_has_to_be(command: Command) -> None:
    earlier, later = "dandi/teachers/2026-09", "dandi/teachers/2026-10"
    assert command.call("deliver")[0] == 0
    with command.databases.warehouse() as warehouse:
        day = erase_from_files(warehouse, command.databases.settings, "0000001")
    code, out, err = command.call("deliveries", "verify", earlier)
    assert code == 0 and f"as rewritten: erasure 1 of {day}" in out, err
    told = command.json("deliveries", "verify", earlier)[1]
    assert {(one["found"], one["sha256"] != one["sha256_left"]) for one in told} == {("as rewritten", True)}
    out = command.call("deliveries", "show", earlier)[1]
    assert "taken out" in out and f"erasure 1 of {day}" in out
    code, told = command.json("deliveries", "recreate", earlier)
    assert code == 88 and f"(erasure 1 of {day})" in told["what"]
    command.day = date(2026, 11, 3)
    command.build(command.day)
    assert command.call("deliver")[0] == 0
    code, out, _ = command.call("deliveries", "diff", earlier, later)
    said = f"{earlier} is compared as it is now, not as it was sent: erasure 1 of {day} took something out of it."
    assert code == 0 and said in " ".join(out.split())


def test_a_dry_run_says_what_would_be_sent(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = command.call("deliveries", "dry-run", "dandi/teachers")
    assert code == 0, err
    assert "dandi/teachers/2026-09/teachers-2026-09.parquet" in out and "The files were thrown away." in out
    assert "no earlier delivery to compare" in out and "from build 1 as at 2026-10-03" in out
    code, told = command.json("deliveries", "dry-run", "dandi/teachers", "--keep")
    assert code == 0 and Path(told["folder"]).is_dir() and told["files"][0]["rows"] == 1
    assert command.json("deliveries", "list") == (0, [])

    def broken(*_: object) -> None:
        error = CheckFailed("It breaks its contract: rule `one`.", meaning="No.", next_command="No.")
        rows = [{"file": "teachers-2026-09.parquet", "row": 17}]
        error.rules = ({"rule": "one", "columns": ["trn"], "rows": 1, "first_rows": rows, "detail": ""},)
        raise error

    monkeypatch.setattr(deliveries, "dry_run", partial(dry_run, check=broken))
    code, out, err = command.call("deliveries", "dry-run", "dandi/teachers")
    assert code == 31 and "17" in out.splitlines()[-1] and "warehouse deliveries dry-run dandi/teachers" in err
    code, told = command.json("deliveries", "dry-run", "dandi/teachers")
    assert (code, told["exit_code"], told["rules"][0]["rule"], told["rows"]) == (31, 31, "one", 1)


def test_a_delivery_is_released(command: Command) -> None:
    given = document()
    given["schema"][0]["quality"] = [
        {"name": "enough", "type": "library", "metric": "rowCount", "mustBeGreaterThan": 1},
    ]
    write_contract(command.exports, given)
    code, _, err = command.call("deliver")
    assert code == 85 and "deliveries release dandi/teachers/2026-09" in err
    decide = ("deliveries", "release", "dandi/teachers/2026-09", "--because")
    assert command.call(*decide, "ann@example.org said so")[0] == 2
    code, out, _ = command.call(*decide, "there is one teacher")
    assert code == 0 and "released from `enough`, with 1 rows" in out
    assert command.call("deliver")[0] == 0
    assert command.call(*decide, "again")[0] == 2, "it is closed"
    shown = command.json("deliveries", "show", "dandi/teachers/2026-09")[1]["decisions"]
    assert [(one["decision"], one["rules"], one["because"]) for one in shown] == [
        ("release", {"enough": 1}, "there is one teacher")
    ]


def test_what_went_out_and_what_failed_are_both_named(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the failure comes first, and is none of a delivery itself."""
    write_contract(command.exports, document("aaa"))
    command.databases.settings.destinations["aaa"] = str(command.databases.settings.warehouse_deliveries)
    code, told = command.json("deliver")
    assert code == told["exit_code"] == 34
    assert {one["delivery_id"]: one["state"] for one in told["deliveries"]} == {
        "aaa/teachers/2026-09": "failed",
        "dandi/teachers/2026-09": "closed",
    }
    assert told["deliveries"][0]["error"]["what"] and told["deliveries"][1]["error"] is None
    command.day = date(2026, 11, 3)
    command.build(command.day)
    basis = Run._basis

    def unusable(run: Run, edition: Edition) -> Any:
        if edition.contract.recipient == "aaa":
            raise KeyUnusable("The key is lost.", meaning="No.", next_command="No.")
        return basis(run, edition)

    monkeypatch.setattr(Run, "_basis", unusable)
    code, out, err = command.call("deliver")
    assert code == 73 and "Traceback" not in err
    assert (
        "aaa/teachers/2026-10 failed: The key is lost." in out
        and "dandi/teachers/2026-10 (1 rows), from build 2" in out
    )
