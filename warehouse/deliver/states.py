"""The states of a delivery, and which steps lead from each. The database holds the same table and enforces it."""

from __future__ import annotations

from enum import StrEnum

from warehouse.core.errors import UnexpectedFailure


class State(StrEnum):
    """planned → built → checked → uploaded → verified → closed, or failed, or missed, or vanished.

    vanished: what was sent, as was confirmed, is not to be found. The recipient may have taken it, so it is not sent
    again before a person says so.
    """

    PLANNED = "planned"
    BUILT = "built"
    CHECKED = "checked"
    UPLOADED = "uploaded"
    VERIFIED = "verified"
    CLOSED = "closed"
    FAILED = "failed"
    VANISHED = "vanished"
    MISSED = "missed"

    @property
    def is_final(self) -> bool:
        """Whether nothing can follow."""
        return not STEPS[self]


STEPS: dict[State | None, frozenset[State]] = {
    None: frozenset({State.PLANNED, State.MISSED}),
    State.PLANNED: frozenset({State.BUILT, State.FAILED}),
    State.BUILT: frozenset({State.CHECKED, State.FAILED}),
    State.CHECKED: frozenset({State.UPLOADED, State.FAILED}),
    State.UPLOADED: frozenset({State.VERIFIED, State.FAILED, State.VANISHED}),
    State.VERIFIED: frozenset({State.CLOSED, State.FAILED, State.VANISHED}),
    State.FAILED: frozenset({State.PLANNED, State.VERIFIED, State.MISSED, State.VANISHED}),
    State.VANISHED: frozenset({State.FAILED, State.VERIFIED}),
    State.CLOSED: frozenset(),
    State.MISSED: frozenset(),
}
"""From each state (None: not in the ledger yet), the states that can follow."""


def require_step(delivery_id: str, before: State | None, after: State) -> None:
    """Refuse a step that no delivery can take.

    Raises:
        UnexpectedFailure: always a defect of this program, never of the data.
    """
    if after not in STEPS[before]:
        raise UnexpectedFailure(
            f"Delivery {delivery_id} was about to go from {before or 'nothing'} to {after}, which is not a step.",
            meaning="The ledger was not changed. What is at the destination stays as it is.",
            next_command="Report this as a defect, with the rows of ledger.delivery_states for this delivery.",
        )
