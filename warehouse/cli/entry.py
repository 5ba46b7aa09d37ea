"""Where the `warehouse` command begins. Nothing is imported before Ctrl-C is looked after: imports take a moment."""

from __future__ import annotations

import sys

_INTERRUPTED = 130
"""The exit code of warehouse.core.errors.Interrupted, which may not be imported yet."""


def main() -> None:
    """Run the command line."""
    try:
        from warehouse.cli.main import main as run  # noqa: PLC0415

        run()
    except KeyboardInterrupt:
        sys.stderr.write("Stopped by Ctrl-C before anything was begun. Run the same command again.\n")
        sys.exit(_INTERRUPTED)
