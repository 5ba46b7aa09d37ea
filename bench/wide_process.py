"""One measurement of a wide export, in a process of its own: what it takes of time and memory is that of nothing else.

It prints a JSON object. The connection comes in the environment, so that no password is in a list of processes.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any, Final

CONNECTION: Final = "TRW_BENCH_WIDE"
ROWS: Final = "TRW_BENCH_ROWS"


def main(what: str, contract_file: str, folder: str) -> None:
    """Measure one thing, and print it.

    Args:
        what: "limit", "file" or "gate".
        contract_file: about the table.
        folder: where the file is made, and stays for the gate.
    """
    from warehouse.core.contracts import load_contract  # noqa: PLC0415 - a start that is measured with the rest

    contract = load_contract(Path(contract_file))
    found = {"limit": _limit, "file": _file, "gate": _gate}[what](contract, Path(folder))
    found["peak_mb"] = peak_mb()
    sys.stdout.write(json.dumps(found) + "\n")


def peak_mb() -> float:
    """The most memory that this process had at once, in megabytes.

    Linux hands the peak of getrusage on to a program that is started (that of the process that started it), so there
    the peak of this program's own memory is read.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


class Watch:
    """Seconds by the clock and of the processor: this process's, and those of the server's process that serves it."""

    def __init__(self, backend: int | None = None) -> None:
        self._backend = backend
        self._memory = peak_mb()
        self._began = (time.perf_counter(), time.process_time(), self._server())

    def read(self) -> dict[str, float]:
        """Since it was made."""
        wall, own, server = self._began
        return {
            "seconds": time.perf_counter() - wall,
            "cpu": time.process_time() - own,
            "server_cpu": self._server() - server,
            "mb_before": self._memory,
        }

    def _server(self) -> float:
        stat = Path(f"/proc/{self._backend}/stat")
        if self._backend is None or not stat.exists():
            return 0.0
        user, system = stat.read_text().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _connected() -> Any:
    from warehouse.core.database import connect  # noqa: PLC0415

    return connect(os.environ[CONNECTION], what="the warehouse", variable=CONNECTION)


def _limit(contract: Any, _folder: Path) -> dict[str, Any]:
    from psycopg import sql  # noqa: PLC0415

    query = sql.SQL("copy (select {} from {} order by {}) to stdout (format csv)").format(
        sql.SQL(", ").join(sql.Identifier(column.name) for column in contract.columns),
        sql.Identifier("extracts", contract.model),
        sql.SQL(", ").join(map(sql.Identifier, contract.sort_key)),
    )
    rows = size = 0
    with _connected() as connection:
        watch = Watch(connection.info.backend_pid)
        with connection.cursor().copy(query) as copy:
            for row in copy:
                rows += 1
                size += len(row)
        return {**watch.read(), "rows": rows, "bytes": size}


def _file(contract: Any, folder: Path) -> dict[str, Any]:
    from warehouse.core.progress import Silent  # noqa: PLC0415
    from warehouse.deliver.basis import find_basis  # noqa: PLC0415
    from warehouse.deliver.edition import Edition  # noqa: PLC0415
    from warehouse.deliver.extract import extract  # noqa: PLC0415
    from warehouse.deliver.outbox import Outbox  # noqa: PLC0415
    from warehouse.deliver.periods import Month  # noqa: PLC0415

    with _connected() as connection:
        today = date(2026, 10, 3)
        basis = find_basis(connection, today, today, by_the_clock=False)
        outbox = Outbox(folder, contract.format.suffix)
        outbox.make_empty()
        watch = Watch(connection.info.backend_pid)
        made = extract(
            connection, Edition(contract, Month.parse("2026-09")), basis, outbox, Silent(), lambda _step: None
        )
        took = watch.read()
    (file,) = made.files
    return {**took, "rows": made.rows, "bytes": file.bytes, "sha256": file.sha256, "values": file.values}


def _gate(contract: Any, folder: Path) -> dict[str, Any]:
    from warehouse.core.progress import Silent  # noqa: PLC0415
    from warehouse.deliver.check import check_files  # noqa: PLC0415
    from warehouse.deliver.files import facts_of  # noqa: PLC0415

    importing = Watch()
    import great_expectations  # noqa: F401, PLC0415 - once a run, whatever the size

    imported = importing.read()
    path = _made(folder, contract)
    rows = int(os.environ[ROWS])
    facts = facts_of(path, path.name, rows)
    watch = Watch()
    check_files(contract, [(path, facts)], Silent())
    return {**watch.read(), "rows": rows, "bytes": facts.bytes, "import_seconds": imported["seconds"]}


def _made(folder: Path, contract: Any) -> Path:
    kind: str = contract.format.suffix
    (path,) = (folder / "outbox" / kind).glob(f"*.{kind}")
    return path


if __name__ == "__main__":
    main(*sys.argv[1:])
