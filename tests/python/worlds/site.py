"""The site of docs/runbooks/production.md: two system servers with TLS, a place for files, and who runs each block."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import psycopg

from tests.python.commands import COMMAND
from tests.python.deliver.world import SftpWorld
from tests.python.worlds import tls
from tests.python.worlds.runbook import Block
from tests.python.worlds.servers import ICU, SystemServer
from tests.python.worlds.world import KEYS, PEOPLE, TODAY, Place, make_source
from warehouse.core.settings import PROJECT

PAGE = PROJECT / "docs/runbooks/production.md"
EXPORTS = "export TRS_DATABASE_URL="


class Site:
    """Two servers, a place for files, and a person with a shell."""

    def __init__(self, home: Path, authority: Path, sftp: SftpWorld) -> None:
        self.home, self.authority, self.sftp = home, authority, sftp
        self.source = SystemServer(home, "source", authority)
        self.warehouse = SystemServer(home, "target", authority)
        with psycopg.connect(self.source.administrator(), autocommit=True) as connection:
            connection.execute(f"create database trs template template0 encoding 'UTF8' {ICU}")
        make_source(self.source.administrator("trs"))
        (sftp.folder / "incoming").mkdir()
        self.exports = ""

    @property
    def place(self) -> Place:
        """The same as in the suite of worlds, for looking at what came out."""
        return Place(
            self.home, "runbook", self.source.administrator("trs"), self.warehouse.administrator("warehouse"), "", ""
        )

    def yours(self, text: str) -> str:
        """The page's names and addresses replaced by this site's, as the page says that a reader does."""
        for theirs, ours in {
            "@trs.example.org:5432": f"@{tls.HOST}:{self.source.port}",
            "@warehouse.example.org:5432": f"@{tls.HOST}:{self.warehouse.port}",
            "/etc/ssl/certs/trs-ca.pem": str(self.authority),
            "gs://bucket/teaching-record": str(self.home / "dandi"),
            "sftp://trw@files.example.org:22/incoming": self.sftp.url.replace("/drop", "/incoming"),
            "192.0.2.10/32": "127.0.0.1/32",
            "192.0.2.20/32": "127.0.0.1/32",
            # A server whose databases compare text by the rules of a language.
            "encoding 'UTF8' template template0": f"encoding 'UTF8' template template0 {ICU}",
        }.items():
            text = text.replace(theirs, ours)
        assert "example.org" not in text, text
        return text

    def run(self, block: Block) -> None:
        """Run one block as the one whom it is for. It has to succeed."""
        text = self.yours(block.text)
        if block.who in ("source", "warehouse"):
            server, database = (self.source, "trs") if block.who == "source" else (self.warehouse, "postgres")
            self._done(block, [server.psql, "-X", "-v", "ON_ERROR_STOP=1", "-d", server.administrator(database)], text)
            if "alter system" in text:
                server.restart()
        elif block.who == "source's pg_hba.conf":
            self.source.allow(text)
        elif block.who == "warehouse's pg_hba.conf":
            self.warehouse.allow(text)
        elif block.who == "source's shell":
            self._done(block, ["bash", "-euo", "pipefail"], text, **self.source.variables("warehouse"))
        else:
            if text.startswith(EXPORTS):
                self.exports = text
            self._done(block, ["bash", "-euo", "pipefail"], self.exports + text)

    def _done(self, block: Block, command: list[str], text: str, **variables: str) -> None:
        done = self._run(command, text, **variables)
        assert done.returncode == 0, f"{PAGE.name}:{block.line}: {done.stdout}{done.stderr}"

    def _run(self, command: list[str], text: str, **variables: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("WAREHOUSE_", "TRS_", "PG"))}
        return subprocess.run(
            command,
            input=text,
            cwd=self.home,
            env={
                **kept,
                "PATH": f"{Path(COMMAND).parent}:{Path(self.source.psql).parent}:{kept['PATH']}",
                "WAREHOUSE_HOME": str(self.home / "home"),
                "WAREHOUSE_TODAY": TODAY.isoformat(),
                # The page's own commands leave a key as it is that is there.
                **KEYS,
                "WAREHOUSE_SFTP_PASSWORD": "let-me-in",
                "WAREHOUSE_SFTP_KNOWN_HOSTS": str(self.sftp.known_hosts),
                "WAREHOUSE_SANDBOX_PEOPLE": str(PEOPLE),
                **variables,
            },
            capture_output=True,
            text=True,
            check=False,
        )
