"""What of the source's structure is not settled, as reasons of a status: held until it is taken up or classified."""

from __future__ import annotations

from collections.abc import Sequence

from warehouse.core.errors import DriftHeld, MeaningChanged
from warehouse.core.finding import Finding, failed, warning
from warehouse.replicate.drift import moved
from warehouse.replicate.drift.difference import Difference
from warehouse.replicate.guard import standing


def reasons(found: Sequence[Difference]) -> list[Finding]:
    """A reason for each kind of difference of structure that `standing` does not tell. Pure."""
    told = []
    of_names = [one for one in found if one.kind in moved.KINDS]
    if of_names:
        seen = all(not one.pending for one in of_names)
        told.append(
            failed(
                "meaning_changed",
                f"Names at the source mean something else than they did, so rows are not known to be equal: "
                f"{_told(of_names)}.",
                "warehouse replicate repair" if seen else "warehouse replicate run, then what it says",
                MeaningChanged,
            )
        )
    elsewhere = (*moved.KINDS, *standing.SUBSCRIPTION)
    decide = [
        one
        for one in found
        if one.needs == "decision"
        and one.kind not in elsewhere
        and not (one.kind in standing.OUT and one.column is None)
    ]
    if decide:
        told.append(
            failed(
                "structure_held",
                f"Nothing new arrives for what waits for a person: {_told(decide)}.",
                "warehouse replicate drift shows each, and what can be done about it.",
                DriftHeld,
            )
        )
    classify = [one for one in found if one.needs == "classification"]
    if classify:
        told.append(
            warning(
                "not_classified",
                f"Held back, because nobody has classified it: {', '.join(one.name for one in classify[:5])}"
                + (f" and {len(classify) - 5} more." if len(classify) > 5 else "."),
                "Give each a line in replication/trs.yml, then: warehouse replicate apply",
            )
        )
    return told


def _told(found: Sequence[Difference]) -> str:
    shown = "; ".join(f"{one.name}: {one.what}" for one in found[:3])
    return shown + (f"; and {len(found) - 3} more" if len(found) > 3 else "")
