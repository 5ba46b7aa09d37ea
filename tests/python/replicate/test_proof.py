"""What is made of what both sides tell in a comparison from a proof, and when there is none to go by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.core.json_rule import JsonRule
from warehouse.replicate.catalog.relations import SourceColumn
from warehouse.replicate.compare import Horizon, Key, Proof, TableSpec, incremental
from warehouse.replicate.compare.incremental import Differences, Side, differences
from warehouse.replicate.compare.proof import MOST_TRANSACTIONS, Look, digest, holds
from warehouse.replicate.compare.ranges import PLACES, KeyedRow, Queries, range_of
from warehouse.replicate.compare.row_hash import Method

PROVED_AT = datetime(2026, 11, 22, tzinfo=UTC)

# -- what comes over, and what is made of it ---------------------------------------------------------------------

SPEC = TableSpec("public", "things", (SourceColumn("id", "integer", 1),), ("id",))
BITS = 2

Row = tuple[int, bool]
"""The content of a row, and whether it is new."""


def fake_side(rows: Mapping[int, Row]) -> tuple[dict[int, tuple[int, int, int | None]], Side]:
    """A side that holds rows by the hash of their key, as a server would answer for it."""
    summary: dict[int, tuple[int, int, int | None]] = {}
    for key, (content, new) in rows.items():
        count, keys, news = summary.get(range_of(key, BITS), (0, 0, None))
        hashed = hash((key, content))
        summary[range_of(key, BITS)] = (count + 1, keys ^ key, (news or 0) ^ hashed if new else news)

    def new_rows(ranges: Sequence[int]) -> Iterable[KeyedRow]:
        for key in sorted(rows):
            if rows[key][1] and range_of(key, BITS) in ranges:
                yield (key, hash((key, rows[key][0])), str(key))

    def of_keys(hashes: Sequence[int], ranges: Sequence[int]) -> Iterable[KeyedRow]:
        for key in sorted(rows):
            if key in hashes or range_of(key, BITS) in ranges:
                yield (key, 0, str(key))

    def by_keys(keys: Sequence[Key]) -> Mapping[Key, int]:
        return {(k,): hash((int(k), rows[int(k)][0])) for (k,) in keys if int(k) in rows}

    return summary, Side(Queries(SPEC, Method.NATIVE, BITS, at_source=True), new_rows, of_keys, by_keys)


key_hashes = st.integers(-(2**63), 2**63 - 1)
contents = st.integers(0, 2)
proven = st.dictionaries(key_hashes, contents, max_size=12)
written = st.lists(st.tuples(st.integers(0, 15), st.sampled_from(["put", "delete"]), contents), max_size=6)


def write(rows: Mapping[int, int], writes: Iterable[tuple[int, str, int]], others: Sequence[int]) -> dict[int, Row]:
    after: dict[int, Row] = {key: (content, False) for key, content in rows.items()}
    keys = [*rows, *others]
    for number, what, content in writes:
        if number < len(keys):
            after.pop(keys[number], None)
            if what == "put":
                after[keys[number]] = (content, True)
    return after


@settings(max_examples=500)
@given(proven, st.lists(key_hashes, max_size=6), written, written)
def test_what_was_written_to_either_side_is_found(
    rows: dict[int, int], others: list[int], there: list[tuple[int, str, int]], here: list[tuple[int, str, int]]
) -> None:
    source, home = write(rows, there, others), write(rows, here, others)
    (of_source, at_source), (of_home, at_home) = fake_side(source), fake_side(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incremental, "FEW_RANGES", 1_000)
        result = differences(of_source, of_home, at_source, at_home)
    assert isinstance(result, Differences)
    both = source.keys() & home.keys()
    assert {k for (k,) in result.missing} == {str(k) for k in source.keys() - home.keys()}
    assert {k for (k,) in result.extra} == {str(k) for k in home.keys() - source.keys()}
    assert {k for (k,) in result.changed} == {str(k) for k in both if source[k][0] != home[k][0]}


def test_three_keys_that_pass_for_one_are_told_apart() -> None:
    """Two missing and one too many: the sums differ by one row and by a hash that is no key's."""
    (of_source, at_source), (of_home, at_home) = fake_side({1: (0, False), 2: (0, False)}), fake_side({4: (0, False)})
    result = differences(of_source, of_home, at_source, at_home)
    assert result is not None
    assert (set(result.missing), set(result.extra)) == ({("1",), ("2",)}, {("4",)})


def test_places_are_used_only_where_all_were_told() -> None:
    told = {1: ["(0,1)", "(0,2)"], 2: ["(0,3)"], 3: [f"(1,{n})" for n in range(PLACES + 1)]}
    assert incremental.places_of([1, 2, 5], told) == ["(0,1)", "(0,2)", "(0,3)"]
    assert incremental.places_of([1, 3], told) is None


def test_much_damage_is_left_to_a_comparison_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incremental, "FEW_RANGES", 3)
    spread = {number << 62: (0, False) for number in range(-2, 2)}
    (of_source, at_source), (of_home, at_home) = fake_side(spread), fake_side({})
    assert differences(of_source, of_home, at_source, at_home) is None


# -- when a proof holds ------------------------------------------------------------------------------------------

THERE, HERE = Horizon("source/1/now", "table", 1000), Horizon("warehouse", "table", 2000)
PROOF = Proof("public", "things", digest(SPEC), THERE, HERE, PROVED_AT, PROVED_AT)


def looked(horizon: Horizon | None, next_: int, *, rewritten: bool = False) -> Look:
    return Look(rewritten, horizon, next_)


NOW_THERE, NOW_HERE = looked(replace(THERE, xmin=1500), 1500), looked(replace(HERE, xmin=2500), 2600)


def test_a_proof_holds_while_nothing_but_rows_changes() -> None:
    assert holds(PROOF, SPEC, NOW_THERE, NOW_HERE)


@pytest.mark.parametrize(
    "now",
    [
        looked(replace(THERE, server="source/2/now", xmin=1500), 1500),
        looked(replace(THERE, server="another/1/now", xmin=1500), 1500),
        looked(replace(THERE, relation="another file", xmin=1500), 1500),
        looked(replace(THERE, xmin=999), 1500),
        looked(replace(THERE, xmin=1500), 1000 + MOST_TRANSACTIONS),
        looked(replace(THERE, xmin=1500), 1500, rewritten=True),
        looked(None, 1500),
    ],
    ids=["timeline", "cluster", "file", "numbers went back", "too long ago", "rewritten", "not told"],
)
def test_a_proof_is_void_when_old_rows_may_be_others(now: Look) -> None:
    assert not holds(PROOF, SPEC, now, NOW_HERE)
    here = replace(
        now, horizon=now.horizon and replace(now.horizon, xmin=now.horizon.xmin + 1000), next=now.next + 1000
    )
    assert not holds(replace(PROOF, warehouse=replace(THERE, xmin=2000)), SPEC, NOW_THERE, here)


@pytest.mark.parametrize(
    "spec",
    [
        replace(SPEC, columns=(*SPEC.columns, SourceColumn("t", "text", None))),
        replace(SPEC, columns=(SourceColumn("id", "bigint", 1),)),
        replace(SPEC, json_rules={"j": JsonRule(always={"Key": True})}),
        replace(SPEC, differently_typed=frozenset({"id"})),
        replace(SPEC, cut_anew=frozenset({"id"})),
    ],
    ids=["another column", "another type", "what stays behind", "another type here", "what a changed rule cuts"],
)
def test_a_proof_of_other_columns_is_none(spec: TableSpec) -> None:
    assert not holds(PROOF, spec, NOW_THERE, NOW_HERE)
