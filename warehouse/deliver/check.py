"""The gate: the files in the outbox, read back from the disk, against every rule of the contract.

No step holds a whole file. Rules on values are asked of distinct values with their counts (tallies.py). Keys are hashed
in the same pass; only slices of the hashes in which two are alike are read again and compared (key_hashes.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa

from warehouse.core.contracts import Contract, Rule, RuleKind
from warehouse.core.errors import CheckFailed
from warehouse.core.progress import Progress
from warehouse.deliver import broken_rows
from warehouse.deliver.breach import Breach, in_words
from warehouse.deliver.expectations import Gate, hash_slice
from warehouse.deliver.files import FileFacts
from warehouse.deliver.key_hashes import KeyHashes
from warehouse.deliver.read_back import batches
from warehouse.deliver.tallies import Ends, Tally

KEYS_PER_PASS = 250_000


Check = Callable[[Contract, Sequence[tuple[Path, FileFacts]], Progress], None]
"""What a gate looks like; the pipeline takes another one in tests of its other steps."""


def check_files(contract: Contract, files: Sequence[tuple[Path, FileFacts]], progress: Progress) -> None:
    """Check the files of a delivery.

    Args:
        contract: with the rules.
        files: each file in the outbox, with what was written down when it was made.
        progress: shown the rows checked.

    Raises:
        CheckFailed: names each rule that does not hold, its columns, how many rows break it and the first of them;
            never a value. The number of rows is not its matter (volume.py).
        ContractError: a rule's arguments are not understood by Great Expectations.
    """
    total = sum(facts.rows or 0 for _, facts in files)
    progress.say(f"checking {contract.of_what} against {len(contract.rules)} rules")
    gate = Gate({column.name: column for column in contract.columns})
    slices = max(1, math.ceil(total / KEYS_PER_PASS))
    with ExitStack() as stack:
        keys = [
            stack.enter_context(KeyHashes(rule, slices, files[0][0].parent))
            for rule in contract.rules
            if rule.kind is RuleKind.UNIQUE and files
        ]
        breaches = [
            Breach(rule.name, rule.columns, rows, broken_rows.of_values(contract, files, gate, rule))
            for rule, rows in _values(contract, files, gate, keys, progress)
            if not rule.limit.allows(rows, total)
        ]
        for one in keys:
            breaches += _duplicates(contract, files, gate, one, slices, total)
    if breaches:
        raise failing(contract, breaches)


def failing(contract: Contract, breaches: Sequence[Breach]) -> CheckFailed:
    """The error that tells of rules that do not hold."""
    error = CheckFailed(
        f"{contract.of_what} breaks its contract: {in_words(breaches)}.",
        meaning="Nothing was sent. What was delivered before stays as it is.",
        next_command=f"Find the rows in extracts.{contract.model}, correct the model or agree a new version of "
        "the contract, run `warehouse run`, then `warehouse deliver`.",
    )
    error.rules = tuple(one.as_dict() for one in breaches)
    return error


def _values(
    contract: Contract,
    files: Sequence[tuple[Path, FileFacts]],
    gate: Gate,
    keys: Sequence[KeyHashes],
    progress: Progress,
) -> list[tuple[Rule, int]]:
    by_columns: dict[tuple[str, ...], list[Rule]] = {}
    for rule in contract.rules:
        if rule.kind is RuleKind.VALUES:
            by_columns.setdefault(rule.columns, []).append(rule)
    tallies = [
        (Ends if Ends.decide(contract, rules) else Tally)(columns, rules, gate) for columns, rules in by_columns.items()
    ]
    done = 0
    for path, facts in files:
        rows = 0
        for batch in batches(path, contract):
            rows += batch.num_rows
            for tally in tallies:
                tally.add(batch)
            for of_rule in keys:
                of_rule.add(batch)
            progress.count(f"checking {path.name}", done + rows)
        if rows != facts.rows:
            raise CheckFailed(
                f"{path.name}: rule `structure` is broken: it has {rows:,} rows, but {facts.rows:,} were written.",
                meaning="Rows were lost or split on their way to the file. Nothing was sent.",
                next_command="Run `warehouse deliver` again; if it stays, report it as a defect.",
            )
        done += rows
    return [
        (rule, number)
        for tally in tallies
        for rule, number in zip(tally.rules, _broken(contract, files, gate, tally), strict=True)
    ]


def _broken(
    contract: Contract, files: Sequence[tuple[Path, FileFacts]], gate: Gate, tally: Tally | Ends
) -> Sequence[int]:
    """How many rows break each rule of a tally; where its ends show only that some do, all rows are read once more."""
    broken = tally.finish()
    if broken is None:
        whole = Tally(tally.columns, tally.rules, gate)
        for path, _ in files:
            for batch in batches(path, contract, list(tally.columns)):
                whole.add(batch)
        broken = whole.finish()
    return broken


def _duplicates(
    contract: Contract,
    files: Sequence[tuple[Path, FileFacts]],
    gate: Gate,
    keys: KeyHashes,
    slices: int,
    total: int,
) -> list[Breach]:
    """How many rows share their key with another, over all files of the delivery; empty when as many may."""
    rule, broken = keys.rule, 0
    first_with_some: int | None = None
    for number in keys.with_two_alike():
        # Two keys may have one hash, and a key that is null throughout is none: the keys themselves are compared.
        frames = [
            hash_slice(pa.table([*batch.columns], names=batch.schema.names), slices, number)
            for path, _ in files
            for batch in batches(path, contract, list(rule.columns))
        ]
        if found := gate.rows_not_unique(rule, frames):
            broken += found
            first_with_some = number if first_with_some is None else first_with_some
    if rule.limit.allows(broken, total):
        return []
    where = () if first_with_some is None else broken_rows.of_keys(contract, files, rule, slices, first_with_some)
    return [Breach(rule.name, rule.columns, broken, where)]
