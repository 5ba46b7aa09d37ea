"""A rule that changes after files were delivered, by the commands alone: no file that is kept has the values still."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from tests.python.deliver import receiving
from tests.python.deliver.killed import no_check
from tests.python.deliver.receiving import Receiver, receiver
from tests.python.deliver.world import OCTOBER, document, write_contract
from tests.python.marts.publishing import keep_vintage, make
from tests.python.replicate.drifting import World, world
from tests.python.security.test_rules_followed import LETTERS
from warehouse.cli import deliveries as deliveries_cli
from warehouse.cli.main import _main
from warehouse.core.database import one
from warehouse.core.errors import MadeOtherwise, RuleChanged
from warehouse.core.lineage import kept
from warehouse.core.lineage.flows import Flow, Origin
from warehouse.core.lineage.project import Column, Lineage, Related
from warehouse.core.progress import Silent
from warehouse.deliver import World as DeliveryWorld
from warehouse.deliver import deliver
from warehouse.jobs import erasing
from warehouse.marts import candidate

__all__ = ["receiver", "world"]
pytestmark = pytest.mark.slow

MARKER = "tell-tale"
ENDLESS = "infinity"
"""A date that no column of a Parquet file holds: change files have it beside the column."""
MODEL = """
select lpad(row_number() over ()::text, 7, '0') as trn, {shown} as last_name, date '1980-01-02' as born,
    1.5::numeric(6, 2) as hours, 1 as urn, true as is_active, timestamptz '2026-09-01' as changed
