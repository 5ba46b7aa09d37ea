"""What stops the maker of the population stops the command too: nobody waits for rows that will not come."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.population.populate import Encoded, _ahead


@pytest.mark.parametrize("stops", [ValueError, KeyboardInterrupt])
def test_what_stops_the_maker_is_raised(stops: type[BaseException]) -> None:
    """polars raises Ctrl-C in the thread that it works for, which need not be the main one."""

    def items() -> Iterator[Encoded]:
        yield 1, "persons", ["trn"], b"1", 1
        raise stops

    made = _ahead(items())
    assert next(made)[0] == 1
    with pytest.raises(stops):
        next(made)
