"""The rooms of the project and who may look into which (docs/adr/0001-layout.md)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from warehouse.core.settings import PROJECT

STAGES = ("replicate", "land", "marts", "deliver", "erase", "query")


def imports(file: Path) -> Iterator[str]:
    """The modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def python_files(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((PROJECT / folder).rglob("*.py"))]


def test_no_random_test_depends_on_the_speed_of_the_machine() -> None:
    """The profile in conftest.py has no deadline and no check of slow examples; a test's own settings replace it."""
    for file in python_files("tests"):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            for word in call.keywords if isinstance(call, ast.Call) else []:
                where = f"{file.name}:{call.lineno}"
                if word.arg == "deadline" and isinstance(word.value, ast.Constant):
                    assert word.value.value is None, where
                if word.arg == "suppress_health_check":
                    named = ast.unparse(word.value)
                    assert "too_slow" in named or named == "list(HealthCheck)", where


@pytest.mark.parametrize("stage", [stage for stage in STAGES if (PROJECT / "warehouse" / stage).exists()])
def test_a_stage_imports_no_other_stage(stage: str) -> None:
    others = [f"warehouse.{other}" for other in (*STAGES, "jobs", "cli") if other != stage]
    found = [
        (file.name, module)
        for file in python_files(f"warehouse/{stage}")
        for module in imports(file)
        if any(module == other or module.startswith(f"{other}.") for other in others)
    ]
    assert found == []


def test_jobs_know_no_command() -> None:
    """A job puts stages together; only the command line is above it."""
    found = [
        (file.name, module)
        for file in python_files("warehouse/jobs")
        for module in imports(file)
        if module.startswith("warehouse.cli")
    ]
    assert found == []


def test_core_knows_no_stage() -> None:
    found = [
        (file.name, module)
        for file in python_files("warehouse/core")
        for module in imports(file)
        if module.startswith("warehouse.") and not module.startswith("warehouse.core")
    ]
    assert found == []


def test_the_engine_never_imports_the_sandbox() -> None:
    found = [
        (str(file), module)
        for file in python_files("warehouse")
        for module in imports(file)
        if module.split(".")[0] in ("sandbox", "bench", "mutants", "tests")
    ]
    assert found == []


@pytest.mark.parametrize(
    "place",
    [
        "replication",
        "feeds",
        "models",
        "seeds",
        "macros",
        "tests",
        "exports",
        "warehouse",
        "sandbox",
        "bench",
        "mutants",
        "docs/adr",
        "docs/runbooks",
        "dbt_project.yml",
        "profiles.example.yml",
    ],
)
def test_the_rooms_are_there(place: str) -> None:
    assert (PROJECT / place).exists()


_TEXT_IN_ORDER = re.compile(r"(?:select|,)\s+(?:\w+\.)?(\w+)::text\b(?!::| as)[^;]{0,400}?order by \1\b(?!\.)")


def test_no_query_orders_by_the_text_of_a_number() -> None:
    """`select xid::text … order by xid` sorts the text, '913' after '1269'; with its table's name it is the column."""
    assert _TEXT_IN_ORDER.search("select xid::text from ledger.transactions order by xid desc")
    found = [
        f"{file}: {match[1]}"
        for top in ("warehouse", "sandbox", "bench", "mutants", "macros", "models")
        for file in (PROJECT / top).rglob("*")
        if file.suffix in (".py", ".sql")
        for match in _TEXT_IN_ORDER.finditer(file.read_text(encoding="utf-8"))
    ]
    assert found == []


_WRITES_TRANSACTIONS = re.compile(
    r"(?:insert\s+into|update|delete\s+from|merge\s+into|truncate|copy)\s+ledger\.transactions\b"
)


def test_one_file_writes_the_transaction_ledger() -> None:
    """Every version of history has its times from this table, so what is written to it stands in one place."""
    written = [
        str(file.relative_to(PROJECT))
        for file in python_files("warehouse")
        if _WRITES_TRANSACTIONS.search(file.read_text(encoding="utf-8"))
    ]
    assert written == ["warehouse/replicate/history/transactions.py"]


def test_no_room_of_replication_imports_upwards() -> None:
    """A room stands one floor above the highest that it imports: so none imports one that imports it, and seven do."""
    base = PROJECT / "warehouse" / "replicate"
    imported: dict[str, set[str]] = {}
    for file in python_files("warehouse/replicate"):
        room = file.relative_to(base).parts[0].removesuffix(".py")
        if room != "__init__":
            known = (module.split(".")[2] for module in _modules(file) if module.startswith("warehouse.replicate."))
            imported.setdefault(room, set()).update(known)
    floors: list[set[str]] = []
    left = {room: (of & imported.keys()) - {room} for room, of in imported.items()}
    while left:
        lowest = {room for room, of in left.items() if not of & left.keys()}
        assert lowest, f"these import each other: {left}"
        floors.append(lowest)
        left = {room: of for room, of in left.items() if room not in lowest}
    assert len(floors) <= 7, floors


def _modules(file: Path) -> Iterator[str]:
    """The modules that a file imports, with the names that it imports from each as modules of it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


LONGEST = 400
LONGER = {
    "tests/python/replicate/states.py": "one list of every state, each a few lines, walked as one",
    "tests/python/sandbox/population/rules.sql": "one list of rules, each a query",
    "tests/python/test_main_job.py": "one world lives through it from the first run to the last",
    "warehouse/core/ledger/migrations/0001_ledger.sql": "a migration that ran somewhere is never changed",
    "warehouse/core/lineage/query.py": "the clauses of one statement, which refer to each other",
}
"""The files that are longer, each with its reason. A file that is not longer any more loses its line."""


def test_a_file_is_of_a_length_that_a_reader_can_hold() -> None:
    """Also of SQL; of models and their YAML see tests/python/dbt/test_layers.py. Lists of data have no such length."""
    folders = ("warehouse", "sandbox", "docs", "bench", "tests", "mutants", "macros", "models", "seeds", "requirements")
    found = {
        file.relative_to(PROJECT).as_posix(): len(file.read_text(encoding="utf-8").splitlines())
        for folder in folders
        for ending in ("py", "sql", "sh")
        for file in (PROJECT / folder).rglob(f"*.{ending}")
    }
    assert len(found) > 1_000, "the files are not where this test looks"
    assert {name for name, lines in found.items() if lines > LONGEST} == LONGER.keys()
