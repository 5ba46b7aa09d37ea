"""What stops the maker of the population stops the command too: nobody waits for rows that will not come."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from sandbox.population.populate import Encoded, _ahead

WAITS_FOR_EVER_SECONDS = 30


@pytest.mark.parametrize("stops", [ValueError, KeyboardInterrupt])
def test_what_stops_the_maker_is_raised(stops: type[BaseException]) -> None:
    """polars raises Ctrl-C in the thread that it works for, which need not be the main one."""
    taken: list[object] = []

    def items() -> Iterator[Encoded]:
        yield 1, "persons", ["trn"], b"1", 1
        raise stops

    def take() -> None:
        try:
            for made, *_ in _ahead(items()):
                taken.append(made)
        except BaseException as error:  # noqa: BLE001 - looked at below
            taken.append(type(error))

    taker = threading.Thread(target=take, daemon=True)
    taker.start()
    taker.join(WAITS_FOR_EVER_SECONDS)
    assert taken == [1, stops]