from public.{table}
"""
MADE_OF = {
    "dandi_teachers": ("people", "note::text"),
    "tad_teachers": ("people", "note::text"),
    "tra_teachers": ("people", "note::text"),
    "tps_teachers": ("letters", "body ->> 'link'"),
}
"""The extracts: in each one column is made of a value that the rule leaves behind later, under another name."""


def lineage() -> Lineage:
    """As a build keeps it."""
    sources = [
        Related(f"trs.{table}", table, "source", {column: Column(stated="sensitive")})
        for table, column in (("people", "note"), ("letters", "body"))
    ]
    constant = dict.fromkeys(("trn", "born", "hours", "urn", "is_active", "changed"), Column(("doc.tests.none",)))
    extracts = []
    for name, (table, shown) in MADE_OF.items():
        flow = Flow(Origin(f"trs.{table}", shown.split("::")[0].split()[0]))
        columns = {**constant, "last_name": Column(("doc.tests.none",), None, frozenset({flow}))}
        extracts.append(Related(f"extracts.{name}", name, "model", columns))
    return Lineage([*sources, *extracts], {})


@dataclass
class Story:
    """What was delivered, and how commands are called."""

    world: World
    receiver: Receiver
    capfd: pytest.CaptureFixture[str]

    @property
    def ours(self) -> Path:
        return self.receiver.deliveries

    def build(self, **shown: str) -> None:
        models = {
            f"extracts__{name}": MODEL.format(table=table, shown=shown.get(name, column))
            for name, (table, column) in MADE_OF.items()
        }
        number = make(self.world.databases, OCTOBER, **models)
        kept.keep(self.world.warehouse, number, lineage())

    def deliver(self) -> list[str]:
        settings, conninfo = self.world.databases.settings, self.world.databases.warehouse_conninfo
        at = DeliveryWorld(conninfo, settings, OCTOBER, OCTOBER, exports=self.receiver.exports, synthetic=True)
        reports = deliver(at, Silent(), check=no_check)
        assert [one.error for one in reports if one.error] == []
        return sorted(one.delivery_id for one in reports)

    def call(self, *arguments: str) -> tuple[int, Any]:
        self.capfd.readouterr()
        code = _main([*arguments, "--json"])
        return code, json.loads(self.capfd.readouterr().out)

    def holding(self, folder: Path) -> set[str]:
        """The files with the marker in any value; a Parquet file is compressed."""
        found = set()
        for path in folder.rglob("*"):
            if path.is_file():
                text = path.read_bytes().decode("utf-8", "replace")
                if path.suffix == ".parquet":
                    text = json.dumps(pyarrow.parquet.read_table(path).to_pylist(), default=str)
                if MARKER in text or ENDLESS in text:
                    found.add(str(path.relative_to(folder)))
        return found

    def bytes(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.ours)): path.read_bytes() for path in self.ours.rglob("*") if path.is_file()}


@pytest.fixture
def story(
    world: World,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> Story:
    databases = world.databases
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    databases.settings = databases.settings.model_copy(
        update={"warehouse_deliveries": receiver.deliveries, "destinations": {"tra": str(theirs)}}
    )
    monkeypatch.setattr("warehouse.cli.opening.Databases", lambda _: databases)
    made = Story(world, receiver, capfd)
    monkeypatch.setattr(
        deliveries_cli,
        "world_of",
        lambda _: DeliveryWorld(
            databases.warehouse_conninfo, databases.settings, OCTOBER, OCTOBER, exports=receiver.exports
        ),
    )
    # In place of dbt; what the models are made of, a person has taken out of them as well.
    monkeypatch.setattr(erasing, "build", lambda *_, **__: made.build(**dict.fromkeys(MADE_OF, "null::text")))
    world.trs.execute(LETTERS.encode())
    world.trs.execute("alter table people add column seen date")
    world.file["people"]["seen"] = "personal"
    world.file["letters"] = {"letter_id": "open", "kind": "open", "body": {"class": "sensitive", "keys": "letters"}}
    world.listed["letters"] = {"keys": {"kept": None, "link": None}}
    assert world.apply().error() is None
    world.trs.execute("update people set note = %s, seen = 'infinity'", (MARKER,))
    monkeypatch.setattr(receiving, "NAMES", ("people", "letters"))
    receiver.agree()
    for recipient, kind in (("dandi", "parquet"), ("tad", "csv"), ("tra", "csv"), ("tps", "csv")):
        given = document(recipient, kind)
        if recipient == "tad":
            given["schema"][0]["properties"][1]["physicalName"] = "Last name"
        write_contract(receiver.exports, given)
    world.sync()
    return made


def test_no_file_that_is_kept_holds_what_a_rule_leaves_behind_now(story: Story, tmp_path: Path) -> None:
    world, warehouse = story.world, story.world.warehouse
    story.build()
    keep_vintage(world.databases, "of_then", "people", "select note from public.people")
    candidate.make(warehouse, [f"{candidate.PREFIX}marts"])
    warehouse.execute(f"create table {candidate.PREFIX}marts.half as select note from public.people".encode())
    warehouse.execute("create schema theirs; create table theirs.saved as select note from people")
    sent = story.deliver()
    # What a dry run kept, and a copy that somebody made by hand.
    (prepared := world.databases.settings.warehouse_home / "outbox" / "apart").mkdir(parents=True, exist_ok=True)
    (prepared / "kept.csv").write_text(MARKER)
    (stray := story.ours / "tad" / "copy.csv").write_text("last_name\r\nsomebody\r\n")
    assert [one.rsplit("/", 1)[0] for one in sent] == [
        "dandi/changes",
        *(f"{recipient}/teachers" for recipient in ("dandi", "tad", "tps", "tra")),
    ]
    before = {name: content for name, content in story.bytes().items() if name != "tad/copy.csv"}
    assert {name.split("/")[0] for name in story.holding(story.ours)} == {"dandi", "tad", "tps"}
    assert story.holding(tmp_path / "theirs")

    # The rule changes: columns stay behind, and a key of JSON.
    for name in ("note", "seen"):
        world.file["people"][name] = {"class": "open", "replicate": False, "because": "nothing uses it"}
    world.listed["letters"] = {"keys": {"kept": None}}
    code, told = story.call("status")
    assert (code, told["exit_code"]) == (RuleChanged.exit_code,) * 2
    assert any("replication/trs.yml" in one["what"] for one in told["findings"])

    code, told = story.call("replicate", "apply")
    assert code == 0, told
    (inform,) = (one for one in told["to_do"] if one.startswith("inform"))
    assert "tra/teachers/2026-09" in inform and "last_name" in inform
    assert any(one.startswith("look into tad/copy.csv among the deliveries") for one in told["to_do"])
    stray.unlink()
    assert story.holding(prepared.parent) == set()
    assert any("theirs.saved" in one and "note" in one for one in told["to_do"])
    assert any(one.startswith("build the vintage of_then again") for one in told["to_do"])
    assert not any(MARKER in json.dumps(one) for one in told["to_do"])

    # The files: nothing of it, all else as it was, and each as its manifest says.
    assert story.holding(story.ours) == set()
    after = story.bytes()
    assert set(after) == set(before)
    for name in after:
        if name.endswith("2026-09.csv"):
            headers, *rows = before[name].decode().split("\r\n")
            place = headers.split(",").index("Last name" if name.startswith("tad") else "last_name")
            expected = [[v if n != place else "" for n, v in enumerate(row.split(","))] for row in rows if row]
            assert [row.split(",") for row in after[name].decode().split("\r\n")[1:] if row] == expected, name
    assert story.holding(tmp_path / "theirs"), "theirs to change"
    # What was made of it besides: no vintage, no half-finished build.
    (left,) = one(
        warehouse, "select count(*) from pg_namespace where nspname = any(%s)", (["of_then_marts", "trw_next_marts"],)
    )
    assert left == 0
    assert warehouse.execute("select count(*) from pg_class where relname = 'half'").fetchone() == (0,)

    # The ledger, and who asks it.
    recorded = warehouse.execute(
        "select distinct split_part(f.delivery_id, '/', 1), c.table_name, c.column_name, f.held,"
        " f.new_sha256 is not null from ledger.rule_files as f join ledger.rule_changes as c using (change_id)"
        " order by 1, 2, 3"
    ).fetchall()
    assert recorded == [
        ("dandi", "letters", "body", "here", True),
        ("dandi", "people", "note", "here", True),
        ("dandi", "people", "seen", "here", True),
        ("tad", "people", "note", "here", True),
        ("tps", "letters", "body", "here", True),
        ("tra", "people", "note", "by the recipient", False),
    ]
    code, told = story.call("deliveries", "verify")
    assert code == 0, told
    of = {one["name"]: (one["found"], one["hint"].startswith("rule change")) for one in told}
    assert {found for name, found in of.items() if name.startswith("tra/")} == {("as sent", False)}
    changed = {name for name in after if after[name] != before[name]}
    assert {name for name, found in of.items() if found == ("as rewritten", True)} == changed
    assert {name.rsplit("/", 1)[-1].split("-")[0] for name in changed} == {
        "datapackage.json", "letters", "people", "teachers"
    }  # fmt: skip
    for delivery in sent:
        gone = story.call("deliveries", "show", delivery)[1]["taken_out"]
        assert gone and all(one["kind"] == "rule" for one in gone), delivery
    code, told = story.call("deliveries", "recreate", "tad/teachers/2026-09")
    assert code == MadeOtherwise.exit_code and "(rule change " in told["what"]
    code, told = story.call("status")
    assert code == 0, told

    # Given again it does nothing; the next set of change files begins a series.
    ledger = "select count(*), max(followed_at) from ledger.rule_changes"
    recorded_before = warehouse.execute(ledger).fetchall()
    code, told = story.call("replicate", "apply")
    assert (code, told["done"]) == (0, []), told
    assert story.bytes() == after
    assert warehouse.execute(ledger).fetchall() == recorded_before
    world.trs.execute("update people set name = name || 'x'")
    world.sync()
    (new,) = story.deliver()
    package = json.loads((story.ours / new / "datapackage.json").read_text())
    assert package["changes"]["begins_series_because"].startswith("rule")
    assert story.holding(story.ours) == set()
