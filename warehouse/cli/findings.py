"""The one printer of findings: for a person a line each with the next command under it, for machines a list."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from warehouse.cli.output import out, plain
from warehouse.core.finding import Finding

_MARKS = {"ok": "[green]✓[/]", "warning": "[yellow]•[/]", "failed": "[red]✗[/]"}
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
        lines = _folded(f"{name}{text}", "  ", _INDENT)
        out.print(f"{_MARKS[finding.state]} {plain(lines.lstrip())}")
        if finding.next_command:
            out.print(plain(_folded(f"Next: {finding.next_command}", _INDENT, _INDENT + " " * 6)))


def _folded(text: str, first: str, rest: str) -> str:
    if not out.is_terminal:
        return first + text
    return textwrap.fill(
        text,
        width=out.width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
