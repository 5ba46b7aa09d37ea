"""All that can happen, in one list of kinds (by rate) and one of jobs (by calendar)."""

from __future__ import annotations

from sandbox.life import (
    alerts,
    awards,
    batches,
    capita,
    change_requests,
    desk,
    emails,
    gias,
    housekeeping,
    inductions,
    merges,
    notes,
    onelogin,
    pensions,
    pensions_places,
    people,
    requests,
    specialisms,
    undone,
    wales,
    webhooks,
)
from sandbox.life.kinds import Job, Kind

# Rare ones first: who is drawn once on a day is not drawn again, and a rare kind must find somebody.
KINDS: tuple[Kind, ...] = tuple(
    sorted(
        (
            *alerts.KINDS,
            *awards.KINDS,
            *capita.KINDS,
            *change_requests.KINDS,
            *desk.KINDS,
            *emails.KINDS,
            *housekeeping.KINDS,
            *inductions.KINDS,
            *merges.KINDS,
            *notes.KINDS,
            *onelogin.KINDS,
            *people.KINDS,
            *requests.KINDS,
            *specialisms.KINDS,
            *undone.KINDS,
        ),
        key=lambda kind: (kind.rate, kind.name),
    )
)
JOBS: tuple[Job, ...] = (
    *batches.JOBS,
    *capita.JOBS,
    *emails.JOBS,
    *gias.JOBS,
    *housekeeping.JOBS,
    *pensions.JOBS,
    *pensions_places.JOBS,
    *undone.JOBS,
    *wales.JOBS,
    *webhooks.JOBS,
)
