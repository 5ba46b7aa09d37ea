"""The error tree: one exit code for each kind, words that help, and no secret in them."""

from __future__ import annotations

import json
import re

import pytest

from warehouse.cli import main as cli
from warehouse.core import errors
from warehouse.core.errors import WarehouseError
from warehouse.core.settings import PROJECT

RUNBOOK = PROJECT / "docs/runbooks/when-something-fails.md"


def kinds(root: type[WarehouseError] = WarehouseError) -> list[type[WarehouseError]]:
    return [kind for child in root.__subclasses__() for kind in (child, *kinds(child))]


def test_each_kind_has_an_exit_code_of_its_own() -> None:
    codes = [kind.exit_code for kind in kinds()]
    assert len(codes) == len(set(codes))
    assert not {0, 1} & set(codes)


def test_the_docstring_lists_every_kind_with_its_code() -> None:
    lines = (errors.__doc__ or "").splitlines()
    listed = {
        parts[0].strip("├─└│ "): int(parts[1])
        for parts in map(str.split, map(_flat, lines))
        if len(parts) > 1 and parts[1].isdigit()
    }
    assert {kind.__name__: kind.exit_code for kind in kinds()}.items() <= listed.items()


def test_the_runbook_has_a_row_for_every_kind() -> None:
    rows = re.findall(r"^\| (\d[\d–, ]*) \|", RUNBOOK.read_text(encoding="utf-8"), re.M)
    ends = [part.split("–") for row in rows for part in row.split(", ")]
    codes = [code for first, *last in ends for code in range(int(first), int(last[0] if last else first) + 1)]
    assert len(codes) == len(set(codes)), "a code has one row"
    assert {kind.exit_code for kind in kinds()} <= set(codes)


def test_what_passes_by_itself_is_marked() -> None:
    """Retries, `replicate watch` and the drills go by this mark."""
    passing = {kind.__name__ for kind in kinds() if kind.passes}
    assert passing == {"DatabaseUnreachable", "StreamStuck", "WaitedTooLong", "DestinationFull", "AlreadyRunning"}


def _flat(line: str) -> str:
    return line.translate(str.maketrans("", "", "│├└─"))


def test_an_unforeseen_failure_is_told_without_its_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("Ada Lovelace, born 1815-12-10")

    monkeypatch.setattr(cli, "app", fail)
    assert cli._main(["run"]) == errors.UnexpectedFailure.exit_code
    said = capsys.readouterr()
    assert "Lovelace" not in said.out + said.err
    assert "ValueError" in said.err
    assert "Next" in said.err


def test_an_error_is_json_when_asked_for(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise errors.AlreadyRunning("Another.", meaning="This one did nothing.", next_command="Wait.")

    monkeypatch.setattr(cli, "app", fail)
    assert cli._main(["run", "--json"]) == errors.AlreadyRunning.exit_code
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "error": "AlreadyRunning",
        "what": "Another.",
        "meaning": "This one did nothing.",
        "next": "Wait.",
        "exit_code": 40,
        "passes": True,
    }


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["run", "--nonsense"], ["sql"], ["sandbox", "advance", "--days", "0"]]
)
def test_a_wrong_command_line_is_a_usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli._main(arguments) == errors.UsageError.exit_code
    assert "Next" in capsys.readouterr().err


def test_ctrl_c_has_its_own_code_and_words(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app", stop)
    assert cli._main(["run"]) == 130
    assert "continues where it stopped" in capsys.readouterr().err
    assert cli._main(["sql", "select 1"]) == 130
    assert "Run it again" in capsys.readouterr().err
