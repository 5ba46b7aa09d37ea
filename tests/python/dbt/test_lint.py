"""The models pass sqlfluff with its rules on; what is excepted stands in .sqlfluff with its reason."""

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]


def test_no_rule_is_switched_off() -> None:
    text = (PROJECT / ".sqlfluff").read_text(encoding="utf-8")
    settings = configparser.ConfigParser()
    settings.read_string(text)
    assert "exclude_rules" not in settings["sqlfluff"]
    assert settings["sqlfluff"].get("rules", "all") == "all"
    assert "models" not in (PROJECT / ".sqlfluffignore").read_text(encoding="utf-8")


def test_no_model_switches_a_rule_off_for_itself() -> None:
    noqa = re.compile(r"noqa", re.IGNORECASE)
    assert not [p.name for p in (PROJECT / "models").rglob("*.sql") if noqa.search(p.read_text(encoding="utf-8"))]


@pytest.mark.slow
def test_models_are_clean() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "sqlfluff", "lint", "--disable-progress-bar", "models"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-1000:]
    assert "PASS" in run.stdout or "All Finished" in run.stdout
