"""What of the source's structure waits for a person, as findings of the status, until it is accepted or classified."""

from __future__ import annotations

from collections.abc import Sequence

from warehouse.core.errors import DriftHeld, MeaningChanged, RuleChanged
from warehouse.core.finding import Finding, failed, warning
from warehouse.replicate.drift import moved
from warehouse.replicate.drift.difference import RULES, Difference
from warehouse.replicate.guard import standing


def reasons(found: Sequence[Difference]) -> list[Finding]:
    """A finding for each kind of difference of structure that `standing` does not report. Pure."""
    reported = []
    of_names = [one for one in found if one.kind in moved.KINDS]
    if of_names:
        seen = all(not one.pending for one in of_names)
        reported.append(
            failed(
                "meaning_changed",
                f"Names at the source mean something else than they did, so rows are not known to be equal: "
                f"{_some(of_names)}.",
                "warehouse replicate repair" if seen else "warehouse replicate run, then what it says",
                MeaningChanged,
            )
        )
    of_rules = [one for one in found if one.kind in RULES]
    if of_rules:
        reported.append(
            failed(
                "rule_changed",
                f"replication/trs.yml changed, and the warehouse has not followed: {_some(of_rules)}.",
                "warehouse replicate apply",
                RuleChanged,
            )
        )
    elsewhere = (*moved.KINDS, *standing.SUBSCRIPTION, *RULES)
    decide = [
        one
        for one in found
        if one.needs == "decision"
        and one.kind not in elsewhere
        and not (one.kind in standing.OUT and one.column is None)
    ]
    if decide:
        reported.append(
            failed(
                "structure_held",
                f"Nothing new is replicated for what waits for a decision: {_some(decide)}.",
                "warehouse replicate drift shows each, and what can be done about it.",
                DriftHeld,
            )
        )
    classify = [one for one in found if one.needs == "classification"]
    if classify:
        reported.append(
            warning(
                "not_classified",
                f"Not replicated, because it is not classified yet: {', '.join(one.name for one in classify[:5])}"
                + (f" and {len(classify) - 5} more." if len(classify) > 5 else "."),
                "Give each a line in replication/trs.yml, then: warehouse replicate apply",
            )
        )
    return reported


def _some(found: Sequence[Difference]) -> str:
    shown = "; ".join(f"{one.name}: {one.what}" for one in found[:3])
    return shown + (f"; and {len(found) - 3} more" if len(found) > 3 else "")
