"""Ctrl-C: a request that a library swallowed still ends the command at its next step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from warehouse.cli import interrupt, main
from warehouse.cli.output import TerminalProgress
from warehouse.core.errors import BuildFailed, Interrupted, UnexpectedFailure


@pytest.fixture(autouse=True)
def _handlers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(interrupt, "_requested", False)
    interrupt.install()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_swallowed_request_is_not_lost(number: signal.Signals) -> None:
    progress = TerminalProgress(quiet=True)
    with progress.stage("one"):
        progress.say("at work")
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)
    with pytest.raises(KeyboardInterrupt), progress.stage("two"):
        pytest.fail("the next step must not begin")


@pytest.mark.parametrize(
    "made_of_it",
    [
        ImportError("initialization failed"),
        BuildFailed("dbt could not run", meaning="None was built.", next_command="-"),
    ],
    ids=["compiled code", "dbt"],
)
def test_a_request_that_became_another_exception_is_still_ctrl_c(
    made_of_it: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: object, **__: object) -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            raise made_of_it from None

    monkeypatch.setattr(main, "app", stopped)
    assert main._main(["build"]) == Interrupted.exit_code
    assert "continues where it stopped" in capsys.readouterr().err


def test_the_driver_says_nothing_of_what_ctrl_c_cut_off() -> None:
    """In a process of its own: pytest's own handler of logs would hear it."""
    said = "interrupt.install(); logging.getLogger('psycopg').warning('error ignored in rollback')"
    done = subprocess.run(
        [sys.executable, "-c", f"import logging; from warehouse.cli import interrupt; {said}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""


def test_without_a_request_it_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> None:
        raise ImportError

    monkeypatch.setattr(main, "app", failing)
    assert main._main(["build"]) == UnexpectedFailure.exit_code
