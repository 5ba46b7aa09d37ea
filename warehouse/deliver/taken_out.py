"""What was taken out of a delivery's files since it was sent: people by an erasure, values by a changed rule.

A file that is kept here was rewritten then. The ledger has what it was and what it became, so that a file can be told
that is what the last of them left from one that somebody changed, and from one that a backup brought back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import psycopg
from psycopg.rows import class_row

_OF_DELIVERY = """
select
    e.name, 'erasure' as kind, e.erasure_id as number,
    coalesce(e.rewritten_at, r.finished_at, r.asked_at) as at, e.held, e.old_sha256, e.new_sha256
from ledger.erased_deliveries as e join ledger.erasures as r using (erasure_id)
where e.delivery_id = %(delivery)s
union all
select
    f.name, 'rule', f.change_id, coalesce(c.followed_at, c.rewritten_at, c.noticed_at), f.held, f.old_sha256,
    f.new_sha256
from ledger.rule_files as f join ledger.rule_changes as c using (change_id)
where f.delivery_id = %(delivery)s
order by at, number, name
"""

Kind = Literal["erasure", "rule"]

_CALLED: dict[Kind, str] = {"erasure": "erasure", "rule": "rule change"}


@dataclass(frozen=True)
class TakenOut:
    """What became of one file.

    Attributes:
        kind, number: which erasure, or which change of a rule.
        held: "here" for a file that was rewritten; "by the recipient" for one that is theirs to change.
        old_sha256, new_sha256: of the file before and after; of one by the recipient there is no other.
    """

    name: str
    kind: Kind
    number: int
    at: Any
    held: str
    old_sha256: str | None
    new_sha256: str | None

    @property
    def day(self) -> date:
        day: date = self.at.date()
        return day

    def __str__(self) -> str:
        return f"{_CALLED[self.kind]} {self.number} of {self.day}"


def taken_out(connection: psycopg.Connection, delivery_id: str) -> list[TakenOut]:
    """What was taken out of the files of a delivery, in the order in which it was."""
    with connection.cursor(row_factory=class_row(TakenOut)) as cursor:
        return cursor.execute(_OF_DELIVERY, {"delivery": delivery_id}).fetchall()


def in_words(of: Sequence[TakenOut]) -> str:
    """By what, each once."""
    return ", ".join(dict.fromkeys(map(str, of)))


@dataclass(frozen=True)
class Left:
    """What one file has been since it was sent.

    Attributes:
        steps: by which it was rewritten, the last one last. Several changes that were followed at once are one step.
    """

    steps: Sequence[TakenOut]

    @classmethod
    def of(cls, sent_sha256: str, name: str, every: Sequence[TakenOut]) -> Left:
        """From the file as it was sent, along what each step made of it."""
        by_old: dict[str, TakenOut] = {}
        for one in every:
            if one.name == name and one.held == "here" and one.old_sha256 and one.new_sha256 != one.old_sha256:
                # What was begun, killed and begun again has one old file.
                by_old[one.old_sha256] = one
        steps: list[TakenOut] = []
        at: str | None = sent_sha256
        while at and at in by_old:
            steps.append(by_old.pop(at))
            at = steps[-1].new_sha256
        return cls(steps)

    @property
    def last(self) -> TakenOut:
        """The one whose file has to be there now."""
        return self.steps[-1]

    def undone(self, sha256: str) -> TakenOut | None:
        """The first step that a file of this hash does not have behind it; None of one that is none of these files."""
        return next((one for one in self.steps if one.old_sha256 == sha256), None)
