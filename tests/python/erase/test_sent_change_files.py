"""`warehouse erase` over sets of change files that were sent: the files that are kept, and what is said of the sets."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from tests.python.deliver.rebuilding import newest_series
from tests.python.erase.world import Person, change, erase_at_source, fill, fill_shared
from warehouse.cli.main import _main
from warehouse.core.contracts import load_change_contracts
from warehouse.core.databases import Databases
from warehouse.core.ledger import migrate
from warehouse.core.progress import Silent
from warehouse.core.settings import PROJECT
from warehouse.deliver import State, deliver, world_of
from warehouse.deliver import World as DeliveryWorld
from warehouse.deliver.change_files import owed
from warehouse.deliver.ledger import Ledger
from warehouse.deliver.recreatable import cannot_be_recreated
from warehouse.replicate import replicate

pytestmark = pytest.mark.slow


@pytest.fixture
def at(prepared: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeliveryWorld:
    """Where sets are delivered, under the contract as it is but active, to a folder that is ours."""
    prepared.settings = prepared.settings.model_copy(update={"warehouse_deliveries": tmp_path / "deliveries"})
    (contract,) = load_change_contracts()
    file = tmp_path / "exports" / contract.path.relative_to(PROJECT / "exports")
    file.parent.mkdir(parents=True)
    file.write_text(contract.path.read_text().replace("status: draft", "status: active"))
    with prepared.at_warehouse() as warehouse:
        migrate(warehouse)
    monkeypatch.setattr("warehouse.cli.opening.Databases", lambda _: prepared)
    monkeypatch.setattr(owed, "_day", lambda moment: moment)
    made = world_of(prepared)
    return DeliveryWorld(
        made.conninfo, made.settings, made.today, made.calendar, exports=tmp_path / "exports", synthetic=True
    )


def next_set(databases: Databases, at: DeliveryWorld) -> dict[str, Any]:
    replicate(databases, Silent())
    (report,) = deliver(at, Silent())
    assert report.state is State.CLOSED, report.error
    folder = at.settings.warehouse_deliveries / report.delivery_id
    package: dict[str, Any] = json.loads((folder / "datapackage.json").read_text())
    return package


def traces_in(folder: Path, who: Person, keys: set[str]) -> Iterator[str]:
    """The files with something of a person in them, or with a key of a row that was theirs."""
    traces = sorted({who.mark, who.trn, str(who.person_id), who.nino, who.task} | keys)
    for path in sorted(folder.rglob("*.parquet")):
        text = json.dumps(pyarrow.parquet.read_table(path).to_pylist(), default=str)
        if found := [one for one in traces if one in text]:
            yield f"{path.name}: {found}"


def test_a_person_leaves_the_sets_that_are_kept_and_these_are_marked(
    prepared: Databases, at: DeliveryWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = Person(trn="1234567", mark="Zzmark" + uuid.uuid4().hex[:12])
    stays = Person(trn="7654321", mark="Zzother" + uuid.uuid4().hex[:12])
    folder = at.settings.warehouse_deliveries / "dandi" / "changes"
    with prepared.at_source() as trs:
        trs.execute("set session_replication_role = replica")
        for person in (gone, stays):
            fill(trs, person)
        fill_shared(trs, gone, stays)
        replicate(prepared, Silent())
        trs.execute("update persons set updated_on = now()")
        first = next_set(prepared, at)
        # The second set has versions of both, and ends of versions that the first one has.
        change(trs, gone, stays)
        trs.execute("update alerts set details = details || ' more'")
        theirs = trs.execute("select alert_id::text from alerts where person_id = %s", (gone.person_id,)).fetchall()
        alerts = {alert_id for (alert_id,) in theirs}
        second = next_set(prepared, at)
        assert second["changes"]["number"] == 2
        before = {path: path.read_bytes() for path in folder.rglob("*.parquet")}
        assert list(traces_in(folder, gone, alerts)) and list(traces_in(folder, stays, set()))
        ends = pyarrow.parquet.read_table(next(folder.glob("*-000002/alerts-*.parquet"))).to_pylist()
        assert alerts & {row["alert_id"] for row in ends if row["trw_change"] == "ended"}, "ends have no person"
        erase_at_source(trs, gone, stays)
    replicate(prepared, Silent())

    listed = tmp_path / "person"
    listed.write_text(str(gone.person_id))
    assert _main(["erase", "--person-id-file", str(listed), "--because", "SAR 12/26", "--yes", "--json"]) == 0
    said = capsys.readouterr().out
    assert not [one for one in (gone.mark, gone.trn, str(gone.person_id)) if one in said]

    # The files that are kept have no row: whose a row is cannot be told from the file of its table alone.
    assert list(traces_in(folder, gone, alerts)) == []
    assert {path.name for path in folder.rglob("*.parquet")} == {path.name for path in before}
    assert {pyarrow.parquet.read_metadata(path).num_rows for path in folder.rglob("*.parquet")} == {0}
    series = newest_series(folder)
    for table in series.tables():
        # Each file has the hash and the number of rows that its manifest says.
        assert series.rows(table) == []
    with prepared.at_warehouse() as warehouse:
        for package in (first, second):
            why = cannot_be_recreated(Ledger(warehouse), package["id"])
            assert why and "erasure 1 took people of it" in why
        marked = warehouse.execute(
            "select distinct delivery_id from ledger.erased_deliveries where held = 'here' and rewritten_at is not null"
        ).fetchall()
    assert {name for (name,) in marked} == {first["id"], second["id"]}

    # Each file is what the erasure left, and not somebody else's doing.
    assert _main(["deliveries", "verify", "--json"]) == 0
    verified = {one["name"]: (one["found"], one["hint"][:13]) for one in json.loads(capsys.readouterr().out)}
    rewritten = {path for path, content in before.items() if path.read_bytes() != content}
    for path in folder.rglob("*-000*/*"):
        is_so = path in rewritten or path.name == "datapackage.json"
        wanted = ("as rewritten", "erasure 1 of ") if is_so else ("as sent", "")
        assert verified.pop(str(path.relative_to(at.settings.warehouse_deliveries))) == wanted
    assert rewritten and not verified

    # The next set begins a series without them, which replaces the two.
    with prepared.at_source() as trs:
        trs.execute("update persons set updated_on = now()")
    third = next_set(prepared, at)
    assert third["changes"]["begins_series_because"].startswith("erasure")
    assert set(third["changes"]["replaces_sets"]) == {first["id"], second["id"]}
    assert list(traces_in(folder, gone, alerts)) == []
    assert list(traces_in(folder, stays, set())), "who stays is there again"
