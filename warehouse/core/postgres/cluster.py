"""One embedded PostgreSQL cluster: made, started, recovered and stopped."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from warehouse.core.errors import SetupError
from warehouse.core.postgres.binaries import Binaries
from warehouse.core.postgres.owner import Owner, unprivileged_owner

USER = "warehouse"
START_SECONDS = 120
_ORPHAN_SECONDS = 15
_RELOCATED = Path("/var/lib/teaching-record-warehouse")

_SETTINGS = {
    # Loopback only, and a password even there: other people have accounts on the same machine.
    "listen_addresses": "'127.0.0.1'",
    "unix_socket_directories": "''",
    "password_encryption": "'scram-sha-256'",
    # Logs outlive the data they are about, so no statement and no DETAIL line with a row's values gets into them.
    "log_error_verbosity": "'terse'",
    "log_min_error_statement": "'panic'",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "shared_buffers": "'256MB'",
    "maintenance_work_mem": "'256MB'",
    "work_mem": "'32MB'",
    "max_wal_size": "'4GB'",
    "checkpoint_timeout": "'15min'",
    "timezone": "'UTC'",
}


class Cluster:
    """A PostgreSQL cluster in a folder of its own.

    Args:
        name: of the folder, and in messages.
        home: the folder that holds the clusters (`.warehouse`).
        binaries: the programs to run it with.
        settings: PostgreSQL settings beyond the common ones, as they stand in postgresql.conf.
    """

    def __init__(self, name: str, home: Path, binaries: Binaries, settings: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.home = home
        self._binaries = binaries
        self._settings = {**_SETTINGS, **(settings or {})}
        self._owner: Owner | None = unprivileged_owner()

    @property
    def folder(self) -> Path:
        return self.home / "clusters" / self.name

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    def exists(self) -> bool:
        """Whether it has been made (an interrupted making does not count)."""
        return (self.folder / "made").exists()

    def conninfo(self, database: str) -> str:
        """How to connect; it holds the password, so it is never printed."""
        return make_conninfo(
            host="127.0.0.1",
            port=self._read("port"),
            user=USER,
            password=self._read("password"),
            dbname=database,
        )

    def server_pid(self) -> int | None:
        """The running server's process id, or None. A lock file left by kill -9 or a power cut does not count."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, IndexError, ValueError):
            return None
        # After a reboot the number may be anybody's.
        return pid if b"postgres" in command and os.fsencode(str(self.data.resolve())) in command else None

    def start(self) -> bool:
        """Make the cluster if it is not there, and start it if it does not run; True when it was started now.

        Raises:
            SetupError: it cannot be made or does not start; says where its log is.
        """
        with self._lock():
            if not self.exists():
                self._make()
            if self._comes_up():
                return False
            self._start_server()
            return True

    def stop(self) -> bool:
        """Stop it, ending its sessions; True when it ran."""
        if not self.exists():
            return False
        with self._lock():
            if self.server_pid() is None:
                return False
            self._pg_ctl("stop", "-m", "fast", "-w", "-t", "60")
            return True

    def create_database(self, database: str) -> bool:
        """Create a database if it is not there; True when it was created now."""
        with psycopg.connect(self.conninfo("postgres"), autocommit=True) as connection:
            if connection.execute("select 1 from pg_database where datname = %s", (database,)).fetchone():
                return False
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(database)))
            return True

    # -- the steps ---------------------------------------------------------------------------------------------

    def _read(self, file: str) -> str:
        try:
            return (self.folder / file).read_text().strip()
        except OSError:
            raise SetupError(
                f"The embedded database `{self.name}` is not there, or belongs to another user.",
                meaning="It could not be used.",
                next_command="Run `warehouse up` as the user who made it, or set WAREHOUSE_HOME to a folder of yours.",
            ) from None

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One process at a time makes, starts or stops it."""
        self._place()
        with (self.folder / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _place(self) -> None:
        """Make the folder, where the user that the server runs as can reach it.

        A root user's checkout often stands in a home folder that nobody else may enter; then the clusters go to a
        folder under /var/lib, and `clusters` is a link to it.
        """
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            clusters = self.home / "clusters"
            if not clusters.exists():
                if self._owner and not self._owner.can_reach(self.home / "clusters"):
                    target = _RELOCATED / secrets.token_hex(6)
                    target.mkdir(parents=True)
                    clusters.unlink(missing_ok=True)
                    clusters.symlink_to(target)
                else:
                    clusters.mkdir(exist_ok=True)
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise SetupError(
                f"The folder for the embedded databases cannot be made: {error.strerror} ({error.filename}).",
                meaning="The embedded databases were not started.",
                next_command="Make room or rights there, or set WAREHOUSE_HOME to another folder.",
            ) from None

    def _programs(self) -> Path:
        """The programs' folder; a copy beside the clusters when the server's user cannot reach the original."""
        original = self._binaries.folder
        if self._owner is None or self._owner.can_reach(original / "postgres"):
            return original
        copy = self.folder.parent.resolve() / f"postgresql-{self._binaries.version}"
        inside = original.relative_to(original.parents[2])
        return copy / inside if copy.exists() else self._binaries.copy_to(copy)

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program as the owner. Output goes to a file: a server that stays would keep a pipe open for ever."""
        out = self.folder / f"{program}.out"
        with out.open("w+", encoding="utf-8", errors="replace") as handle:
            done = subprocess.run(
                [str(self._programs() / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
                check=False,
                **(self._owner.as_subprocess() if self._owner else {}),
            )
            handle.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, handle.read(), None)

    def _make(self) -> None:
        """initdb with a password of its own; `made` is written last, so half a cluster is created again."""
        shutil.rmtree(self.data, ignore_errors=True)
        password = secrets.token_urlsafe(24)
        self._write_secret("password", password)
        handed_over = self.folder / "password.init"
        try:
            self.data.mkdir(mode=0o700)
            self._write_secret(handed_over.name, password)
            if self._owner:
                self._owner.takes(self.data)
                self._owner.takes(handed_over)
            done = self._run(
                "initdb",
                f"--pgdata={self.data.resolve()}",
                f"--username={USER}",
                f"--pwfile={handed_over.resolve()}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            )
        finally:
            handed_over.unlink(missing_ok=True)
        if done.returncode != 0:
            raise SetupError(
                f"The embedded database `{self.name}` could not be made: {_last_line(done.stdout)}.",
                meaning="Nothing is kept of the attempt.",
                next_command=f"Read {self.folder / 'initdb.out'}; `warehouse doctor` checks disk, user and programs.",
            )
        (self.folder / "made").touch()

    def _write_secret(self, name: str, value: str) -> None:
        path = self.folder / name
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(value)

    def _choose_port(self) -> int:
        """The port of last time if it is free, or else any: tools that remember it go on working."""
        remembered = self.folder / "port"
        wanted = int(remembered.read_text()) if remembered.exists() else 0
        for port in (wanted, 0):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
                chosen = int(probe.getsockname()[1])
            remembered.write_text(str(chosen))
            return chosen
        raise SetupError(
            "No port on 127.0.0.1 is free.",
            meaning=f"The embedded database `{self.name}` was not started.",
            next_command="Close programs that hold many connections, then run the command again.",
        )

    def _start_server(self) -> None:
        port = self._choose_port()
        lines = [f"{key} = {value}" for key, value in {**self._settings, "port": str(port)}.items()]
        configuration = self.data / "warehouse.conf"
        configuration.write_text("# Written at each start.\n" + "\n".join(lines) + "\n")
        main = self.data / "postgresql.conf"
        if "include = 'warehouse.conf'" not in main.read_text(encoding="utf-8", errors="replace"):
            with main.open("a") as handle:
                handle.write("\ninclude = 'warehouse.conf'\n")
        self.log.touch()
        if self._owner:
            for path in (configuration, self.log):
                self._owner.takes(path)
        if self.server_pid() is None:
            # A lock file of a killed server, or of another process's number after a reboot.
            (self.data / "postmaster.pid").unlink(missing_ok=True)
        deadline = time.monotonic() + _ORPHAN_SECONDS
        while True:
            done = self._pg_ctl("start", "-w", "-t", str(START_SECONDS), "-l", str(self.log.resolve()))
            if done.returncode == 0 and self._is_ready():
                return
            # The children of a killed server hold its shared memory until they notice.
            if time.monotonic() > deadline or "shared memory" not in self._log_tail():
                break
            time.sleep(0.5)
        raise SetupError(
            f"The embedded database `{self.name}` does not start: {_last_line(self._log_tail() or done.stdout)}.",
            meaning="What it held is untouched.",
            next_command=f"Read {self.log}, then run `warehouse doctor`.",
        )

    def _pg_ctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run("pg_ctl", "-D", str(self.data.resolve()), *arguments)

    def _comes_up(self) -> bool:
        """Whether it runs; one that recovers after the crash of a process of its own, starts or ends is waited for."""
        deadline = time.monotonic() + START_SECONDS
        while self.server_pid() is not None:
            if self._is_ready():
                return True
            if time.monotonic() > deadline:
                raise SetupError(
                    f"The embedded database `{self.name}` is running and accepts no connection: "
                    f"{_last_line(self._log_tail())}.",
                    meaning="It was left as it is.",
                    next_command=f"Read {self.log}, then run `warehouse doctor`.",
                )
            time.sleep(0.2)
        return False

    def _is_ready(self) -> bool:
        if self.server_pid() is None:
            return False
        try:
            psycopg.connect(self.conninfo("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _log_tail(self) -> str:
        try:
            return self.log.read_text(encoding="utf-8", errors="replace")[-4000:]
        except OSError:
            return ""


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "it gave no reason"
