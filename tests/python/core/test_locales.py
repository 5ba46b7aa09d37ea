"""Whatever the locale: every letter is written, and none ends a command."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.python.commands import COMMAND
from warehouse.core.databases import write_dbt_environment

ASCII = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
SAYS = "from warehouse.cli.output import *; speak_any_language(); out.print('\\u2713 \\xdcnal, \\u0141\\xf3d\\u017a')"


def test_a_pipe_has_utf_8() -> None:
    done = subprocess.run([sys.executable, "-c", SAYS], env=ASCII, capture_output=True, check=True)
    assert done.stdout.decode("utf-8") == "✓ Ünal, Łódź\n"


def test_a_terminal_without_a_letter_has_a_question_mark() -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", SAYS], env=ASCII, stdout=theirs) as process:
        os.close(theirs)
        said = b""
        while b"\n" not in said:
            said += os.read(ours, 1024)
    assert process.returncode == 0
    assert said.startswith(b"? ?nal, ?")
    os.close(ours)


@pytest.mark.parametrize("word", ["Łódź".encode(), b"\xff\xfe"])
def test_a_word_that_is_no_text_is_a_wrong_command(word: bytes) -> None:
    done = subprocess.run([COMMAND.encode(), word], env=ASCII, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"No such command" in done.stderr


def test_what_a_person_wrote_around_our_lines_stays(tmp_path: Path) -> None:
    """In any locale: `.env` is read and written as UTF-8."""
    file = tmp_path / ".env"
    file.write_text("# Łódź, für alle\n", encoding="utf-8")
    program = f"from pathlib import Path; from warehouse.core.databases import *; {write_dbt_environment.__name__}"
    subprocess.run(
        [sys.executable, "-c", f"{program}('host=127.0.0.1 dbname=x', Path({str(file)!r}))"], env=ASCII, check=True
    )
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# Łódź, für alle\n")
    assert "WAREHOUSE_PGDATABASE=x" in text
