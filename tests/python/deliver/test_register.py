"""The sharing register: each contract with its grounds, and what was last sent under it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.python.deliver.delivering import World
from tests.python.deliver.world import document, of_days, write_contract
from warehouse.cli import deliveries as command
from warehouse.cli import main as cli
from warehouse.core.contracts.place import contract_files
from warehouse.deliver.register import lines, page, register


def test_every_contract_of_the_product_is_on_the_page() -> None:
    text = page()
    for path in contract_files():
        recipient, name = path.parent.name, path.name.removesuffix(".odcs.yaml")
        assert f"\n## {recipient}/{name}\n" in text
    for title in ("why", "agreement", "legal basis", "what may be published", "owner", "how often", "kept for"):
        assert text.count(f"\n| {title} | ") == len(contract_files())
    (sensitive,) = [
        line for line in text.split("## tad/teachers")[1].split("\n## ")[0].splitlines() if "sensitive |" in line
    ]
    assert "national_insurance_number" in sensitive


def test_what_an_entry_says(tmp_path: Path) -> None:
    write_contract(tmp_path, document())
    write_contract(tmp_path, of_days() | {"dataProduct": "tps", "id": "tps"}, "tps")
    dandi, broken = register(None, tmp_path)
    expected = {
        "status": "active",
        "agreement": "Test 1, signed 2020-01-31",
        "classes": "2 sensitive, 1 personal, 4 open",
        "how_often": "each month, from day 1 of the next one on",
        "retention": "12 months",
        "last_sent": None,
    }
    assert {name: dandi[name] for name in expected} == expected
    # A contract that cannot be read is no reason to hide the others, nor to leave it out.
    assert (broken["recipient"], broken["status"]) == ("tps", "not sound")
    assert "## tps/teachers\n\nIts contract is being written" in page(tmp_path)


def test_what_was_last_sent_is_the_ledgers(world: World) -> None:
    world.run()
    write_contract(world.exports, document("tad", "csv") | {"status": "draft"})
    with psycopg.connect(world.conninfo) as connection:
        dandi, tad = register(connection, world.exports)
    sent = dandi["last_sent"]
    assert (sent["id"], sent["rows"], sent["contract_version"]) == ("dandi/teachers/2026-09", 200, "1.0.0")
    assert (tad["status"], tad["last_sent"]) == ("draft", None)
    said = dict(lines(dandi))["last sent"]
    assert said.startswith("dandi/teachers/2026-09, 200 rows of real people as at 2026-10-03, under version 1.0.0, 20")
    json.dumps(dandi, default=str)


def test_a_warehouse_without_a_ledger_has_sent_nothing(conninfo: str, tmp_path: Path) -> None:
    write_contract(tmp_path, document())
    with psycopg.connect(conninfo) as connection:
        assert [one["last_sent"] for one in register(connection, tmp_path)] == [None]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_command(options: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def nowhere() -> Any:
        yield None

    monkeypatch.setattr(command, "if_it_answers", nowhere)
    assert cli._main(["deliveries", "register", *options]) == 0
    said = capsys.readouterr().out
    if options:
        assert [one["contract"] for one in json.loads(said)] == [
            f"exports/{path.parent.name}/{path.name}" for path in contract_files()
        ]
    else:
        assert "tad/teachers: active, version 3.0.0" in said
        assert "What was last sent is not known: the warehouse does not run." in said
