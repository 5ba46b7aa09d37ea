"""A contract that says something else than what was sent, under the same version, stops everything: exit code 27."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from tests.python.conftest import FreshDatabases
from tests.python.deliver.delivering import World
from tests.python.deliver.world import OCTOBER, document, write_contract
from warehouse.cli import contract as command
from warehouse.cli import main as cli
from warehouse.core.contracts import load_contract, load_contracts
from warehouse.core.errors import ContractBehind, ContractChanged
from warehouse.core.progress import Silent
from warehouse.deliver import check_agreed
from warehouse.jobs import main_job

NOVEMBER: Final = date(2026, 11, 2)

Change = Callable[[dict[str, Any]], Any]
CHANGES: Final[dict[str, Change]] = {
    "class": lambda d: d["schema"][0]["properties"][4].update(classification="personal"),
    "meaning": lambda d: d["schema"][0]["properties"][4].update(description="Something else."),
    "column": lambda d: d["schema"][0]["properties"].pop(5),
    "rule": lambda d: d["schema"][0]["quality"].pop(),
    "purpose": lambda d: d["description"].update(purpose="Another."),
    "place": lambda d: d["servers"].pop(),
}


@pytest.fixture
def world(tmp_path: Path, prepared: FreshDatabases) -> World:
    made = World(tmp_path, prepared.warehouse_conninfo)
    made.contract()
    return made


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_needs_a_new_version(world: World, name: str) -> None:
    world.run()
    before = world.query("select delivery_id, state from ledger.deliveries")
    given = document()
    CHANGES[name](given)
    write_contract(world.exports, given)
    with pytest.raises(ContractChanged, match="something else than when dandi/teachers/2026-09 was sent") as caught:
        world.run(NOVEMBER)
    assert caught.value.exit_code == 27
    assert world.query("select delivery_id, state from ledger.deliveries") == before
    write_contract(world.exports, given | {"version": "1.1.0"})
    world.run(NOVEMBER)
    assert world.state("dandi/teachers/2026-10") == "closed"
    # The old version is taken, whatever was sent since.
    CHANGES["meaning" if name != "meaning" else "class"](given)
    write_contract(world.exports, given)
    with pytest.raises(ContractChanged):
        world.run(date(2026, 12, 2))


def test_comments_and_layout_are_no_change(world: World) -> None:
    world.run()
    path = world.exports / "dandi" / "teachers.odcs.yaml"
    before = load_contract(path)
    path.write_text("# A remark.\n" + path.read_text().replace("purpose: To test.", "purpose: >-\n    To\n    test."))
    after = load_contract(path)
    assert (after.sha256 != before.sha256, after.content_sha256) == (True, before.content_sha256)
    world.run(NOVEMBER)
    assert world.state("dandi/teachers/2026-10") == "closed"


def test_what_was_never_sent_may_change(world: World) -> None:
    """A failed attempt is nothing that a recipient agreed to."""
    given = document()
    given["schema"][0]["properties"][4]["physicalType"] = "smallint"
    write_contract(world.exports, given)
    with pytest.raises(Exception, match="urn"):
        world.run()
    write_contract(world.exports, document())
    world.run()
    assert world.state() == "closed"


def test_a_contract_below_its_model_is_refused_before_anything_is_sent(world: World) -> None:
    given = document()
    given["schema"][0]["properties"][0]["classification"] = "open"
    write_contract(world.exports, given)
    with pytest.raises(ContractBehind, match="trn is open, and personal in its model"):
        world.run()
    assert world.state() == "none"


def test_contract_check_compares_with_what_was_sent(
    world: World, prepared: FreshDatabases, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.run()

    @contextmanager
    def answers() -> Any:
        with prepared.warehouse() as warehouse:
            yield warehouse

    monkeypatch.setattr(command, "if_it_answers", answers)
    monkeypatch.setattr(command, "check_fit", lambda _: None)  # the model of that name is another one
    monkeypatch.setattr(command, "named", lambda _: [world.exports / "dandi" / "teachers.odcs.yaml"])
    assert cli._main(["contract", "check"]) == 0
    assert "Not compared" not in capsys.readouterr().out
    given = document()
    CHANGES["class"](given)
    write_contract(world.exports, given)
    assert cli._main(["contract", "check"]) == 27
    assert "give the contract a new `version`" in " ".join(capsys.readouterr().err.split())


def test_the_run_refuses_it_before_it_replicates(prepared: FreshDatabases) -> None:
    dandi = next(one for one in load_contracts() if one.key == ("dandi", "teachers"))
    with prepared.warehouse() as warehouse:
        assert check_agreed(warehouse, [dandi])
        warehouse.execute("alter table ledger.deliveries disable trigger user")
        warehouse.execute(
            "insert into ledger.deliveries (delivery_id, recipient, extract, period, state, contract_version,"
            " contract_sha256, contract_content_sha256, model, rows, bytes, manifest_sha256, closed_at, as_at)"
            " values ('dandi/teachers/2026-09', 'dandi', 'teachers', '2026-09', 'closed', %s, '', 'other', '', 1, 1,"
            " '', now(), %s)",
            (dandi.version, OCTOBER),
        )
        with pytest.raises(ContractChanged):
            main_job.run(prepared, warehouse, _Shown(), lambda _, __: None)
        assert warehouse.execute("select to_regclass('public.persons') is null").fetchone() == (True,)
        (state,) = warehouse.execute("select state from ledger.runs").fetchall()
        assert state == ("failed",)


class _Shown(Silent):
    @contextmanager
    def stage(self, name: str) -> Any:
        yield name
