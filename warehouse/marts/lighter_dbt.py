"""What dbt does over and over for nobody, left out while a build of ours runs.

Of the processor time of a build with 612 nodes nearly a fifth went into two things: copying every name that a template
could use for each argument of a test, and writing messages of the lowest level for logs that are switched off.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any

BEGUN, DONE = "ConcurrencyLine", "NodeFinished"
"""The events that a build listens to, to count what is done: the first says how much there is."""


@contextlib.contextmanager
def lighter() -> Iterator[None]:
    """Have dbt do less for the same result; as it was afterwards."""
    with _names_not_copied(), _only_events_that_are_heard():
        yield


@contextlib.contextmanager
def _names_not_copied() -> Iterator[None]:
    """Have the templates of arguments look names up where they are, as dbt's templates of SQL do.

    Jinja copies all names of a template's surroundings before it renders it: of dbt's about a thousand, of which an
    argument uses one or none.
    """
    jinja = importlib.import_module("dbt_common.clients.jinja")
    native = jinja.NativeSandboxTemplate
    native.new_context = jinja.MacroFuzzTemplate.new_context
    try:
        yield
    finally:
        del native.new_context


@contextlib.contextmanager
def _only_events_that_are_heard() -> Iterator[None]:
    """Have dbt write no message of its lowest level but those that a build listens to: its logs are off, see `Dbt`."""
    events = importlib.import_module("dbt_common.events.event_manager")
    debug = events.EventLevel.DEBUG
    manager = events.EventManager
    own = manager.fire_event

    def fire_event(self: Any, e: Any, level: Any = None, *arguments: Any, **named: Any) -> None:
        if (level or e.level_tag()) is debug and type(e).__name__ not in (BEGUN, DONE):
            return
        own(self, e, level, *arguments, **named)

    manager.fire_event = fire_event
    try:
        yield
    finally:
        manager.fire_event = own
