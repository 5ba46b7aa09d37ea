"""What dbt does over and over for nobody, left out while a build of ours runs.

docs/adr/0076-what-a-node-costs.md has what each of these took of a build's processor time.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
from collections.abc import Iterator
from typing import Any

BEGUN, DONE = "ConcurrencyLine", "NodeFinished"
"""The events that a build listens to, to count what is done: the first says how much there is."""


@contextlib.contextmanager
def lighter() -> Iterator[None]:
    """Have dbt do less for the same result; as it was afterwards."""
    with (
        _collected_less_often(),
        _names_looked_up_once(),
        _only_events_that_are_heard(),
        _events_made_when_read(),
        _templates_compiled_once(),
        _type_testers_kept(),
    ):
        yield


def freeze() -> None:
    """Have Python look no more for garbage among what there is now, until `lighter` ends: dbt's project, once read."""
    gc.collect()
    gc.freeze()


@contextlib.contextmanager
def _collected_less_often() -> Iterator[None]:
    """Have Python look for garbage after 30,000 new objects, not 700: reading the project makes millions to keep."""
    before = gc.get_threshold()
    gc.set_threshold(30_000, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextlib.contextmanager
def _names_looked_up_once() -> Iterator[None]:
    """Have the templates of SQL and of arguments look names up in one dictionary.

    Of an argument, Jinja copies all names of its surroundings before it renders it: about a thousand, of which it uses
    one or none. Of SQL, dbt looks in three dictionaries, one after the other, for each name: the surroundings twice,
    and what Jinja itself knows.
    """
    jinja = importlib.import_module("dbt_common.clients.jinja")
    template, native = jinja.MacroFuzzTemplate, jinja.NativeSandboxTemplate
    own = template.new_context

    def new_context(self: Any, vars: Any = None, shared: bool = False, locals: Any = None) -> Any:
        own_names, *_ = maps = getattr(self.globals, "maps", [None])
        if shared or locals or not isinstance(vars, dict) or len(maps) != 2 or (own_names and own_names is not vars):
            return own(self, vars, shared, locals)
        for name, value in maps[1].items():
            vars.setdefault(name, value)
        return self.environment.context_class(self.environment, vars, self.name, self.blocks)

    template.new_context = native.new_context = new_context
    try:
        yield
    finally:
        template.new_context = own
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


@contextlib.contextmanager
def _events_made_when_read() -> Iterator[None]:
    """Have dbt make the record of an event when something reads it: of most events nothing does, see above."""
    events = importlib.import_module("dbt_common.events.base_types").BaseEvent
    own = events.__init__, events.__getattr__, events.__setattr__

    def begin(self: Any, *arguments: Any, **named: Any) -> None:
        self.__dict__["_given"] = (arguments, named)

    def make(self: Any) -> None:
        if "pb_msg" not in self.__dict__ and "_given" in self.__dict__:
            arguments, named = self.__dict__.pop("_given")
            own[0](self, *arguments, **named)

    def read(self: Any, name: str) -> Any:
        make(self)
        return own[1](self, name)

    def write(self: Any, name: str, value: Any) -> None:
        if name != "pb_msg":
            make(self)
        own[2](self, name, value)

    events.__init__, events.__getattr__, events.__setattr__ = begin, read, write
    try:
        yield
    finally:
        events.__init__, events.__getattr__, events.__setattr__ = own


@contextlib.contextmanager
def _templates_compiled_once() -> Iterator[None]:
    """Have dbt compile a text once, not for each node that has it: the calls of tests and hooks are the same texts."""
    environments = importlib.import_module("dbt_common.clients.jinja").MacroFuzzEnvironment
    own = environments.compile
    known: dict[tuple[Any, ...], Any] = {}

    def compiled(self: Any, source: Any, name: Any = None, filename: Any = None, *rest: Any, **named: Any) -> Any:
        if rest or named or not isinstance(source, str):
            return own(self, source, name, filename, *rest, **named)
        key = type(self), tuple(self.extensions), source, name, filename
        if key not in known:
            known[key] = own(self, source, name, filename)
        return known[key]

    environments.compile = compiled
    try:
        yield
    finally:
        environments.compile = own


@contextlib.contextmanager
def _type_testers_kept() -> Iterator[None]:
    """Have dbt keep what guesses the types of an answer's columns: it makes one for each answer, always the same."""
    helper = importlib.import_module("dbt_common.clients.agate_helper")
    own = vars(helper)["build_type_tester"]
    kept: dict[tuple[Any, ...], Any] = {}

    def build_type_tester(text_columns: Any, string_null_values: Any = ("null", "")) -> Any:
        key = tuple(text_columns), tuple(string_null_values)
        if key not in kept:
            kept[key] = own(*key)
        return kept[key]

    vars(helper)["build_type_tester"] = build_type_tester
    try:
        yield
    finally:
        vars(helper)["build_type_tester"] = own
