"""The docs keep up with the code: every command, setting, exit code, mart and extract, and every link."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from docs.reference import FOLDER, pages
from warehouse.core.settings import PROJECT

PAGES = [
    *sorted(FOLDER.rglob("*.md")),
    *(
        PROJECT / name
        for name in (
            "README.md",
            "CONTRIBUTING.md",
            "feeds/README.md",
            "exports/README.md",
            "sandbox/README.md",
            "bench/README.md",
            "mutants/README.md",
        )
    ),
]


@pytest.fixture(scope="session")
def written() -> dict[str, str]:
    return pages()


@pytest.mark.parametrize("name", pages())
def test_a_reference_page_is_current(name: str, written: dict[str, str]) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == written[name], "run `make docs`"


def test_every_mart_and_extract_has_its_columns_in_the_docs(written: dict[str, str]) -> None:
    for folder in ("marts", "extracts"):
        for file in (PROJECT / "models" / folder).rglob("*.sql"):
            assert f"## `{folder}.{file.stem}`" in written["models.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = [
        target
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []


def _anchor(heading: str) -> str:
    """What a code host makes of a heading: lower case, hyphens for spaces, no other punctuation."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_to_a_heading_find_it(page: Path) -> None:
    broken = []
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        text = (page.parent / target if target else page).read_text(encoding="utf-8")
        if anchor not in {_anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, re.M)}:
            broken.append(f"{target}#{anchor}")
    assert broken == []


def test_the_tests_that_the_readme_names_exist() -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    names = {file.name for file in (PROJECT / "tests" / "python").rglob("test_*.py")}
    for test in re.findall(r"`((?:tests/|test_)[\w/.]*)`", text):
        assert (PROJECT / test).exists() if "/" in test else test in names, test


def test_replication_stays_two_pages_and_a_picture() -> None:
    text = (FOLDER / "replication.md").read_text(encoding="utf-8")
    assert re.findall(r"!\[[^]]+\]\(([^)]+)\)", text) == ["replication.svg"]
    words = len(re.sub(r"[|#*`-]", " ", text).split())
    assert words <= 1250, f"{words} words: move what grows to guards.md, the runbooks or an ADR"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_the_commands_that_a_page_names_exist(page: Path, written: dict[str, str]) -> None:
    known = set(re.findall(r"## `(warehouse [a-z -]+)`", written["commands.md"]))
    groups = {" ".join(command.split()[:2]) for command in known}
    named = re.findall(
        r"(?:^|[`&/ ])(warehouse (?!_)[a-z]+(?: [a-z]+)?)", _code(page.read_text(encoding="utf-8")), re.M
    )
    for command in named:
        words = command.split()
        assert command in known or " ".join(words[:2]) in (known | groups), command


def _code(text: str) -> str:
    """What stands in code: blocks and inline."""
    blocks = re.findall(r"```(?:console|bash|sh)\n(.*?)```", text, re.S)
    inline = re.findall(r"`(warehouse [^`]*)`", text)
    lines = [line.lstrip("$ ") for block in blocks for line in block.splitlines()]
    return "\n".join([line for line in lines if re.match(r"(\.venv/bin/)?warehouse ", line)] + inline)


def test_no_file_names_a_registry_or_a_machine() -> None:
    tracked = subprocess.run(
        ["/usr/bin/env", "git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    hosts = re.compile(
        "|".join(
            (r"\b" + name + r"\.org\b") for name in ("py" + "pi", "python" + "hosted", "npm" + "js", "deb" + "ian")
        )
    )
    for name in tracked.splitlines():
        file = PROJECT / name
        if file.is_file() and file.suffix in (".md", ".py", ".yml", ".yaml", ".toml", ".lock", ".txt", ".sql", ""):
            text = file.read_text(encoding="utf-8", errors="replace")
            assert not hosts.search(text), name
            assert "/ro" + "ot/" not in text, name
