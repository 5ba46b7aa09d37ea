"""What is left out of dbt's work during a build: nothing that anybody reads, and only for that long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from warehouse.marts.lighter_dbt import BEGUN, DONE, lighter

pytestmark = pytest.mark.slow


class Names(dict[str, Any]):
    """The names that a template can use, and how often somebody went through all of them."""

    times = 0

    def __iter__(self) -> Iterator[str]:
        self.times += 1
        return super().__iter__()

    def keys(self) -> Any:
        self.times += 1
        return super().keys()


def rendered(text: str, names: Names, own: dict[str, Any]) -> object:
    from dbt_common.clients.jinja import NativeSandboxEnvironment

    return NativeSandboxEnvironment().from_string(text, globals=names).render(own)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ number }}", 7),
        ("{{ twice(number) }}", 14),
        ("{{ [number, own] }}", [7, "mine"]),
        ("{% set number = 8 %}{{ number }}", 8),
        ("{{ range(2) | list }}", [0, 1]),
        ("count(*) > {{ number }}", "count(*) > 7"),
    ],
)
def test_arguments_of_tests_are_rendered_without_a_copy_of_all_names(text: str, value: object) -> None:
    names, own = Names(number=7, own="theirs", twice=lambda number: 2 * number), {"own": "mine"}
    as_it_comes = rendered(text, names, own)
    before = names.times
    assert before, "dbt copies them no longer: what is left out here can go"
    with lighter():
        assert rendered(text, names, own) == as_it_comes == value
    assert names.times == before
    rendered(text, names, own)
    assert names.times > before


def heard(level: Any = None) -> list[str]:
    """The names of events that a listener hears, of one of each kind."""
    from dbt.events.types import MainEncounteredError, NodeFinished, NodeStart
    from dbt_common.events.event_manager import EventManager
    from dbt_common.events.types import Note

    manager, seen = EventManager(), list[str]()
    manager.add_callback(lambda message: seen.append(message.info.name))
    for event in (NodeStart(), NodeFinished(), MainEncounteredError(exc="an error"), Note(msg="a note")):
        manager.fire_event(event, level)
    return seen


def test_only_messages_of_the_lowest_level_that_nobody_hears_are_left_out() -> None:
    from dbt_common.events.event_manager import EventLevel

    everything = ["NodeStart", "NodeFinished", "MainEncounteredError", "Note"]
    assert heard() == everything
    with lighter():
        assert heard() == ["NodeFinished", "MainEncounteredError", "Note"]
        assert heard(EventLevel.WARN) == everything
    assert heard() == everything
    assert {BEGUN, DONE} == {"ConcurrencyLine", "NodeFinished"}
