"""Drift: the source's structure, replication/trs.yml, the publication and the replica, held against each other.

- `both_sides`, `compare`: what both databases are like, and what differs, with what will be done about each difference;
- `moved`, `released`, `subscribing`: names that mean something else, what migrations released, what is not applied;
- `make_ready` and `with_stream` (`apply`): carry out what is classified, before and while the stream runs. A run does
  what is automatic, `warehouse replicate apply` does all that needs no decision;
- `changed_rules` and `cutting`: rules of the file that changed, and what they do not allow any more;
- `columns`, `new_tables`, `sinks`, `publishing`: the changes, each in a short transaction with a lock time-out;
- `backfill`: the values of a column that came later, without copying the table again;
- `release`: columns that the source wants to drop or change.

The rules and their reasons are in docs/adr/0009.
"""

from __future__ import annotations

import psycopg

from warehouse.replicate.classification import Classification
from warehouse.replicate.drift import both_sides, changed_rules
from warehouse.replicate.drift.apply import make_ready, with_stream
from warehouse.replicate.drift.compare import compare
from warehouse.replicate.drift.difference import Difference, Outcome, error_of
from warehouse.replicate.drift.release import release
from warehouse.replicate.drift.work import Work

__all__ = [
    "Difference",
    "Outcome",
    "Work",
    "compare",
    "differences",
    "error_of",
    "finish",
    "make_ready",
    "release",
    "with_stream",
]


def differences(
    source: psycopg.Connection, warehouse: psycopg.Connection, name: str, classification: Classification
) -> list[Difference]:
    """Every difference of structure there is now. Changes nothing.

    Args:
        name: of the publication and the subscription.
    """
    return compare(classification, both_sides.read(source, warehouse, name, classification.schema_name))


def finish(work: Work) -> Outcome:
    """Do what needs the stream, and say what was done and what is left. The stream must run."""
    with_stream(work)
    left = compare(work.classification, work.seen())
    changed_rules.settle(work, left)
    return Outcome(work.done, left, work.failures)
