"""What the answers of a service mean to a delivery: the same number means the same, whichever cloud it is in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from warehouse.core.errors import DeliveryError
from warehouse.deliver.destinations.base import Destination, Doing

PASSING_CODES: Final = frozenset({408, 429, 500, 502, 503, 504})
"""Answers that say nothing of the request: the same one may succeed in a moment."""

UNKNOWN: Final = 401
FORBIDDEN: Final = 403

_NO_ROOM: Final = (429, 503, 507)


@dataclass(frozen=True)
class Answer:
    """An answer that is no success.

    Attributes:
        status: of HTTP.
        word: the service's own for what is wrong, if it has one.
        wait: the seconds after which it asks to be tried again.
        accepted: whether it knows who asks.
    """

    status: int
    word: str = ""
    wait: float | None = None
    accepted: bool = True

    def __str__(self) -> str:
        return f"{self.status} {self.word}".rstrip()

    @property
    def passes(self) -> bool:
        """Whether it may be over in a moment."""
        return self.status in PASSING_CODES


@dataclass(frozen=True)
class Advice:
    """What a person does about the answers of one kind of service.

    Attributes:
        credentials: where it does not know who asks.
        otherwise: where it says no to something else.
        rights: what the service calls the right to each thing.
    """

    credentials: str
    otherwise: str
    rights: Mapping[Doing, str]


def in_words(destination: Destination, answer: Answer, doing: Doing, name: str, advice: Advice) -> DeliveryError:
    """The error for an answer: no room, credentials, a right, or something else; with what passes told apart."""
    if answer.status in _NO_ROOM:
        still = ", and still does after some time" if answer.passes else ""
        return destination.full(f"it answers {answer}{still}", passes=answer.passes, wait=answer.wait)
    if answer.status == UNKNOWN or not answer.accepted:
        return destination.refused(
            f"it does not accept the credentials ({answer.status}) for {doing} {name}", advice.credentials
        )
    if answer.status == FORBIDDEN:
        return destination.denied(doing, name, f"it answers {answer}; the right is {advice.rights[doing]}")
    return destination.refused(
        f"it answers {answer} to {doing} {name}", advice.otherwise, passes=answer.passes, wait=answer.wait
    )


def asked_for(error: Exception) -> float | None:
    """The seconds that a service asks to be left alone for, with an answer that says "not now"."""
    response = getattr(error, "response", None)
    headers = getattr(response, "headers", None) or {}
    given = str(headers.get("Retry-After", ""))
    return float(given) if given.isdecimal() else None
