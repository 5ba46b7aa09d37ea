"""Work that threads share: the first failure, or Ctrl-C, stops them all."""

from __future__ import annotations

import threading
from collections.abc import Callable

_LOOK_SECONDS = 0.2
"""So often the waiting thread wakes up, because Ctrl-C reaches only a thread that is awake."""

_END_SECONDS = 30


def run_together(work: Callable[[], None], count: int, *, name: str, stop: Callable[[], None]) -> None:
    """Run `work` in `count` threads and wait for all.

    Args:
        name: of the threads.
        stop: tells every thread to end; called at the first failure, possibly more than once.

    Raises:
        BaseException: of the first thread that failed, or KeyboardInterrupt; the others have been told to stop.
    """
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread, which raises it
            failures.append(error)
            stop()

    threads = [threading.Thread(target=guarded, name=f"{name}-{n}", daemon=True) for n in range(count)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(_LOOK_SECONDS)
    except BaseException:
        stop()
        for thread in threads:
            thread.join(_END_SECONDS)
        raise
    if failures:
        raise failures[0]
