"""What is left out of dbt's work during a build: nothing that anybody reads, and only for that long."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from warehouse.marts.lighter_dbt import BEGUN, DONE, freeze, lighter

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


SQL = "{% set own = 5 %}{{ own }} {{ number }} {{ twice(number) }} {{ range(2) | list }} {{ nothing }}"


def test_names_of_sql_are_looked_up_in_one_dictionary() -> None:
    """And mean what they mean to dbt: what the template sets, its surroundings, what Jinja knows, in this order."""
    from dbt_common.clients.jinja import get_template

    def rendered_in(names: dict[str, Any]) -> tuple[str, type]:
        template = get_template(SQL, names)
        return template.render(names), type(template.new_context(names).parent)

    def names() -> dict[str, Any]:
        return {"number": 7, "own": 6, "twice": lambda number: 2 * number}

    as_it_comes, several = rendered_in(names())
    assert several.__name__ == "ChainMap", "dbt looks in one dictionary by itself: what is left out here can go"
    with lighter():
        assert rendered_in(names()) == (as_it_comes, dict)
        assert rendered_in(names() | {"range": lambda number: [number]})[0] == as_it_comes.replace("[0, 1]", "[2]")
    assert as_it_comes == "5 7 14 [0, 1] "
    assert rendered_in(names()) == (as_it_comes, several)


def test_an_event_is_made_when_something_reads_it() -> None:
    from dbt.events.types import MainEncounteredError

    as_it_comes = MainEncounteredError(exc="an error").to_dict()
    with lighter():
        event = MainEncounteredError(exc="an error")
        assert "pb_msg" not in vars(event)
        assert (event.exc, event.to_dict()) == ("an error", as_it_comes)
        event.exc = "another"
        assert event.message().endswith("another")
        unread = MainEncounteredError(exc="written first")
        unread.exc = "another"
        assert unread.exc == "another"
    assert "pb_msg" in vars(MainEncounteredError(exc="an error"))


def test_a_text_is_compiled_once() -> None:
    from dbt_common.clients import jinja

    compiled = list[str]()
    own = jinja.MacroFuzzEnvironment._compile

    def count(self: Any, source: str, filename: str) -> Any:
        compiled.append(filename)
        return own(self, source, filename)

    jinja.MacroFuzzEnvironment._compile = count  # type: ignore[method-assign]
    try:
        with lighter():
            answers = [jinja.get_template(SQL, {"number": n, "twice": str}).render({}) for n in (1, 2)]
            assert answers == ["5 1 1 [0, 1] ", "5 2 2 [0, 1] "]
            assert len(compiled) == 1
            assert jinja.get_template("{{ number }}", {}, native=True).render({"number": 3}) == 3
            assert len(compiled) == 2
    finally:
        jinja.MacroFuzzEnvironment._compile = own  # type: ignore[method-assign]


def test_types_of_an_answer_are_guessed_as_before() -> None:
    from dbt_common.clients import agate_helper

    def types() -> list[str]:
        rows = [["1", "2026-09-30", "true", "null"], [None, None, None, "x"]]
        table = agate_helper.table_from_rows(rows, ["a", "b", "c", "d"], text_only_columns=["d"])
        return [f"{type(one).__name__} {values}" for one, values in zip(table.column_types, table.columns, strict=True)]

    def tester() -> object:
        return vars(agate_helper)["build_type_tester"](["d"], string_null_values=())

    as_it_comes = types()
    with lighter():
        assert types() == as_it_comes
        assert tester() is tester()
    assert tester() is not tester()


def test_garbage_is_looked_for_as_before_afterwards() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    with lighter():
        freeze()
        assert gc.get_threshold() > before
        assert gc.get_freeze_count() > frozen
        assert gc.isenabled()
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)
