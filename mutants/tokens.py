"""A model's SQL cut into tokens, with Jinja, comments and texts each in one piece that nothing looks into."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"""
    (?P<jinja>\{\#.*?\#\}|\{\{.*?\}\}|\{%.*?%\})
  | (?P<comment>--[^\n]*|/\*.*?\*/)
  | (?P<text>'(?:[^']|'')*'|"[^"]*")
  | (?P<word>[A-Za-z_][A-Za-z_0-9.]*)
  | (?P<number>[0-9]+(?:\.[0-9]+)?)
  | (?P<operator><>|!=|<=|>=|\|\||=|<|>)
  | (?P<sign>[^\s])
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """A piece of SQL and where it stands; `depth` counts the brackets around it."""

    kind: str
    text: str
    start: int
    end: int
    depth: int

    @property
    def lower(self) -> str:
        return self.text.lower()

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.lower in words

    def is_sign(self, *signs: str) -> bool:
        return self.kind == "sign" and self.text in signs


def tokens_of(sql: str) -> list[Token]:
    """The tokens of a model before Jinja has run, without comments and without Jinja that renders nothing."""
    found: list[Token] = []
    depth = 0
    for match in _TOKEN.finditer(sql):
        kind, text = str(match.lastgroup), match.group()
        if kind == "comment" or (kind == "jinja" and not text.startswith("{{")):
            continue
        if text == ")":
            depth -= 1
        found.append(Token(kind, text, match.start(), match.end(), depth))
        if text == "(":
            depth += 1
    return found
