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

_MODULES = (
    *(alerts, awards, batches, capita, change_requests, desk, emails, gias, housekeeping, inductions, merges, notes),
    *(onelogin, pensions, pensions_places, people, requests, specialisms, undone, wales, webhooks),
)
_KINDS: list[Kind] = [kind for module in _MODULES for kind in getattr(module, "KINDS", ())]

# Rare ones first: who is drawn once on a day is not drawn again, and a rare kind must find somebody.
KINDS: tuple[Kind, ...] = tuple(sorted(_KINDS, key=lambda kind: (kind.rate, kind.name)))
JOBS: tuple[Job, ...] = tuple(job for module in _MODULES for job in getattr(module, "JOBS", ()))
