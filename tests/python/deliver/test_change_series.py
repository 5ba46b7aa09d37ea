"""Change files: one complete set after any kill, a set a day, and a series wherever the past is another."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from tests.python.deliver.rebuilding import newest_series
from tests.python.deliver.receiving import SEED, Receiver, receiver, some
from tests.python.replicate.drifting import World, world
from warehouse.core.columns_of_changes import NOT_IN_PARQUET
from warehouse.core.contracts.load import load_change_contracts
from warehouse.core.errors import ChangesHeld, UsageError
from warehouse.core.progress import Silent
from warehouse.deliver import differing, redo, verify
from warehouse.deliver.change_files import owed
from warehouse.deliver.change_files.records import Recorded
from warehouse.deliver.change_files.standing import Standing
from warehouse.deliver.edition import SERIES
from warehouse.erase import stored
from warehouse.jobs import rule_changes

__all__ = ["receiver", "world"]
pytestmark = pytest.mark.slow


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


STEPS = ("planned", "extracting", "built", "checked", "sending", "uploading", "uploaded", "verified", "committed")


def test_killed_at_each_boundary_there_is_one_complete_set(world: World, receiver: Receiver) -> None:
    """With the same span: what comes in meanwhile belongs to the next set."""
    chance = random.Random(SEED)
    some(world, chance, 5)
    world.sync()
    before = None
    for step in STEPS:

        def strike(reached: str, at: str = step) -> None:
            if reached == at:
                raise Killed

        with pytest.raises(Killed):
            receiver.deliver(strike)
        some(world, chance, 2)
        world.sync()
        if step == "built":
            (before,) = world.warehouse.execute("select to_position::text from ledger.change_sets").fetchone() or ()
    package = receiver.next_set()
    assert str(package["changes"]["before_position"]) == before
    assert len(list(receiver.folder.glob("*/datapackage.json"))) == len(list(receiver.folder.iterdir())) == 1
    receiver.assert_rebuilt()
    assert receiver.next_set()["changes"]["from_position"] == package["changes"]["before_position"]
    receiver.assert_rebuilt()
    with pytest.raises(UsageError, match="is a set of change files"):
        redo(receiver.at, Silent(), package["id"], "once more")
    assert not differing(list(verify(receiver.at, world.warehouse, [])))
    states = world.warehouse.execute("select state, count(*) from ledger.deliveries group by 1").fetchall()
    assert states == [("closed", 2)]


def test_a_series_begins_wherever_the_past_is_not_what_was_told(world: World, receiver: Receiver) -> None:
    chance = random.Random(SEED)

    def anew(kind: str, *, killed: bool = False) -> dict[str, Any]:
        some(world, chance, 2)
        world.sync()
        earlier = {path.parent.name for path in receiver.folder.glob("*/datapackage.json")}
        package = receiver.next_set()
        changes: dict[str, Any] = package["changes"]
        assert changes["begins_series_because"].split(":")[0] == kind
        assert changes["number"] == 1 and changes["from_position"] is None
        if not killed:
            assert {one.rsplit("/")[-1] for one in changes["replaces_sets"]} == earlier
        receiver.assert_rebuilt()
        return changes

    some(world, chance, 2)
    world.sync()
    receiver.next_set()

    # An erasure that is not done holds everything; one that is done begins a series, also instead of a set half sent.
    some(world, chance, 2)
    world.sync()

    def strike(reached: str) -> None:
        if reached == "uploaded":
            raise Killed

    with pytest.raises(Killed):
        receiver.deliver(strike)
    half_sent = max(receiver.folder.iterdir())
    assert list(half_sent.iterdir())
    world.warehouse.execute("insert into ledger.erasures (reference) values ('a test')")
    with pytest.raises(ChangesHeld, match="an erasure"):
        receiver.deliver()
    world.warehouse.execute("update ledger.erasures set state = 'done', finished_at = now()")
    anew("erasure", killed=True)
    assert not half_sent.exists() or not list(half_sent.iterdir()), "what told of an erased person was taken away"

    # A rule that took values out of the past: of the sets that are kept here, too.
    files = [one for one in stored.files(world.warehouse) if one.kind == "data"]
    people, posts = (next(one for one in files if f"/{name}-" in one.name) for name in ("people", "posts"))
    made_of = partial(rule_changes._made_of, world.warehouse)
    assert made_of(("people", "note"), people) == ["note", NOT_IN_PARQUET]
    assert made_of(("posts", ""), posts) == ["person_id", "number", "title", NOT_IN_PARQUET]
    assert (
        made_of(("people", "nin"), people) == made_of(("people", "note"), posts) == made_of(("posts", ""), people) == []
    )
    world.warehouse.execute(
        "insert into ledger.rule_changes (table_name, column_name, file_sha256, rewritten_at)"
        " values ('people', 'note', '', now())"
    )
    anew("rule")

    # The contract names less: what stays behind is in no file.
    receiver.agree(version="2.0.0", changeFiles={"people": {"without": ["age"]}, "posts": "all"})
    anew("contract")
    assert "age" not in {name for row in newest_series(receiver.folder).rows("people") for name in row}

    # A warehouse that was put back does not know of the set that is there.
    some(world, chance, 2)
    world.sync()
    receiver.next_set()
    world.warehouse.execute("set session_replication_role = replica")
    for table in ("change_sets", "delivery_indexes", "delivery_files", "delivery_states", "deliveries"):
        world.warehouse.execute(
            f"delete from ledger.{table} where delivery_id = (select max(delivery_id) from ledger.change_sets)"
            if table == "change_sets"
            else f"delete from ledger.{table} as d where delivery_id like 'dandi/changes/%' and not exists"
            " (select from ledger.change_sets as s where s.delivery_id = d.delivery_id)"
        )
    world.warehouse.execute("reset session_replication_role")
    some(world, chance, 2)
    world.sync()
    package = receiver.next_set()
    assert package["changes"]["begins_series_because"].startswith("restored")
    receiver.assert_rebuilt()


def test_two_series_of_one_second_have_two_names(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    some(world, random.Random(SEED), 2)
    world.sync()
    receiver.next_set()
    ((taken,),) = world.warehouse.execute("select max(delivery_id) from ledger.deliveries").fetchall()
    (contract,) = load_change_contracts(receiver.exports)
    begun = datetime.strptime(taken.rsplit("/")[-1].rsplit("-")[0], SERIES).replace(tzinfo=UTC)
    monkeypatch.setattr(owed, "one", lambda *_: (begun,))
    assert owed._new_series(world.warehouse, contract).delivery_id != taken


def test_a_set_is_owed_once_a_day_is_over_and_something_changed(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    standing = Standing(1, "streaming", 20, datetime(2026, 3, 29, 0, 30, tzinfo=UTC), False, 0, 0)
    last = Recorded(None, 5, 10, 1, datetime(2026, 3, 28, 23, 59, tzinfo=UTC), 0, 0)
    assert owed._day_is_over(last, standing)
    assert not owed._day_is_over(replace(last, known_at=datetime(2026, 3, 29, 0, 1, tzinfo=UTC)), standing)
    # The day ends in London, where summer time has begun.
    assert owed._day_is_over(
        last=replace(last, known_at=datetime(2026, 3, 29, 22, 59, tzinfo=UTC)),
        now=replace(standing, known_at=datetime(2026, 3, 29, 23, 1, tzinfo=UTC)),
    )
    assert not owed._day_is_over(last, replace(standing, known_before=10)), "nothing changed"
    assert not owed._day_is_over(last, replace(standing, known_at=None)), "the stream has brought nothing yet"
