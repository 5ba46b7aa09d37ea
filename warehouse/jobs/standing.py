"""How things stand: whether the stream runs, what readers see, whether deliveries wait. Changes nothing.

Each examination says what is good, or its error becomes a finding; none stops the next. `warehouse status` shows these;
`warehouse doctor` examines the machine, the settings and the servers besides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from warehouse.core.databases import Databases
from warehouse.core.errors import WarehouseError
from warehouse.core.finding import Finding, first_failed, from_error, ok
from warehouse.marts import FailedBuild, examine_builds, failed_build
from warehouse.replicate import status


@dataclass(frozen=True)
class Standing:
    """What was found.

    Attributes:
        failed_build: the last build, if it failed.
    """

    findings: list[Finding]
    failed_build: FailedBuild | None

    @property
    def exit_code(self) -> int:
        """That of the first failure."""
        failure = first_failed(self.findings)
        return failure.exit_code if failure else 0

    def as_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "healthy": first_failed(self.findings) is None,
            "exit_code": self.exit_code,
            "failed_build": self.failed_build and self.failed_build.as_dict(),
            "findings": [finding.as_dict() for finding in self.findings],
        }


def standing(databases: Databases) -> Standing:
    """Ask the stream, the builds and the deliveries."""
    return Standing(
        [
            examined("replication", lambda: replication(databases)),
            *builds(databases),
            examined("deliveries", lambda: deliveries(databases)),
        ],
        _failed(databases),
    )


def examined(code: str, examination: Callable[[], str]) -> Finding:
    """What an examination says, or the error that it met."""
    try:
        return ok(code, examination())
    except WarehouseError as error:
        return from_error(code, error)


def replication(databases: Databases) -> str:
    """The state of the stream.

    Raises:
        WarehouseError: of the first reason why it is not in order.
    """
    now = status(databases)
    failure = first_failed(now.reasons)
    if failure:
        raise failure.as_error(f"Replication is {now.state}.")
    return now.state + (f", {now.lag_bytes:,} bytes behind" if now.lag_bytes is not None else "")


def builds(databases: Databases) -> list[Finding]:
    """Whether readers see the last build, unaltered, and whether the data are newer."""
    try:
        with databases.warehouse() as connection:
            return examine_builds(connection, databases.today)
    except WarehouseError as error:
        return [from_error("build", error)]


def deliveries(databases: Databases) -> str:
    """Whether every contract is sound, and no delivery waits for a person.

    Raises:
        WarehouseError: it is not so.
    """
    from warehouse.deliver import examine_deliveries  # noqa: PLC0415 - the contract models take a while to import

    with databases.warehouse() as warehouse:
        return examine_deliveries(warehouse, databases.settings)


def _failed(databases: Databases) -> FailedBuild | None:
    try:
        with databases.warehouse() as connection:
            return failed_build(connection)
    except WarehouseError:
        # Of a warehouse that does not answer the findings speak.
        return None
