"""Ctrl-C: a request that a library swallowed still ends the command at its next step."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from warehouse.cli import interrupt
from warehouse.cli.output import TerminalProgress


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
