"""One embedded PostgreSQL cluster: made, started, recovered and stopped."""

from __future__ import annotations

import fcntl
import os
import secrets
import shlex
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from warehouse.core import private_files, server_proof
from warehouse.core.errors import SetupError
from warehouse.core.postgres.binaries import Binaries
from warehouse.core.postgres.owner import Owner, unprivileged_owner
from warehouse.core.postgres.server_log import ServerLog

USER = "warehouse"
START_SECONDS = 120
LOG_DAYS = 30
_ORPHAN_SECONDS = 15
_RELOCATED = Path("/var/lib/teaching-record-warehouse")

_SETTINGS = {
    # Loopback only, and a password even there: other people have accounts on the same machine.
    "listen_addresses": "'127.0.0.1'",
    "unix_socket_directories": "''",
    "password_encryption": "'scram-sha-256'",
    # Logs outlive the data they are about. An error of a session or of a replication worker may quote a value in its
    # very message, so only what PostgreSQL says of its own work is logged, and no statement and no DETAIL line.
    "log_min_messages": "'log'",
    "log_error_verbosity": "'terse'",
    "log_min_error_statement": "'panic'",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "shared_buffers": "'256MB'",
    "maintenance_work_mem": "'256MB'",
    "work_mem": "'32MB'",
    "max_wal_size": "'4GB'",
    # A segment that is no longer needed goes from the disk, with what an erased person left in it.
    "wal_recycle": "off",
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
        log_days: how long its log is kept.

    As root it runs as another user, who owns `data` alone. Whoever is a superuser of a database can do anything as
    that user, so nothing is written into `data`, and all else is in a folder that only root writes.
    """

    def __init__(
        self,
        name: str,
        home: Path,
        binaries: Binaries,
        settings: Mapping[str, str] | None = None,
        log_days: int = LOG_DAYS,
    ) -> None:
        self.name = name
        self.home = home
        self._log = ServerLog(self.folder, log_days)
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
        return self._log.path

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
            require_auth=server_proof.PROOF,
        )

    @property
    def port(self) -> str | None:
        """The port of the last start, None before the first."""
        try:
            return private_files.read_text(self.folder / "port").strip()
        except OSError:
            return None

    def server_pid(self) -> int | None:
        """The running server's process id, or None. A lock file left by kill -9 or a power cut does not count."""
        try:
            pid = int(private_files.read_text(self.data / "postmaster.pid").splitlines()[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, IndexError, ValueError):
            return None
        # After a reboot the number may be anybody's.
        return pid if b"postgres" in command and os.fsencode(str(self.data.resolve())) in command else None

    def start(
        self, *, overriding: Mapping[str, str] | None = None, before_moving: Callable[[], object] = lambda: None
    ) -> bool:
        """Make the cluster if it is not there, and start it if it does not run; True when it was started now.

        Args:
            overriding: settings for as long as it runs this time.
            before_moving: called when somebody else has its port, before it gets another one.

        Raises:
            SetupError: it cannot be made or does not start; says where its log is.
        """
        with self._lock():
            self._log.turn_over()
            if not self.exists():
                self._make()
            if self._comes_up():
                return False
            self._start_server(overriding or {}, before_moving)
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
            return private_files.read_text(self.folder / file).strip()
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
        with private_files.open_to_write(self.folder / "lock") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _place(self) -> None:
        """Make the folder, where the user that the server runs as can reach it.

        A root user's checkout often stands in a home folder that nobody else may enter; then the clusters go to a
        folder under /var/lib, and `clusters` is a link to it.
        """
        # The server's user goes through to its data, and sees nothing on the way.
        mode = 0o711 if self._owner else 0o700
        try:
            if not self.home.exists():
                private_files.make_folder(self.home, mode)
            clusters = self.home / "clusters"
            if not clusters.exists():
                if self._owner and not self._owner.can_reach(self.home / "clusters"):
                    private_files.make_folder(_RELOCATED, mode)
                    target = _RELOCATED / secrets.token_hex(6)
                    target.mkdir()
                    clusters.unlink(missing_ok=True)
                    clusters.symlink_to(target)
                else:
                    clusters.mkdir(exist_ok=True)
            self._refuse_folders_of_others()
            private_files.make_folder(clusters, mode)
            private_files.make_folder(self.folder, mode)
        except OSError as error:
            raise SetupError(
                f"The folder for the embedded databases cannot be made: {error.strerror} ({error.filename}).",
                meaning="The embedded databases were not started.",
                next_command="Make room or rights there, or set WAREHOUSE_HOME to another folder.",
            ) from None

    def _refuse_folders_of_others(self) -> None:
        """As root, write only where nobody else can put a link in the way.

        Raises:
            SetupError: another account owns the folder, or may write there.
        """
        if self._owner is None:
            return
        for folder in (self.home, self.home / "clusters", self.folder):
            if not folder.exists():
                continue
            status = folder.stat()
            if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise SetupError(
                    f"This is root, and the folder {folder} belongs to another account or may be written by one.",
                    meaning="The embedded databases were not started: a link that is planted there would have root "
                    "write over any file.",
                    next_command="Run the command as the account that owns the folder, or set WAREHOUSE_HOME to a "
                    "folder that only root may write.",
                )

    def _programs(self) -> Path:
        """The programs' folder; a copy beside the clusters when the server's user cannot reach the original."""
        original = self._binaries.folder
        if self._owner is None or self._owner.can_reach(original / "postgres"):
            return original
        copy = self.folder.parent.resolve() / f"postgresql-{self._binaries.version}"
        inside = original.relative_to(original.parents[2])
        return copy / inside if copy.exists() else self._binaries.copy_to(copy)

    def _run(self, program: str, *arguments: str, log: IO[bytes] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program as the owner. Output goes to a file: a server that stays would keep a pipe open for ever.

        Args:
            log: where a server that stays is to write.
        """
        with private_files.open_to_write(self.folder / f"{program}.out") as handle:
            done = subprocess.run(
                [str(self._programs() / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log or handle,
                stderr=handle,
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
                check=False,
                **(self._owner.as_subprocess() if self._owner else {}),
            )
            handle.seek(0)
            said = handle.read().decode("utf-8", "replace")
            return subprocess.CompletedProcess(done.args, done.returncode, said, None)

    def _make(self) -> None:
        """initdb with a password of its own; `made` is written last, so half a cluster is created again."""
        shutil.rmtree(self.data, ignore_errors=True)
        password = secrets.token_urlsafe(24)
        private_files.write_text(self.folder / "password", password)
        handed_over = self.folder / "password.init"
        try:
            self.data.mkdir(mode=0o700)
            private_files.write_text(handed_over, password)
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
        private_files.write_text(self.folder / "made", "")

    def _choose_port(self, before_moving: Callable[[], object]) -> int:
        """The port of last time if it is free, or else any: tools that remember it still work."""
        for port in (int(self.port or 0), 0):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    before_moving()
                    continue
                chosen = int(probe.getsockname()[1])
            private_files.write_text(self.folder / "port", str(chosen))
            return chosen
        raise SetupError(
            "No port on 127.0.0.1 is free.",
            meaning=f"The embedded database `{self.name}` was not started.",
            next_command="Close programs that hold many connections, then run the command again.",
        )

    def _configuration(self, port: int) -> Path:
        """Write the settings into a file beside the data; those that initdb chose come first."""
        lines = [f"{key} = {value}" for key, value in {**self._settings, "port": str(port)}.items()]
        main = str(self.data.resolve() / "postgresql.conf").replace("'", "''")
        path = self.folder.resolve() / "server.conf"
        text = "\n".join(["# Written at each start.", f"include '{main}'", *lines]) + "\n"
        private_files.write_text(path, text, mode=0o640 if self._owner else 0o600)
        if self._owner:
            self._owner.may_read(path)
        return path

    def _start_server(self, overriding: Mapping[str, str], before_moving: Callable[[], object]) -> None:
        configuration = self._configuration(self._choose_port(before_moving))
        options = {"config_file": str(configuration), **overriding}
        given = " ".join(f"-c {shlex.quote(f'{key}={value}')}" for key, value in options.items())
        if self.server_pid() is None:
            # A lock file of a killed server, or of another process's number after a reboot.
            (self.data / "postmaster.pid").unlink(missing_ok=True)
        deadline = time.monotonic() + _ORPHAN_SECONDS
        while True:
            with self._log.open() as log:
                done = self._pg_ctl("start", "-s", "-w", "-t", str(START_SECONDS), "-o", given, log=log)
            if done.returncode == 0 and self._is_ready():
                return
            # The children of a killed server hold its shared memory until they notice.
            if time.monotonic() > deadline or "shared memory" not in self._log.tail():
                break
            time.sleep(0.5)
        raise SetupError(
            f"The embedded database `{self.name}` does not start: {_last_line(self._log.tail() or done.stdout)}.",
            meaning="What it held is untouched.",
            next_command=f"Read {self.log}, then run `warehouse doctor`.",
        )

    def _pg_ctl(self, *arguments: str, log: IO[bytes] | None = None) -> subprocess.CompletedProcess[str]:
        return self._run("pg_ctl", "-D", str(self.data.resolve()), *arguments, log=log)

    def _comes_up(self) -> bool:
        """Whether it runs; one that recovers after the crash of a process of its own, starts or ends is waited for."""
        deadline = time.monotonic() + START_SECONDS
        while self.server_pid() is not None:
            if self._is_ready():
                return True
            if time.monotonic() > deadline:
                raise SetupError(
                    f"The embedded database `{self.name}` is running and accepts no connection: "
                    f"{_last_line(self._log.tail())}.",
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


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "it gave no reason"
