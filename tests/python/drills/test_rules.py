"""What makes a test a drill: it is random only by its seed, is marked slow, and ends by proving content and history."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

FILES = [file for file in sorted(Path(__file__).parent.glob("test_*.py")) if file != Path(__file__)]
PROOFS = {"finish", "finish_with_gap", "prove_content", "prove_history"}
ELSEWHERE = {"test_full_disk": "the drill runs inside the small disk (inside_small_disk.py), and proves there"}


def drills(file: Path) -> list[ast.FunctionDef]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


def called(node: ast.AST) -> list[ast.Call]:
    return [call for call in ast.walk(node) if isinstance(call, ast.Call)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_drill_ends_by_proving_content_and_history(file: Path) -> None:
    for drill in drills(file):
        proved = {ast.unparse(call.func).removeprefix("drill.") for call in called(drill)} & PROOFS
        assert proved or drill.name in ELSEWHERE, f"{file.name}: {drill.name} proves nothing"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_drill_can_be_played_again_from_its_seed(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for call in called(tree):
        name = ast.unparse(call.func)
        assert name != "random.Random" or "seed" in ast.unparse(call), f"{file.name}:{call.lineno}: not by the seed"
        assert not name.startswith("random.") or name == "random.Random", f"{file.name}:{call.lineno}: not by the seed"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_drill_is_marked_slow(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert "\npytestmark = pytest.mark.slow\n" in text or "pytestmark = [pytest.mark.slow" in text, file.name


def test_what_a_drill_shows_is_listed() -> None:
    listed = "".join(
        (Path(__file__).parents[1] / "replicate" / name).read_text(encoding="utf-8")
        for name in ("guards.csv", "pains.csv")
    )
    missing = [f"{file.name}::{drill.name}" for file in FILES for drill in drills(file)]
    assert [name for name in missing if f"drills/{name}" not in listed] == [], "add a row to replicate/guards.csv"
