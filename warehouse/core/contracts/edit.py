"""Changes to a YAML file that leave every other byte of it as a person wrote it: comments, order, quotes, indentation.

A library that loads and writes the whole file again keeps comments too, but moves those behind a value that it
replaces and lays out the rest in its own way (docs/adr/0026). So a value is replaced in its place.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import yaml

_WIDTH = 112
"""Of a line of text, with its indentation."""


class CannotEdit(ValueError):
    """A place that cannot be changed without changing another; its text says why."""


@dataclass(frozen=True)
class _Piece:
    start: int
    end: int
    text: str


class Editor:
    """Gathers the changes to one file.

    Args:
        text: of the file.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._pieces: list[_Piece] = []

    def set(self, mapping: yaml.MappingNode, key: str, value: str, after: tuple[str, ...], *, prose: bool) -> None:
        """Give a key of a mapping a value; a key that is not there is put behind the last one of `after` that is.

        Args:
            prose: whether the value is a text to be folded over lines; a word follows its key.

        Raises:
            CannotEdit: the mapping is written in braces, or the value is an alias of one in another place.
        """
        if mapping.flow_style:
            raise CannotEdit("is written in braces: write each key on a line of its own")
        column = mapping.start_mark.column
        pairs = {name.value: (name, given) for name, given in mapping.value}
        if key in pairs:
            name, given = pairs[key]
            if given.start_mark.index < name.end_mark.index:
                raise CannotEdit(f"has an alias as its {key}: write the value itself")
            self._replace(given, self._folded(value, column) if prose else value, prose=prose)
            return
        found = [one for one in after if one in pairs]
        if not found:
            raise CannotEdit(f"has none of {', '.join(after)}")
        end = self._end_of_line(self._end(pairs[found[-1]][1]))
        line = f"{' ' * column}{key}: {self._folded(value, column) if prose else value}"
        self._pieces.append(_Piece(end, end, self._newline + line))

    def text(self) -> str:
        """The file with the changes."""
        text = self._text
        # From the end, so that places stay what they are; behind one key what was asked for first comes first.
        for _, piece in sorted(enumerate(self._pieces), key=lambda one: (one[1].start, one[0]), reverse=True):
            text = text[: piece.start] + piece.text + text[piece.end :]
        return text

    def _replace(self, given: yaml.Node, new: str, *, prose: bool) -> None:
        start, end = given.start_mark.index, self._end(given)
        is_block = isinstance(given, yaml.ScalarNode) and given.style in ("|", ">")
        if is_block:
            sign, hash_mark, comment = self._text[start : self._end_of_line(start)].partition("#")
            behind = " " * (len(sign) - len(sign.rstrip())) + hash_mark + comment
        else:
            behind = self._text[end : self._end_of_line(end)] if prose else ""
            end += len(behind)
        # A comment behind a value must not become part of a folded text, so it goes behind the sign that begins it.
        head, newline, lines = new.partition(self._newline)
        self._pieces.append(_Piece(start, end, head + (behind.rstrip() if behind.strip() else "") + newline + lines))

    def _end(self, node: yaml.Node) -> int:
        """Where a value ends, without the empty lines that a folded text takes for its own."""
        start, end = node.start_mark.index, node.end_mark.index
        return int(start + len(self._text[start:end].rstrip()))

    def _end_of_line(self, position: int) -> int:
        end = self._text.find("\n", position)
        end = len(self._text) if end < 0 else end
        return end - 1 if self._text[end - 1 : end] == "\r" else end

    def _folded(self, text: str, column: int) -> str:
        indent = " " * (column + 2)
        lines = textwrap.wrap(
            text,
            _WIDTH,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        return self._newline.join([">-", *lines])
