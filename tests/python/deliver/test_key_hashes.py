"""Hashes of keys: no key that is there twice lies in a slice that is not read again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.core.contracts import Rule, RuleKind
from warehouse.core.errors import DeliveryError
from warehouse.deliver.expectations import hash_slice
from warehouse.deliver.key_hashes import KeyHashes

SCHEMA = pa.schema([("a", pa.string()), ("b", pa.int32()), ("c", pa.bool_())])
RULE = Rule("key is unique", RuleKind.UNIQUE, ("a", "b", "c"))
Row = tuple[str | None, int | None, bool | None]
KEYS = st.tuples(
    st.none() | st.text(st.sampled_from("aé\n"), max_size=2), st.none() | st.integers(0, 3), st.none() | st.booleans()
)


def table(rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], schema=SCHEMA)


@given(st.lists(st.lists(KEYS, min_size=1, max_size=8), min_size=1, max_size=4), st.integers(1, 5))
def test_every_key_that_is_there_twice_is_in_a_slice_that_is_read_again(
    tmp_path_factory: pytest.TempPathFactory,
    pieces: list[list[tuple[str | None, int | None, bool | None]]],
    slices: int,
) -> None:
    with KeyHashes(RULE, slices, tmp_path_factory.getbasetemp()) as keys:
        for rows in pieces:
            for batch in table(rows).to_batches():
                keys.add(batch)
        again = list(keys.with_two_alike())
    everything = [row for rows in pieces for row in rows]
    twice = {row for row, number in Counter(everything).items() if number > 1}
    counted: Counter[object] = Counter()
    for number in again:
        for rows in pieces:
            counted.update(rows[int(place)] for place in hash_slice(table(rows), slices, number).index)
    assert {row: counted[row] for row in twice} == {row: Counter(everything)[row] for row in twice}
    assert bool(again) == bool(twice)


def test_a_full_disk_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    class Full:
        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None: ...

        def write(self, _: bytes) -> None:
            raise OSError(28, "No space left on device")

    with (
        patch("tempfile.TemporaryFile", lambda **_: Full()),
        KeyHashes(RULE, 2, tmp_path) as keys,
        pytest.raises(DeliveryError, match="No space left"),
    ):
        keys.add(table([("a", 1, None)]).to_batches()[0])
    with KeyHashes(RULE, 2, tmp_path):
        assert list(tmp_path.iterdir()) == [], "its files have no name"
