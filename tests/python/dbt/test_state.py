"""A change is compared with a saved state of the whole project: docs/a-change-in-ci.md."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from dbt.cli.main import dbtRunner

from tests.python.dbt.conftest import PROFILE, PROJECT, Node

pytestmark = pytest.mark.slow

CHANGED = "model.teaching_record_warehouse.fct_alert"


def test_a_saved_state_names_what_a_change_reaches_and_nothing_else(
    manifest: Node, parsed: Path, tmp_path: Path
) -> None:
    """The saved state has another fct_alert: it and what is made of it are listed; every other model is as it was."""
    before = copy.deepcopy(manifest)
    before["nodes"][CHANGED]["raw_code"] += " -- as it was"
    (tmp_path / "manifest.json").write_text(json.dumps(before), encoding="utf-8")
    result = dbtRunner().invoke(
        [
            *("--no-version-check", "--quiet", "--partial-parse", "ls", "--resource-type", "model", "--output", "name"),
            *("--select", "state:modified+", "--state", str(tmp_path)),
            *("--project-dir", str(PROJECT), "--profiles-dir", str(PROFILE)),
            *("--target-path", str(parsed), "--log-path", str(tmp_path / "logs")),
        ]
    )
    assert result.success, result.exception
    reached, waiting = set(), [CHANGED]
    while waiting:
        one = waiting.pop()
        if one.startswith("model.") and one not in reached:
            reached.add(one)
            waiting += manifest["child_map"][one]
    assert set(result.result) == {one.split(".", 2)[2] for one in reached}
    assert {"fct_alert", "fct_prohibitions_by_year", "dandi_teachers"} <= set(result.result)
    assert "fct_route" not in result.result
