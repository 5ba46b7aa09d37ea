"""The runbooks for alerts, erasures and failures: every command and statement in them is run, or says why not.

docs/runbooks/production.md is run whole, on two servers: tests/python/worlds/test_worlds.py.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.python.replicate.states import STATES, World
from tests.python.replicate.test_ways_out import in_order, kept, nothing_held, reached, walk, world
from tests.python.replicate.trouble import one
from warehouse.cli import main
from warehouse.core.settings import PROJECT

__all__ = ["nothing_held", "world"]

PAGES = PROJECT / "docs" / "runbooks"
FAILURES, ALERTS, ERASURES = "when-something-fails.md", "alerting.md", "erasing-a-person.md"

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
_INLINE = re.compile(r"`([^`]+)`")
_RUN = re.compile(r"warehouse [a-z]|select |begin;|set |vacuum |alter |WAREHOUSE_DEBUG", re.I)


def written(page: str) -> Iterator[str]:
    """What a page tells a person to type, as it stands there."""
    text = (PAGES / page).read_text(encoding="utf-8")
    for language, content in _FENCED.findall(text):
        if language not in ("json", "text"):
            yield from (line for line in content.splitlines() if line and not line.startswith("#"))
    for code in _INLINE.findall(_FENCED.sub("", text)):
        if _RUN.match(code):
            yield " ".join(code.split())


@dataclass(frozen=True)
class Step:
    """What a person types.

    Attributes:
        text: as the page has it.
        codes: with which it may end; of a statement, none.
        typed: what a person makes of it, where something of the text has to be replaced.
    """

    text: str
    codes: tuple[int, ...] = (0,)
    typed: str = ""


SCENES: dict[str, Sequence[Step]] = {
    "": [
        Step("warehouse replicate status"),
        Step("warehouse replicate status --json"),
        Step("warehouse replicate watch", typed="warehouse replicate watch --once"),
        Step("warehouse doctor", (0, 1, 13, 20)),
        Step("warehouse replicate drift"),
        Step("warehouse replicate secrets"),
        Step("warehouse replicate reconcile --history"),
        Step("warehouse replicate reconcile --table …", typed="warehouse replicate reconcile --table persons"),
        Step('warehouse sql "select * from ledger.gaps"'),
        Step('warehouse sql "select * from ledger.restarts"'),
        Step(
            'warehouse sql "select table_name, column_name, rows_rewritten, versions_rewritten, followed_at'
            ' from ledger.rule_changes"'
        ),
        Step('warehouse sql "select * from ledger.runs order by run_id desc limit 1"'),
        Step("warehouse sql \"select * from ledger.erased_deliveries where held = 'by the recipient'\""),
        Step("warehouse deliveries list"),
        Step("select * from ledger.build_findings"),
        Step("select * from ledger.column_states"),
        Step("select * from pg_stat_replication"),
        Step("select pid, xact_start from pg_stat_activity order by xact_start limit 5"),
        Step("warehouse replicate apply --release persons.qts_date", (0, 42)),
        Step("warehouse replicate apply"),
    ],
    "slot lost": [Step("warehouse replicate status", (50,)), Step("warehouse replicate repair")],
    "source moved": [
        Step("warehouse replicate source", (49,)),
        Step('warehouse replicate source --accept "why"'),
        Step("warehouse replicate run"),
    ],
    "stream switched off": [Step("warehouse replicate run")],
    "found different": [
        Step("warehouse replicate reconcile", (59,)),
        Step("warehouse replicate repair --compare"),
        Step("warehouse replicate reconcile"),
    ],
    "deletes held": [
        Step(
            "warehouse replicate repair --allow-deletes TABLE",
            typed="warehouse replicate repair --allow-deletes persons",
        )
    ],
    "row unfit": [
        Step("warehouse replicate conflicts", (56,)),
        Step(
            'warehouse replicate skip --lsn … --because "…" --yes',
            typed='warehouse replicate skip --lsn {lsn} --because "a test" --yes',
        ),
        Step("warehouse replicate repair --compare"),
    ],
    "committed in the future": [
        Step("warehouse replicate clocks", (55,)),
        Step(
            'warehouse replicate clocks --acknowledge --because "…"',
            typed='warehouse replicate clocks --acknowledge --because "a test"',
        ),
    ],
    "locked": [Step("select pg_terminate_backend(…)", typed="select pg_terminate_backend({blocker})")],
}
"""By the state in which each is run ("" is one in order). Each leaves the world in order."""

ELSEWHERE = {
    "warehouse run": "the main job: tests/python/test_main_job.py",
    "warehouse status": "tests/python/test_main_job.py",
    "warehouse status --json": "tests/python/test_main_job.py",
    "warehouse quality": "worlds/test_worlds.py, of a build with findings",
    "warehouse build list": "tests/python/test_main_job.py, with a vintage",
    "warehouse build drop": "tests/python/test_main_job.py, with a vintage",
    "warehouse contract check": "cli/test_contract.py",
    "warehouse contract sync": "cli/test_contract.py",
    "warehouse grants login NAME --role analyst_sensitive": "security/test_roles_by_command.py",
    "warehouse replicate classes": "security/test_class_floors.py",
    "warehouse deliveries find-person": "cli/test_find_person.py",
    "warehouse deliveries find-person < who.txt": "cli/test_find_person.py",
    'warehouse deliveries received ID --because "…"': "deliver/test_vanished.py",
    'warehouse deliveries redo ID --because "…"': "deliver/test_vanished.py",
    'warehouse deliveries release ID --because "…"': "deliver/test_volume.py",
    'warehouse deliveries resend ID --because "…"': "deliver/test_vanished.py",
    "warehouse deliveries show ID": "deliver/test_proof.py",
    "warehouse deliveries verify": "deliver/test_proof.py",
    "warehouse deliveries verify ID": "deliver/test_proof.py",
    "warehouse deliveries recreate ID": "deliver/test_recreate.py",
    "warehouse deliver --due": "deliver/test_catching_up.py and cli/test_deliveries.py",
    "warehouse replicate apply --accept table": "test_apply.py, with a key that has changed",
    "warehouse replicate apply --accept table.column": "test_apply.py, with a type that has changed",
    "warehouse replicate check-migration": "test_check_migration.py, with files",
    'warehouse replicate reconcile --history --accept "why"': "test_seals.py: it would seal a loss in the shared world",
    "begin; set local warehouse.writer = 'your name'; …": "test_unnoted.py",
    "ALTER SYSTEM SET track_commit_timestamp = on": "test_ways_out.py, on servers of its own",
    "SET zero_damaged_pages = on": "test_broken_files.py, with a damaged page",
    "VACUUM (FULL)": "test_broken_files.py, with a damaged page",
    "ALTER SUBSCRIPTION … SKIP": "named as what somebody did, not advised: test_subscription_guard.py",
    "WAREHOUSE_DEBUG=1 warehouse …": "any command",
    "warehouse erase": "named; the steps below it are run",
    "warehouse erase --check": "security/test_erasure_by_subprocess.py",
    "warehouse erase --check --trn-file erased.txt": "security/test_erasure_by_subprocess.py",
    'warehouse erase --returned 12 --because "SAR 13/2026"': "security/test_erasure_by_subprocess.py",
}
"""Why a command is not run by this file, and where it is."""

ERASURE = (
    "warehouse replicate run",
    "warehouse erase --trn-file trn.txt --dry-run",
    'warehouse erase --trn-file trn.txt --because "SAR 12/2026" --yes',
)


def test_every_command_of_the_pages_is_run_or_says_why_not() -> None:
    on_the_pages = {text for page in (FAILURES, ALERTS, ERASURES) for text in written(page)}
    run = {step.text for steps in SCENES.values() for step in steps} | set(ERASURE)
    assert on_the_pages - run - set(ELSEWHERE) == set(), "neither run nor explained"
    assert set(ELSEWHERE) <= on_the_pages, "explained, and on no page"
    assert not run & set(ELSEWHERE)


def test_the_report_of_the_page_has_the_fields_of_a_status(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    shown = json.loads(next(c for kind, c in _FENCED.findall((PAGES / ALERTS).read_text()) if kind == "json"))
    assert main._main(["replicate", "status", "--json"]) == 0
    assert shown.keys() == json.loads(capsys.readouterr().out).keys()


def blanks(world: World, text: str) -> dict[str, object]:
    """What a person reads off the screen."""
    if "{lsn}" in text:
        query = "select max(lsn)::text from ledger.conflicts where state = 'open'"
        return {"lsn": one(world.databases.at_warehouse, query)[0]}
    if "{blocker}" in text:
        query = (
            "select max(l.pid) from pg_locks as l join pg_database as d on d.oid = l.database"
            " where d.datname = current_database() and l.relation = 'persons'::regclass"
            " and l.mode = 'AccessExclusiveLock' and l.granted"
        )
        return {"blocker": one(world.databases.at_warehouse, query)[0]}
    return {}


@pytest.mark.slow
@pytest.mark.parametrize("state", SCENES)
def test_the_commands_in_a_state(world: World, state: str, capsys: pytest.CaptureFixture[str]) -> None:
    in_order(world.databases)
    before = kept(world.databases)
    if state:
        STATES[state].make(world)
        reached(world.databases, STATES[state])
    for step in SCENES[state]:
        text = step.typed or step.text
        text = text.format(**blanks(world, text)) if "{" in text else text
        if text.startswith("warehouse "):
            capsys.readouterr()
            code = main._main(shell_words(text))
            assert code in step.codes, (text, code, capsys.readouterr())
        elif "pg_stat" in text:
            world.at_source(text)
        else:
            world.at_warehouse(text)
    walk(world, {}, capsys, before)


def shell_words(text: str) -> list[str]:
    """A command as the shell splits it."""
    return shlex.split(text.removeprefix("warehouse "))


@pytest.mark.slow
def test_a_person_is_erased_as_the_page_says(
    world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_order(world.databases)
    trn = "0000001"
    file = tmp_path / "trn.txt"
    file.write_text(f"{trn}\n")
    typed = [shell_words(text.replace("trn.txt", str(file))) for text in ERASURE]
    code = main._main(typed[-1])
    assert code == 43, f"as long as the operational system has the person: {capsys.readouterr()}"
    world.at_source(f"delete from persons where trn = '{trn}'")
    for command in typed:
        capsys.readouterr()
        assert main._main(command) == 0, (command, capsys.readouterr())
    assert one(world.databases.at_warehouse, f"select count(*) from versions.persons where trn = '{trn}'") == (0,)
    in_order(world.databases)
