"""Whether the source's user may do more than the warehouse needs. Pure, as the other rules are."""

from __future__ import annotations

from collections.abc import Iterator

from warehouse.core.finding import Finding, ok, warning
from warehouse.core.ours import some
from warehouse.replicate.preflight.facts import Facts


def no_more_than_needed(facts: Facts) -> Iterator[Finding]:
    """The stored address opens to whoever gets it all that the user may read."""
    source, code = facts.source, "rights of the source's user"
    remedy = (
        "Have its administrator make a user of its own with the column grants that `warehouse replicate sql --role "
        "NAME` prints (docs/runbooks/production.md), and put it into TRS_DATABASE_URL."
    )
    secret = [name for name in source.surplus if facts.classes.get(name) == "secret"]
    if facts.is_sandbox:
        yield ok(code, "the sandbox's own user, whose rows are synthetic")
    elif source.is_superuser:
        yield warning(code, f"The user {source.role} is a superuser: it may read and change everything.", remedy)
    elif secret:
        yield warning(code, f"The user {source.role} may read credentials: {some(secret)}.", remedy)
    elif source.surplus:
        what = f"The user {source.role} may read {len(source.surplus)} columns that are left behind"
        yield warning(code, f"{what}: {some(source.surplus)}.", remedy)
    else:
        yield ok(code, "it reads the published columns and nothing else")
