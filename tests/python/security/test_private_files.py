"""What the product writes is its own account's alone, and a file with a secret that others can read is refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.python.conftest import NO_SECOND_ACCOUNT
from tests.python.main_job import Warehouse
from warehouse.core import private_files, safe_message, settings, variables
from warehouse.core.errors import SecretsExposed
from warehouse.core.settings import PROJECT

SECRETS = ("WAREHOUSE_DATABASE_URL=postgresql://a:hunter2@h/d", "WAREHOUSE_SFTP_PASSWORD=hunter2", "X_TOKEN=hunter2")


@pytest.mark.parametrize("line", SECRETS)
def test_settings_that_others_can_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    file = tmp_path / ".env"
    file.write_text(f"{line}\n")
    monkeypatch.setattr(settings, "ENV_FILE", file)
    settings.load.cache_clear()
    for mode in (0o644, 0o640, 0o604, 0o620):
        file.chmod(mode)
        with pytest.raises(SecretsExposed, match=f"mode {mode:04o}") as caught:
            settings.load()
        assert (caught.value.exit_code, caught.value.next_command) == (71, f"chmod 600 {file}")
        assert "hunter2" not in str(caught.value.as_dict())
    file.chmod(0o600)
    private_files.refuse_readable_by_others(file, "the file of the settings")


def test_a_file_without_a_secret_may_be_read(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("WAREHOUSE_HOME=/srv/x\nTRS_DATABASE_URL=postgresql://a@h/d\nWAREHOUSE_SFTP_KEY_FILE=/srv/key\n")
    assert not variables.holds_a_secret(file)


def test_no_link_is_followed(tmp_path: Path) -> None:
    victim, link = tmp_path / "victim", tmp_path / "link"
    victim.write_text("mine")
    link.symlink_to(victim)
    for write in (private_files.write_text, lambda path, _: private_files.open_to_write(path, append=True)):
        with pytest.raises(OSError, match="symbolic links"):
            write(link, "theirs")
    assert victim.read_text() == "mine"


@pytest.mark.slow
def test_another_account_sees_nothing_of_a_home(short_folder: Path) -> None:
    """`warehouse up` and what plain dbt writes, under a shell with the umask that most have."""
    home = short_folder / "private"
    warehouse = Warehouse(home, 10)
    before = os.umask(0o022)
    try:
        warehouse.json("up")
        (home / "dbt" / "target").mkdir()
        (home / "dbt" / "target" / "run_results.json").write_text(json.dumps({}))
        open_to_others = [
            str(path.relative_to(home))
            for path in (home / ".env", *(home / "clusters").glob("*/*"), home / "dbt")
            if path.name != "server.conf" and path.lstat().st_mode & 0o077
        ]
        assert open_to_others == []
        if os.geteuid() == 0:
            seen = subprocess.run(
                ["/usr/bin/find", str(home), "-mindepth", "1", "-readable"],
                user=65534,
                group=65534,
                extra_groups=[],
                capture_output=True,
                text=True,
                check=False,
            ).stdout.split()
            assert [path for path in seen if "postgresql-" not in path] == []
        project = (PROJECT / "dbt_project.yml").read_text()
        assert "target-path: .warehouse/dbt/target" in project
        assert "log-path: .warehouse/dbt/logs" in project
        if os.geteuid() != 0:
            pytest.skip(NO_SECOND_ACCOUNT)
    finally:
        os.umask(before)
        warehouse.call("down")


QUOTES = {
    # A person's own question: the answer and the refusal are for that person alone.
    "warehouse/core/question.py",
    # Why a source cannot read its own WAL: names of files, slots and relations, of these states alone.
    "warehouse/replicate/stream/decoding.py",
    "warehouse/core/safe_message.py",
}


def test_no_other_module_repeats_what_a_database_said() -> None:
    found = {
        str(path.relative_to(PROJECT))
        for folder in ("warehouse", "sandbox")
        for path in (PROJECT / folder).rglob("*.py")
        if re.search(r"message_primary|pgerror|str\(error\.__cause__\)", path.read_text(encoding="utf-8"))
    }
    assert found <= QUOTES, found - QUOTES


class Said:
    """The fields of an error."""

    table_name, column_name, constraint_name = "persons", None, "persons_pkey"

    def __init__(self, message: str) -> None:
        self.message_primary = message


@pytest.mark.parametrize(
    ("state", "message", "expected"),
    [
        ("42501", "permission denied for table persons", "permission denied for table persons"),
        ("22007", 'invalid input syntax for type date: "O"Brien\nQQ1"', "invalid datetime format (SQLSTATE 22007)"),
        ("23505", "duplicate key value", "unique violation (SQLSTATE 23505)"),
        ("P0001", "refused: Hargreaves", "raise exception (SQLSTATE P0001)"),
        ("42601", 'syntax error at or near "Hargreaves"', "syntax error (SQLSTATE 42601)"),
        (None, "Hargreaves", "the database gave no SQLSTATE"),
        ("ZZ999", "Hargreaves", "SQLSTATE ZZ999"),
    ],
)
def test_only_names_are_said_of_an_error(state: str | None, message: str, expected: str) -> None:
    said = safe_message.said(state, Said(message))
    assert said.startswith(expected)
    assert "Hargreaves" not in said
    assert "Brien" not in said
