"""dbt parsed once for all tests of this folder: in process, against a profile that nothing connects to."""

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest
from dbt.cli.main import dbtRunner

from tests.python.dbt import reading
from warehouse.core import fast_yaml

PROJECT: Final = Path(__file__).parents[3]
PROFILE: Final = Path(__file__).parent / "profile"

Node = dict[str, Any]


def invoke(arguments: list[str], target: Path, *, profiles_dir: Path = PROFILE, partial: bool = False) -> None:
    """Run a dbt command in process, with everything it writes in `target`.

    Args:
        partial: parse only what has changed since the last time that this was the target.
    """
    result = dbtRunner().invoke(
        [
            *("--no-version-check", "--quiet", "--partial-parse" if partial else "--no-partial-parse"),
            *arguments,
            *("--project-dir", str(PROJECT), "--profiles-dir", str(profiles_dir)),
            *("--target-path", str(target), "--log-path", str(target / "logs")),
        ]
    )
    assert result.success, result.exception or [r.message for r in getattr(result.result, "results", []) if r.message]


@pytest.fixture(scope="session")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which dbt keeps what it has read: whoever gives it as the target need not read it again."""
    kept = os.environ.get("TRW_DBT_TARGET")
    target = Path(kept) if kept else tmp_path_factory.mktemp("dbt")
    if not kept:
        reading.bring(target)
    invoke(["parse"], target, partial=True)
    return target


@pytest.fixture(scope="session")
def manifest(parsed: Path) -> Node:
    loaded: Node = json.loads((parsed / "manifest.json").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="session")
def models(manifest: Node) -> list[Node]:
    found = [n for n in manifest["nodes"].values() if n["resource_type"] == "model"]
    assert found, "dbt found no model"
    return found


@pytest.fixture(scope="session")
def data_tests(manifest: Node) -> list[Node]:
    return [n for n in manifest["nodes"].values() if n["resource_type"] == "test"]


@pytest.fixture(scope="session")
def replicated() -> dict[str, dict[str, str]]:
    """Class of each replicated column, by table, as replication/trs.yml has it."""
    tables = fast_yaml.safe_load((PROJECT / "replication" / "trs.yml").read_text(encoding="utf-8"))["tables"]
    classes: dict[str, dict[str, str]] = {}
    for table, entry in tables.items():
        if entry.get("replicate") is False:
            continue
        classes[table] = {}
        for column, value in entry["columns"].items():
            detail = value if isinstance(value, dict) else {"class": value}
            if detail["class"] != "secret" and detail.get("replicate") is not False:
                classes[table][column] = detail["class"]
    return classes
