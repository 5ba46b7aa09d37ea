"""The number of rows of a delivery: within fixed limits, and near that of the last delivery, as its contract says.

A person may release a delivery from such a rule, for that edition alone: sometimes the world did change that much. The
release holds for a number of rows that is no further off than the one that the person saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from warehouse.core.contracts import Contract, Rule, RuleKind
from warehouse.core.contracts.volume import FEWER, MORE, WITHIN
from warehouse.core.errors import VolumeRefused
from warehouse.deliver.breach import Breach, in_words
from warehouse.deliver.edition import Edition
from warehouse.deliver.files import FileFacts
from warehouse.deliver.periods import Days, Period


@dataclass(frozen=True)
class Before:
    """The delivery that the number of rows is compared with.

    Attributes:
        period: as the ledger has it, such as "2026-09" or "2026-09-28--2026-09-30".
        rows: of all its files.
        of_tables: the rows of each table, where there are several.
    """

    delivery_id: str
    period: str
    rows: int
    of_tables: Mapping[str, int] = field(default_factory=dict)

    def of(self, table: str) -> Before | None:
        """The same of one table of several; None where it was not among them."""
        if not table:
            return self
        return replace(self, rows=self.of_tables[table]) if table in self.of_tables else None


@dataclass(frozen=True)
class Volume:
    """What was found of the number of rows.

    Attributes:
        breaches: the rules that do not hold, and that no person released.
        released: the names of those that do not hold, and that a person released.
    """

    breaches: tuple[Breach, ...] = ()
    released: tuple[str, ...] = ()


def of_delivery(
    edition: Edition, files: Sequence[FileFacts], before: Before | None, released: Mapping[str, int] | None = None
) -> Volume:
    """Hold the number of rows of each table of a delivery against the rules about it."""
    found = []
    for one in edition.contract.tables:
        rows = sum(file.rows or 0 for file in files if edition.of_file(file.base_name) is one)
        found.append(compare(one, edition.period, rows, before and before.of(one.table), released))
    return Volume(
        tuple(breach for one in found for breach in one.breaches),
        tuple(name for one in found for name in one.released),
    )


def compare(
    contract: Contract, period: Period, rows: int, before: Before | None, released: Mapping[str, int] | None = None
) -> Volume:
    """Hold a number of rows against the rules of a contract that are about it.

    Args:
        before: the last delivery; None for the first one, which has nothing to be compared with.
        released: for each rule that a person released, the number of rows that they saw.
    """
    breaches, passed = list[Breach](), list[str]()
    for rule in contract.rules:
        breach, few = None, False
        if rule.kind is RuleKind.ROW_COUNT and not rule.limit.allows(rows, rows):
            low = rule.limit.bound[0] if isinstance(rule.limit.bound, tuple) else rule.limit.bound
            breach, few = Breach(rule.name, (), rows), rows <= low
        elif rule.kind is RuleKind.VOLUME and before is not None:
            breach, few = _against(rule, period, rows, before)
        if breach is None:
            continue
        seen = (released or {}).get(rule.name)
        if seen is not None and (rows >= seen if few else rows <= seen):
            passed.append(rule.name)
        else:
            breaches.append(breach)
    return Volume(tuple(breaches), tuple(passed))


def refused(contract: Contract, delivery_id: str, breaches: Sequence[Breach]) -> VolumeRefused:
    """The error for a delivery of which only the number of rows is not as its contract says."""
    error = VolumeRefused(
        f"{contract.recipient}/{contract.name} has another number of rows than its contract allows: "
        f"{in_words(breaches)}.",
        meaning="Every other rule holds. Nothing was sent. The files were put aside in the outbox, where only their "
        "owner may read them, until the next attempt.",
        next_command=f'Find out why. If it is right: `warehouse deliveries release {delivery_id} --because "…"`. If '
        f"not, correct the model {contract.model}, then run `warehouse run`.",
    )
    error.rules = tuple(one.as_dict() for one in breaches)
    return error


def _against(rule: Rule, period: Period, rows: int, before: Before) -> tuple[Breach | None, bool]:
    given = rule.arguments or {}
    # Of days, there may be three in one file and one in the next.
    expected = before.rows * _days(str(period)) / _days(before.period)
    off = rows - expected
    fewer, more = given.get(FEWER), given.get(MORE)
    is_off = (fewer is not None and -off > expected * fewer / 100) or (more is not None and off > expected * more / 100)
    if not is_off or abs(off) <= given.get(WITHIN, 0):
        return None, False
    share = f"{100 * off / expected:+.1f} %" if expected else "there were none"
    detail = f"after {before.rows:,} in {before.delivery_id} ({share})"
    return Breach(rule.name, (), rows, detail=detail), off < 0


def _days(period: str) -> int:
    """How many days a period of days has; months count as equally long."""
    if len(period) < len("2026-09-30"):
        return 1
    days = Days.parse(period)
    return (days.last - days.first).days + 1
