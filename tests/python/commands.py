"""The `warehouse` command in a process of its own, which does not have to import everything again.

Python's own fork server has imported what commands need, dbt and Great Expectations among it: a command begins in some
milliseconds of CPU instead of 2 seconds, and a run that builds and delivers in as many instead of 11. All else is as in
a process that a shell started: arguments, environment, folder, standard streams, exit code.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.python.forked import PROCESSES

COMMAND = str(Path(sys.executable).with_name("warehouse"))

_OF_THE_INTERPRETER = ("LANG", "LC_", "PYTHON")
"""Variables that Python reads when it starts: what is called with other ones needs a process that starts."""


def run(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], input: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as `subprocess.run` would.

    Args:
        folder: in which it is called.
        environment: all of it: nothing of the caller's is added.
        input: what it reads from standard input.
    """
    if _of_interpreter(environment) != _of_interpreter(os.environ):
        return subprocess.run(
            [COMMAND, *arguments],
            cwd=folder,
            env=dict(environment),
            input=input,
            capture_output=True,
            text=True,
            check=False,
        )
    with tempfile.TemporaryDirectory(prefix="trw-said-") as place:
        streams = [Path(place, name) for name in ("in", "out", "err")]
        streams[0].write_text(input, encoding="utf-8")
        process = PROCESSES.Process(target=_be_the_command, args=(list(arguments), folder, dict(environment), streams))
        process.start()
        process.join()
        said = [path.read_text(encoding="utf-8") for path in streams[1:]]
        assert process.exitcode is not None
        return subprocess.CompletedProcess([COMMAND, *arguments], process.exitcode, *said)


def _of_interpreter(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_OF_THE_INTERPRETER)}


def _be_the_command(arguments: list[str], folder: Path, environment: dict[str, str], streams: list[Path]) -> None:
    """In the child: become what a shell would have started."""
    for number, path in enumerate(streams):
        opened = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - they stay open to the end
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.argv = [COMMAND, *arguments]

    from warehouse.cli.entry import main

    try:
        main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
