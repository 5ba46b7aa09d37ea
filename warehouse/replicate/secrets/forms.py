"""What a secret looks like. A form knows nothing of tables: it remains when every rule about names has failed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

SUSPICIOUS = (
    r"token|secret|passw(or)?d|private.?key|bearer|signature|credential|api.?key|[?&][a-z0-9_.-]*sig=|eyj[a-z0-9_-]{8}"
)
"""For PostgreSQL, case ignored: a text that does not match has no form. Many that match have none either."""

_TEXTS = {
    "private key": re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY"),
    "bearer": re.compile(r"\bbearer\s+[\w.~+/=-]{12,}", re.I),
    "signed token": re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\."),
    "signed link": re.compile(
        r"[?&][\w.-]*(?:token|sig|signature|secret|passw(?:or)?d|api[_-]?key)=[^&\s\"'<>]{4,}", re.I
    ),
    "named in a text": re.compile(
        r"(?:token|secret|passw(?:or)?d|private[_ -]?key|api[_-]?key)[\w-]*\\?[\"']?\s*[:=]\s*\\?[\"']?[^\s\"'\\]{6,}",
        re.I,
    ),
}
_KEY = re.compile(r"token|secret|passw(?:or)?d|private_?key|signature|bearer|credential|api_?key|pem$", re.I)
_IDENTIFIER = re.compile(r"(?:[a-z]Id|_id|ID)$")
"""Of a key or a token, such as ApiKeyId: it names one, and is none."""
_PLAIN_KEY = re.compile(r"[$\w .-]{1,60}")
_NUMBER = re.compile(r"\d{3}")
_SHORTEST = 4
"""Characters of a value under a suspicious key that make it a secret rather than a count or a flag."""

Found = tuple[str, str]
"""The path of keys, such as `Email.Personalization.link` or `Links[].token`, and the form. Empty in a text column."""


def in_text(text: str) -> Iterator[Found]:
    """The first form that a text has."""
    form = next((form for form, pattern in _TEXTS.items() if pattern.search(text)), None)
    if form:
        yield "", form


def in_json(text: str) -> Iterator[Found]:
    """Each form in a JSON document, with the path of the value that has it."""
    yield from _walk(json.loads(text), "", suspicious=False)


def _walk(value: object, path: str, *, suspicious: bool) -> Iterator[Found]:
    if isinstance(value, dict):
        for key, below in value.items():
            name = _shown(key)
            inner = f"{path}.{name}" if path else name
            yield from _walk(below, inner, suspicious=bool(_KEY.search(key) and not _IDENTIFIER.search(key)))
    elif isinstance(value, list):
        for below in value:
            yield from _walk(below, f"{path}[]", suspicious=suspicious)
    elif isinstance(value, str):
        if suspicious and len(value) >= _SHORTEST:
            yield path, "named by its key"
        else:
            yield from ((path, form) for _, form in in_text(value))


def _shown(key: str) -> str:
    """A key as it is printed: what does not look like the name of a field may be a value."""
    return key if _PLAIN_KEY.fullmatch(key) and not _NUMBER.search(key) else "(a key)"
