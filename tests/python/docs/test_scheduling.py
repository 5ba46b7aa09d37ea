"""The example units of docs/scheduling/: each is valid, runs at one time in London, and knows what passes by itself."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from tests.python.core.test_errors import kinds
from warehouse.core.errors import AlreadyRunning
from warehouse.core.settings import PROJECT

FOLDER = PROJECT / "docs" / "scheduling"
PROGRAM = "/opt/teaching-record-warehouse/.venv/bin/warehouse"
BASH = shutil.which("bash") or "/bin/bash"
PASSES = {kind.exit_code for kind in kinds() if kind.passes}


def text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def unit(name: str) -> dict[str, list[str]]:
    """The directives of a unit; one may be there several times."""
    found: dict[str, list[str]] = {}
    for line in text(name).splitlines():
        key, is_directive, value = line.partition("=")
        if is_directive and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def cronjob() -> Any:
    return yaml.safe_load(text("cronjob.yaml"))


def wrong(document: Any) -> list[str]:
    schema = json.loads(text("cronjob.schema.json"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return [str(error.json_path) for error in jsonschema.Draft202012Validator(schema).iter_errors(document)]


def test_the_page_says_when_to_use_each() -> None:
    files = {path.name for path in FOLDER.iterdir()} - {"README.md", "cronjob.schema.json"}
    table = text("README.md").split("## Which one")[1].split("\n## ")[0]
    assert set(re.findall(r"\]\(([a-z.-]+)\)", table)) == files


def test_the_cronjob_is_what_kubernetes_takes() -> None:
    assert wrong(cronjob()) == []
    spec = cronjob()["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    volumes = {volume["name"] for volume in spec["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes


def _misspelt(document: Any) -> None:
    document["spec"]["concurencyPolicy"] = document["spec"].pop("concurrencyPolicy")


def _at_a_wrong_level(document: Any) -> None:
    document["spec"]["backoffLimit"] = document["spec"]["jobTemplate"]["spec"].pop("backoffLimit")


def _number_for_text(document: Any) -> None:
    document["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = 5


def _restarted(document: Any) -> None:
    document["spec"]["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] = "OnFailure"


def _four_fields(document: Any) -> None:
    document["spec"]["schedule"] = "0 3 * *"


@pytest.mark.parametrize("change", [_misspelt, _at_a_wrong_level, _number_for_text, _restarted, _four_fields])
def test_the_schema_refuses(change: Callable[[Any], None]) -> None:
    document = cronjob()
    change(document)
    assert wrong(document)


def test_what_passes_by_itself_is_tried_again_and_nothing_else_is() -> None:
    again = unit("warehouse.service")["RestartForceExitStatus"]
    assert {int(code) for code in again[0].split()} == PASSES - {AlreadyRunning.exit_code}
    assert unit("warehouse.service")["SuccessExitStatus"] == [str(AlreadyRunning.exit_code)]
    (rule,) = cronjob()["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    assert (rule["action"], rule["onExitCodes"]["operator"]) == ("FailJob", "NotIn")
    assert set(rule["onExitCodes"]["values"]) == PASSES
    told = text("README.md").split("## Exit codes")[1].split("\n## ")[0]
    assert PASSES | {0} == {int(code) for code in re.findall(r"\b\d+\b", told)}


def test_each_runs_at_three_in_london() -> None:
    assert unit("warehouse.timer")["OnCalendar"] == ["*-*-* 03:00:00 Europe/London"]
    assert (cronjob()["spec"]["schedule"], cronjob()["spec"]["timeZone"]) == ("0 3 * * *", "Europe/London")
    lines = text("crontab").splitlines()
    assert "CRON_TZ=Europe/London" in lines and lines[-1].startswith("0 3 * * * ")
    workflow = yaml.safe_load(text("github-actions.yml"))
    # YAML 1.1 takes the key `on` for true.
    assert workflow[True]["schedule"] == [{"cron": "0 3 * * *"}] and "UTC" in text("github-actions.yml")
    assert workflow["permissions"] == {} and workflow["concurrency"]["cancel-in-progress"] is False
    assert "self-hosted" in workflow["jobs"]["run"]["runs-on"]


@pytest.mark.parametrize("name", ["warehouse.service", "crontab", "cronjob.yaml", "github-actions.yml"])
def test_each_calls_the_whole_job(name: str) -> None:
    said = text(name)
    assert "warehouse run" in said or cronjob()["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0][
        "args"
    ] == ["warehouse", "run"]


@pytest.mark.parametrize("code", [0, 40, 34])
def test_the_workflow_and_the_shell_agree_on_exit_codes(code: int, tmp_path: Path) -> None:
    """The step of the workflow, with a program in the place of ours that ends with a code."""
    (step,) = yaml.safe_load(text("github-actions.yml"))["jobs"]["run"]["steps"]
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    program = tmp_path / ".venv" / "bin" / "warehouse"
    program.write_text(f"#!/bin/sh\nexit {code}\n")
    program.chmod(0o700)
    (tmp_path / "environment").write_text("X=1\n")
    script = step["run"].replace("/opt/teaching-record-warehouse", str(tmp_path))
    script = script.replace("/etc/teaching-record-warehouse/environment", str(tmp_path / "environment"))
    done = subprocess.run([BASH, "-e", "-o", "pipefail", "-c", script], check=False, capture_output=True)
    assert done.returncode == (0 if code == AlreadyRunning.exit_code else code)


def test_systemd_takes_the_units(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        with capsys.disabled():
            print("\nNOT VERIFIED: this machine has no systemd-analyze, so docs/scheduling/*.service is only read.")
        return
    assert PROGRAM in text("warehouse.service")
    for name in ("warehouse.service", "warehouse.timer"):
        # It looks whether the program is there.
        (tmp_path / name).write_text(text(name).replace(PROGRAM, sys.executable))
    verify = [analyze, "verify", "--man=no", str(tmp_path / "warehouse.timer")]
    done = subprocess.run(verify, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    told = subprocess.run(
        [analyze, "calendar", unit("warehouse.timer")["OnCalendar"][0]],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    # What is not allowed it says, and ends with 0 all the same.
    broken = (tmp_path / "warehouse.service").read_text().replace("Type=exec", "Type=oneshot")
    (tmp_path / "warehouse.service").write_text(broken)
    done = subprocess.run(verify, check=False, capture_output=True, text=True)
    assert "allowed for Type=oneshot" in done.stderr
