"""What a person reads is in plain English: without the phrases below, each with what to write instead.

Read are the docs, the help of the commands, messages (the string literals of the program), and what models and
contracts say of their columns. An exception is a row with a reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from warehouse.core.settings import PROJECT

PHRASES: Final = {
    r"\b(go|goes|going|gone|went) on\b(?! (day|strike))": "continue, resume, still",
    r"\banew\b": "again, or say what is written: rewritten",
    r"\btold\b": "reported, shown, known; of rows: identified",
    r"\bis told\b|\bare told\b": "is reported",
    r"\btells? (of|apart|which|why|when|who|what|whether)\b": "says, shows, reports",
    r"\bmend(s|ed|ing)?\b": "repair, correct",
    r"\bstands? beside\b|\bstands? in the way\b": "conflicts with, blocks",
    r"\bforesaw\b|\bunforeseen\b": "unexpected",
    r"\b(the|an) engine\b|\bthe engine's\b": "PostgreSQL, or dbt, or the program",
    r"\bfor our sake\b": "because of our slot",
    r"\bup in words\b": "with a message",
    r"\blet(s|ting)? go of\b": "release",
    r"\bat work (on|in|here)\b": "in progress, working on",
    r"\bas the source has (them|it)\b": "as at the source; restores from the source",
    r"\bnobody of us\b|\bnobody has (classified|said|guarded)\b": "it is not classified yet; say what is missing",
    r"\b(there or here|here or there)\b": "in either database",
    r"\bsees? to it\b": "corrects it",
    r"\bnot to be found\b|\bto be had\b": "cannot be found",
    r"\bdear(er)?\b": "slow, costly",
}
"""What is no longer written, as regular expressions, with what to write instead."""

EXCEPTIONS: Final[dict[tuple[str, str], str]] = {
    ("CONTRIBUTING.md", "the engine"): "names a phrase that is not to be used",
}
"""File and words that may stay, with the reason."""

DOCS: Final = [
    *sorted((PROJECT / "docs").rglob("*.md")),
    *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "exports/README.md", "feeds/README.md")),
    *(PROJECT / name for name in ("sandbox/README.md", "bench/README.md", "mutants/README.md")),
]
MODELS: Final = [
    file
    for pattern in ("models/**/*.yml", "models/**/*.md", "seeds/*.yml", "exports/**/*.yaml", "replication/*.yml")
    for file in sorted(PROJECT.glob(pattern))
]
PROGRAM: Final = [
    *sorted((PROJECT / "warehouse").rglob("*.py")),
    *(PROJECT / name for name in ("sandbox/cli.py", "docs/reference.py", "tests/python/replicate/guards.csv")),
]


def messages(file: Path) -> Iterator[tuple[int, str]]:
    """The string literals of a module with their lines, and the docstrings of commands, which are their help."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            skipped.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(value) for value in node.values}
            parts = (value.value if isinstance(value, ast.Constant) else "{}" for value in node.values)
            yield node.lineno, "".join(map(str, parts))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.lineno, node.value
        if isinstance(node, ast.FunctionDef) and "cli" in file.parts:
            yield node.lineno, ast.get_docstring(node) or ""


def passages(file: Path) -> Iterator[tuple[int, str]]:
    if file.suffix == ".py":
        yield from messages(file)
        return
    text = file.read_text(encoding="utf-8")
    if file.suffix in (".yml", ".yaml"):
        text = re.sub(r"^\s*#", "", text, flags=re.M)
    if file.suffix == ".md":
        # Blocks of code and names of files and tests are no prose.
        text = re.sub(r"```.*?```", lambda block: "\n" * block[0].count("\n"), text, flags=re.S)
        text = re.sub(r"`[^`\n]*`|\]\([^)\n]*\)", "", text)
    yield from enumerate(re.split(r"\n\s*\n", text))


@pytest.mark.parametrize("file", [*DOCS, *MODELS, *PROGRAM], ids=lambda file: str(file.relative_to(PROJECT)))
def test_a_person_reads_plain_english(file: Path) -> None:
    name = str(file.relative_to(PROJECT))
    found = [
        f"{name}:{place}: “{' '.join(match[0].split())}” – write: {instead}"
        for place, passage in passages(file)
        for phrase, instead in PHRASES.items()
        for match in re.finditer(phrase, " ".join(passage.split()), re.I)
        if (name, match[0].lower()) not in EXCEPTIONS
    ]
    assert found == []


def test_every_exception_is_needed() -> None:
    for (name, words), reason in EXCEPTIONS.items():
        text = " ".join((PROJECT / name).read_text(encoding="utf-8").split()).lower()
        assert words in text and reason, f"{name}: {words}"
