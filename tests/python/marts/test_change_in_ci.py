"""What a change of the models does to the figures: docs/a-change-in-ci.md, command by command, on a small project."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final

import pytest
from dbt.cli.main import dbtRunner

from tests.python.conftest import FreshDatabases
from tests.python.marts.small import write
from warehouse.cli import main
from warehouse.core.settings import PROJECT
from warehouse.marts import environment

pytestmark = pytest.mark.slow

PAGE: Final = (PROJECT / "docs" / "a-change-in-ci.md").read_text(encoding="utf-8")
STEPS: Final = [
    [shlex.split(line)[1:] for line in block.splitlines() if line.strip()]
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.S)
]
"""Of each step of the page the commands, without the prompt."""

# What a mart of the real project says of the published build.
OF_THE_BUILD: Final = "select timestamp with time zone '2026-09-20 12:00Z' as known_at, date '2026-10-01' as as_at_date"
CHANGED: Final = """
select alert_id, {{ as_at_date() }} as as_at_date, case alert_id when 3 then upper(details) else details end as details,
    length(details) as details_length
from {{ ref('stg_trs__alerts') }}
"""

Call = Callable[..., list[str]]


@pytest.fixture
def call(
    world: FreshDatabases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    """Run a command of the page in the project's folder; what it says."""
    shutil.copy(PROJECT / "profiles.example.yml", tmp_path / "profiles.yml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(type(world), "start", lambda _: [])
    monkeypatch.setattr(type(world), "today", lambda _: date(2026, 10, 1))
    monkeypatch.setattr("warehouse.cli.opening.Databases", lambda _: world)

    def run(program: str, *arguments: str) -> list[str]:
        if Path(program).name == "dbt":
            with world.warehouse() as connection, environment.only(environment.of(connection)):
                result = dbtRunner().invoke(["--quiet", *arguments])
            assert result.success, result.exception
            return result.result if arguments[0] == "ls" else []
        capsys.readouterr()
        assert main._main(list(arguments)) == 0
        return capsys.readouterr().out.splitlines()

    return run


def test_the_page_says_which_models_a_change_reaches_and_what_differs(
    call: Call, world: FreshDatabases, tmp_path: Path
) -> None:
    write(tmp_path, "marts/dim_build", OF_THE_BUILD)
    write(tmp_path, "marts/fct_alert_count", "select count(*) as alert_count from {{ ref('fct_alert') }}")
    publish, listed, compare = STEPS
    for command in publish:
        call(*command)

    (ls,) = listed
    assert call(*ls) == [], "nothing has changed yet"
    write(tmp_path, "marts/fct_alert", CHANGED)
    assert [name.rpartition(".")[2] for name in call(*ls)] == ["fct_alert", "fct_alert_count"]

    asked, build, diff, drop = compare
    known_at, as_at = call(*asked)[1].split(",")
    call(*(part.replace("2026-10-01T09:00:00Z", known_at).replace("2026-09-30", as_at) for part in build))
    (difference,) = json.loads("\n".join(call(*diff, "--json")))["tables"]
    assert difference == {
        "table": "marts.fct_alert",
        "only_in": None,
        "rows_only_a": 0,
        "rows_only_b": 0,
        "changed": 1,
        "columns": {"details": 1},
        "columns_only_a": [],
        "columns_only_b": ["details_length"],
    }
    said = "\n".join(call(*diff))
    assert "marts.fct_alert" in said and "details (1), details_length (only in one)" in said
    assert "1 of 3 marts and extracts differ." in said
    assert not re.search("corrected|new|NEW", said), "a value is shown"
    with world.at_warehouse() as connection:
        seen = connection.execute("select details from marts.fct_alert order by alert_id").fetchall()
        assert seen == [("corrected",), ("new",)]
        call(*drop)
        assert connection.execute("select to_regnamespace('change_marts')").fetchone() == (None,)
