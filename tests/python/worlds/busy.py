"""A loaded machine: a busy loop for each core, beside whatever is run.

    python -m tests.python.worlds.busy COMMAND...

runs a command beside them, such as a part of the tests: nothing may fail because the machine is slow.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def busy_loops(cores: int | None = None) -> Iterator[None]:
    """Keep every core at work for as long as the block lasts. A loop ends by itself when whoever began it is gone."""
    parent = os.getpid()
    loop = f"import os\nwhile os.getppid() == {parent}: sum(range(100_000))"
    loops = [subprocess.Popen([sys.executable, "-c", loop]) for _ in range(cores or os.cpu_count() or 1)]
    try:
        yield
    finally:
        for one in loops:
            one.kill()
            one.wait()


def main() -> int:
    """Run a command beside busy loops; returns its exit code."""
    with busy_loops():
        return subprocess.run(sys.argv[1:], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
