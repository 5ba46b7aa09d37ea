"""The one printer of findings: for a person a line each with the next command under it, for machines a list."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from warehouse.cli.output import out, styled
from warehouse.core.finding import Finding
from warehouse.core.hostile import visible

_MARKS = {"ok": ("✓", "green"), "warning": ("•", "yellow"), "failed": ("✗", "red")}
_INDENT = "    "
_WIDEST = 28
"""A code that is longer does not push the texts of all others to the right."""


def as_json(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Findings as `--json` prints them."""
    return [finding.as_dict() for finding in findings]


def print_findings(findings: Sequence[Finding], *, named: bool = True) -> None:
    """Print findings, folded to a terminal's width; a pipe gets whole lines.

    Args:
        named: whether each line begins with the finding's code, in a column.
    """
    column = max((len(finding.code) for finding in findings if len(finding.code) <= _WIDEST), default=0)
    for finding in findings:
        name = f"{finding.code:<{column}}  " if named else ""
        text = f"{finding.what} {finding.meaning}" if finding.meaning else finding.what
        first, *rest = folded(f"{name}{text}", "  ", _INDENT)
        out.print(styled(*_MARKS[finding.state]), " ", first.lstrip())
        if finding.next_command:
            rest += folded(f"Next: {finding.next_command}", _INDENT, _INDENT + " " * 6)
        for line in rest:
            out.print(line)


def folded(text: str, first: str, rest: str) -> list[str]:
    """A text as lines that a terminal's width holds, with what stands before the first and before each other one."""
    if not out.is_terminal:
        return [first + text]
    return textwrap.wrap(
        visible(text),
        width=out.width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
