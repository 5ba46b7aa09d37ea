"""What the last scan for secrets means: for the status, for `warehouse run` and for the command itself."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from warehouse.core.errors import SecretFound
from warehouse.core.finding import Finding, failed, warning
from warehouse.replicate.secrets import scan
from warehouse.replicate.secrets.scan import LastScan, Place

_NEXT = (
    "Have the secret withdrawn at the source; leave the column or key behind in replication/, or give it an exception "
    "in `not_secrets` there; then: warehouse replicate secrets"
)


def reasons(warehouse: psycopg.Connection) -> Iterator[Finding]:
    """Findings of the last scan that ended. Without any scan there is nothing to say."""
    last = scan.last(warehouse)
    if last is None:
        return
    if last.rows:
        yield _of_secrets(scan.places(warehouse, last))
    if last.unfinished:
        yield warning(
            "secrets_not_scanned",
            f"The last scan for secrets ran out of time before {last.unfinished[0]}; {len(last.unfinished)} relations "
            "were not read to their end.",
            "warehouse replicate secrets --minutes 600",
        )
    for column, kinds in last.unlisted.items():
        rows, named = sum(kinds.values()), ", ".join(list(kinds)[:5])
        yield warning(
            "kinds_not_listed",
            f"{rows:,} rows of {column} are of kinds that replication/trs_json.yml does not list: {named}. Of these "
            "only the kind is replicated.",
            "Give each kind a line there, then: warehouse replicate apply",
        )


def refuse(warehouse: psycopg.Connection, last: LastScan) -> None:
    """Stop when a scan found something.

    Raises:
        SecretFound: it did.
    """
    if last.rows:
        raise _of_secrets(scan.places(warehouse, last)).as_error()


def _of_secrets(found: list[Place]) -> Finding:
    some = "; ".join(map(str, found[:5])) + (f"; and {len(found) - 5} more places" if len(found) > 5 else "")
    return failed(
        "secrets_found",
        f"What looks like a secret is in the warehouse: {some}.",
        _NEXT,
        SecretFound,
        "Whoever may read the column may read it. The status stays so until a scan finds nothing.",
    )
