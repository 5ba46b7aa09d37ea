"""docs/runbooks/production.md, line by line, on two system servers with TLS, with the users that it makes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.python.deliver.world import SftpWorld, sftp_server
from tests.python.main_job import COMMAND
from tests.python.worlds import tls
from tests.python.worlds.conftest import ICU, MakePlace, end_streams
from tests.python.worlds.main_job_in import run
from tests.python.worlds.runbook import Block, blocks
from tests.python.worlds.servers import SystemServer
from tests.python.worlds.world import PEOPLE, TODAY, Outcome, Place, make_source, outcome
from warehouse.core.settings import PROJECT

pytestmark = pytest.mark.slow

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
                "WAREHOUSE_SFTP_PASSWORD": "let-me-in",
                "WAREHOUSE_SFTP_KNOWN_HOSTS": str(self.sftp.known_hosts),
                "WAREHOUSE_SANDBOX_PEOPLE": str(PEOPLE),
                **variables,
            },
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def site(short_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Both servers, started as their administrators found them."""
    home = short_folder / "site"
    (home / "dandi").mkdir(parents=True)
    authority = tls.make_authority(home)
    with sftp_server(tmp_path_factory.mktemp("incoming")) as sftp:
        made = Site(home, authority, sftp)
        yield made
        made.warehouse.stop()
        made.source.stop()


@pytest.fixture(scope="module")
def tidy(new_place: MakePlace) -> Outcome:
    """What comes out on the built-in servers, which compare text by its bytes."""
    place = new_place("beside_the_runbook")
    try:
        run(place, "nothing odd")
        return outcome(place)
    finally:
        end_streams(place)


PARTS = list(dict.fromkeys(block.heading for block in blocks(PAGE)))


@pytest.mark.parametrize("heading", PARTS)
def test_each_line_of_the_runbook(site: Site, heading: str) -> None:
    for block in blocks(PAGE):
        if block.heading == heading:
            site.run(block)


def test_the_runbooks_users_may_no_more_than_they_need(site: Site) -> None:
    with psycopg.connect(site.source.administrator("trs")) as connection:
        row = connection.execute(
            "select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb,"
            " (select count(*) from pg_class where relowner = r.oid)"
            " from pg_roles as r where rolname = 'trw_reader'"
        ).fetchone()
        assert row == (False, False, False, False, 0)
        encrypted = connection.execute(
            "select bool_and(s.ssl) from pg_stat_ssl as s join pg_stat_replication as r using (pid)"
        ).fetchone()
        assert encrypted == (True,)


def test_what_comes_out_is_what_comes_out_in_a_tidy_world(site: Site, tidy: Outcome) -> None:
    """Another version, TLS, least rights, and databases that compare text by the rules of a language."""
    here = outcome(site.place)
    assert here.marts.keys() == tidy.marts.keys()
    assert Outcome(here.marts, {}).differs_from(Outcome(tidy.marts, {})) == []
    assert here.files.items() <= tidy.files.items()
