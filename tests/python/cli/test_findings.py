"""Findings: their shape for machines, how they are printed, and the error that they become."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from warehouse.cli import findings
from warehouse.cli.output import Printer, TerminalProgress
from warehouse.cli.run import show_found
from warehouse.core.errors import SlotLost, WarehouseError
from warehouse.core.finding import Finding, failed, first_failed, from_error, ok, warning
from warehouse.core.settings import PROJECT
from warehouse.marts.findings import FailedTest

LOST = failed("slot_lost", "The slot is gone.", "warehouse replicate repair", SlotLost, "Changes may be missing.")


def test_the_shape_of_a_finding() -> None:
    """The keys that `--json` prints; docs/runbooks/alerting.md and docs/adr/0031 say so."""
    assert LOST.as_dict() == {
        "code": "slot_lost",
        "state": "failed",
        "what": "The slot is gone.",
        "meaning": "Changes may be missing.",
        "next_command": "warehouse replicate repair",
        "exit_code": 50,
    }
    assert ok("disk", "all free").as_dict()["exit_code"] == 0
    assert warning("disk", "little free", "Make room.").as_dict()["exit_code"] == 0


def test_an_error_and_its_finding_say_the_same() -> None:
    error = LOST.as_error()
    assert isinstance(error, SlotLost)
    assert (error.what, error.meaning, error.next_command) == (LOST.what, LOST.meaning, LOST.next_command)
    assert from_error("slot_lost", error) == LOST


def test_a_finding_without_a_meaning_takes_the_commands() -> None:
    bare = failed("slot_lost", "The slot is gone.", "warehouse replicate repair", SlotLost)
    assert bare.as_error("Nothing was built.").meaning == "Nothing was built."
    assert LOST.as_error("Nothing was built.").meaning == LOST.meaning


def test_the_first_failure_decides() -> None:
    assert first_failed([ok("a", ""), warning("b", ""), LOST, failed("c", "", "", WarehouseError)]) is LOST
    assert first_failed([ok("a", ""), warning("b", "")]) is None


def printed(monkeypatch: pytest.MonkeyPatch, found: list[Finding], *, terminal: bool, named: bool = True) -> list[str]:
    file = io.StringIO()
    out = Printer()
    out.console = Console(
        file=file, force_terminal=terminal, width=80, soft_wrap=True, highlight=False, color_system=None, markup=False
    )
    monkeypatch.setattr(findings, "out", out)
    findings.print_findings(found, named=named)
    return file.getvalue().splitlines()


LONG = warning("migrations of the source", "It refuses [to drop] a column. " * 5, "Run this one. " * 8)


def test_a_pipe_gets_whole_lines_and_a_terminal_folded_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(printed(monkeypatch, [LONG], terminal=False)) == 2
    folded = printed(monkeypatch, [ok("disk", "66 GB free"), LONG], terminal=True)
    assert max(map(len, folded)) <= 80
    assert "[to drop]" in folded[1], "brackets are no markup"
    # The columns are aligned, and what belongs to a finding is indented under it.
    assert folded[0].index("66 GB") == folded[1].index("It refuses")
    assert all(line.startswith("    ") for line in folded[2:])
    assert folded[-1].strip() and not folded[-1].strip().startswith("Next")


def test_a_name_is_left_out_where_the_text_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = printed(monkeypatch, [LOST], terminal=False, named=False)
    assert first == "✗ The slot is gone. Changes may be missing."
    assert second == "    Next: warehouse replicate repair"


FOUND = [
    FailedTest(
        "as_described_x_", "fct_event_change", "change_name", "warning", 12, ["e 1"], "known_code", "unknown (1)"
    ),
    FailedTest("as_described_x_", "fct_event", "event_at", "warning", 1, ["e 1"], "required"),
    FailedTest("relationships_x_alert_type_id", "fct_alert", "alert_type_id", "warning", 1_200, ["a 1"]),
    FailedTest("dq_employment_key_is_unique", "fct_employment", None, "warning", 1, ["k 1"]),
    FailedTest("fct_alert_group_is_unknown_or_says_what_it_does", "fct_alert", None, "warning", 2, []),
]


def test_a_run_says_what_its_build_found_in_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """Model, rows and what is wrong; the keys are for the command that lists the rows."""
    show_found(TerminalProgress(), FOUND)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "  • fct_event_change: 12 rows have a code without a label in change_name: unknown (1)",
        "  • fct_event: 1 row has no event_at",
        "  • fct_alert: 1,200 rows have a value in alert_type_id that leads to no row",
        "  • fct_employment: 1 row breaks the rule: employment key is unique",
        "  • fct_alert: 2 rows break the rule: group is unknown or says what it does",
        "    `warehouse quality` lists the rows",
    ]
    assert max(map(len, lines)) < 100
    show_found(TerminalProgress(), [])
    assert capsys.readouterr().out == ""


def test_there_is_one_finding() -> None:
    """And no error is made of one but by itself: a room that has a finding raises `finding.as_error()`."""
    files = {str(file.relative_to(PROJECT)): file.read_text() for file in (PROJECT / "warehouse").rglob("*.py")}
    assert [name for name, text in files.items() if re.search(r"^class Finding\b", text, re.M)] == [
        "warehouse/core/finding.py"
    ]
    by_hand = re.compile(r"\(\s*(?:finding|reason|check|failure|first|broken)\.what,\s*meaning=")
    assert [name for name, text in files.items() if by_hand.search(text)] == []
