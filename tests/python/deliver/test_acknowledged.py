"""A recipient who acknowledges with a file: it closes the delivery, and nothing else about it is done meanwhile."""

from __future__ import annotations

from datetime import date

import pytest

from tests.python.deliver.delivering import OCTOBER, World, listed
from tests.python.deliver.killed import no_check
from warehouse.core.contracts import load_contracts
from warehouse.core.errors import ContractError, DeliveryError, DestinationRefused, UsageError
from warehouse.core.progress import Silent
from warehouse.deliver import State, decide, redo, what_is_due
from warehouse.deliver.decisions import listed as all_deliveries
from warehouse.deliver.destinations.folder import Folder

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short_waits")]

DELIVERY = "dandi/teachers/2026-09"
ACK = "acks/{period}.txt"


@pytest.fixture
def waiting(tmp_path: object, world: World) -> World:
    """A delivery that was sent and is not acknowledged."""
    world.contract(acknowledgement=ACK)
    (report,) = world.run()
    assert (report.state, report.waits_for) == (State.VERIFIED, "acks/2026-09.txt")
    assert "waits for the acknowledgement acks/2026-09.txt" in str(report)
    return world


def acknowledge(world: World, name: str = "acks/2026-09.txt") -> None:
    path = world.home / "deliveries" / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("received")


def _shown(world: World) -> str:
    with world.building() as connection:
        return str(next(one["error"] for one in all_deliveries(connection) if one["id"] == DELIVERY))


def test_the_file_closes_it(waiting: World) -> None:
    there = listed(waiting)
    assert set(there) == {f"{DELIVERY}/teachers-2026-09.parquet", f"{DELIVERY}/datapackage.json"}
    assert "Waits for the acknowledgement acks/2026-09.txt" in _shown(waiting)
    assert [owed.doing for owed in what_is_due(waiting.at(OCTOBER))] == ["look for the acknowledgement"]
    steps = "select from_state, to_state from ledger.delivery_states"
    before = waiting.query(steps)
    # A new build changes nothing about what was sent.
    with waiting.building() as connection:
        connection.execute("delete from extracts.dandi_teachers where trn > '0000120'")
    assert [report.state for report in waiting.run()] == [State.VERIFIED]
    assert waiting.query(steps) == before and listed(waiting) == there
    acknowledge(waiting)
    (report,) = waiting.run()
    assert (report.state, report.waits_for, report.rows) == (State.CLOSED, None, 200)
    assert waiting.state() == "closed" and _shown(waiting) == "None"
    assert waiting.run() == []


def test_a_recipient_may_take_everything_before(waiting: World) -> None:
    for path in (waiting.home / "deliveries" / DELIVERY).iterdir():
        path.unlink()
    assert [report.state for report in waiting.run()] == [State.VERIFIED]
    acknowledge(waiting)
    assert [report.state for report in waiting.run()] == [State.CLOSED]


def test_a_later_month_does_not_write_it_off(waiting: World) -> None:
    assert [report.state for report in waiting.run(date(2026, 11, 2))] == [State.VERIFIED, State.VERIFIED]
    acknowledge(waiting, "acks/2026-10.txt")
    states = {report.delivery_id: report.state for report in waiting.run(date(2026, 11, 2))}
    assert states == {DELIVERY: State.VERIFIED, "dandi/teachers/2026-10": State.CLOSED}


def test_a_run_that_cannot_look_changes_nothing(waiting: World) -> None:
    folder = waiting.home / "deliveries" / "acks"
    folder.write_text("no folder")
    with pytest.raises(DestinationRefused):
        waiting.run()
    assert waiting.state() == "verified"
    folder.unlink()
    acknowledge(waiting)
    assert [report.state for report in waiting.run()] == [State.CLOSED]


def test_a_manifest_that_is_not_what_was_sent_does_not_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.contract(acknowledgement=ACK)
    read = Folder.read
    with monkeypatch.context() as patched:
        patched.setattr(Folder, "read", lambda self, name: b"another" if read(self, name) else None)
        with pytest.raises(DeliveryError, match="is not what was sent"):
            world.run()
    assert world.state() == "failed"
    assert [report.state for report in world.run()] == [State.VERIFIED]


def test_an_agreement_that_ends_meanwhile(waiting: World) -> None:
    waiting.contract()
    assert [report.state for report in waiting.run()] == [State.CLOSED]


def test_a_person_may_say_so_instead(waiting: World) -> None:
    with pytest.raises(UsageError):
        decide(waiting.at(OCTOBER), Silent(), DELIVERY, "resend", "they have lost it")
    assert decide(waiting.at(OCTOBER), Silent(), DELIVERY, "received", "they wrote a letter") is State.CLOSED
    assert waiting.query("select decision, because from ledger.delivery_decisions") == [
        ("received", "they wrote a letter")
    ]


def test_a_revision_has_an_acknowledgement_of_its_own(waiting: World) -> None:
    acknowledge(waiting)
    waiting.run()
    report = redo(waiting.at(OCTOBER), Silent(), DELIVERY, "the file was lost", check=no_check)
    assert (report.state, report.waits_for) == (State.VERIFIED, "acks/2026-09-r2.txt")


def test_an_acknowledgement_of_nothing_is_refused(world: World) -> None:
    world.contract(acknowledgement=ACK)
    acknowledge(world)
    with pytest.raises(DestinationRefused, match="an acknowledgement of what was not sent yet"):
        world.run()
    assert set(listed(world)) == {"acks/2026-09.txt"}


@pytest.mark.parametrize("step", ["verified", "committed"])
def test_one_that_was_stopped_waits_as_well(step: str, world: World) -> None:
    def stop(at: str) -> None:
        if at == step:
            raise KeyboardInterrupt

    world.contract(acknowledgement=ACK)
    with pytest.raises(KeyboardInterrupt):
        world.run(hook=stop)
    assert [report.state for report in world.run()] == [State.VERIFIED]
    acknowledge(world)
    assert [report.state for report in world.run()] == [State.CLOSED]


@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        ("ack.txt", {}, "one of its own"),
        ("../{period}.txt", {}, "no path below"),
        ("/{delivery}", {}, "no path below"),
        ("{delivery}/.ack", {}, "no path below"),
        (ACK, {"confirmation": "writeOnly"}, "places that may be read"),
    ],
)
def test_what_cannot_be_one(name: str, more: dict[str, str], words: str, world: World) -> None:
    world.contract(acknowledgement=name, **more)
    with pytest.raises(ContractError) as caught:
        load_contracts(world.exports)
    assert words in str(caught.value.as_dict())
