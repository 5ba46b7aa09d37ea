"""Identifiers of persons, as a command gets them: from a prompt, standard input or a file, never from its arguments.

Every user of the machine can read the arguments of a program while it runs, and a shell keeps them in its history.
"""

from __future__ import annotations

import sys
from getpass import getpass
from pathlib import Path
from typing import Annotated

import typer

from warehouse.core.errors import UsageError

STANDARD_INPUT = "-"
_PROMPT = "TRN, id or National Insurance number of the person (it is not shown): "

TrnOption = Annotated[str | None, typer.Option("--trn", metavar="-", help="Read the TRN from standard input.")]
TrnFileOption = Annotated[
    str | None, typer.Option("--trn-file", metavar="FILE", help="Read the TRN from a file of yours.")
]
PersonOption = Annotated[
    str | None, typer.Option("--person-id", metavar="-", help="Read the person's id, a UUID, from standard input.")
]
PersonFileOption = Annotated[
    str | None, typer.Option("--person-id-file", metavar="FILE", help="Read the person's id from a file of yours.")
]
Refused = Annotated[list[str] | None, typer.Argument(hidden=True, metavar="")]
"""An argument that no command takes: the library would print it among what it does not expect."""


def identifiers(
    trn: str | None, trn_file: str | None, person_id: str | None, person_id_file: str | None, refused: list[str] | None
) -> list[str]:
    """The identifiers, one of each line; none when no option says where they are.

    Raises:
        UsageError: one stands among the arguments, or what should have them cannot be read.
    """
    if refused or any(value not in (None, STANDARD_INPUT) for value in (trn, person_id)):
        raise UsageError(
            "An identifier of a person does not belong on the command line.",
            meaning="Every user of this machine could read it there, and the shell keeps it in its history: take it "
            "out of that. Nothing was looked for.",
            next_command="Run the command without it, and it asks. Or let it read: --trn - reads from standard input, "
            "--trn-file FILE from a file; --person-id - and --person-id-file FILE likewise.",
        )
    given = [place for place in (trn, trn_file, person_id, person_id_file) if place is not None]
    if len(given) > 1:
        raise _usage("Say in one way where the identifier is.")
    if not given:
        return []
    lines = [line.strip() for line in _read(given[0]).splitlines()]
    found = [line for line in lines if line]
    if not found:
        raise _usage("There is no identifier in what was read.")
    return found


def asked() -> str:
    """The one identifier that a person types; the terminal does not show it.

    Raises:
        UsageError: there is no terminal to ask at.
    """
    if not sys.stdin.isatty():
        raise _usage("It was not said who is meant, and there is no terminal to ask at.")
    return getpass("TRN or id of the person (it is not shown): ").strip()


def from_standard_input(refused: list[str] | None) -> dict[int, str]:
    """The identifiers of standard input, one a line, by the number of the line; a terminal does not show what is typed.

    Raises:
        UsageError: one stands among the arguments, or the input is no text.
    """
    if refused:
        raise UsageError(
            "An identifier of a person does not belong on the command line.",
            meaning="Every user of this machine could read it there, and the shell keeps it in its history: take it "
            "out of that. Nothing was looked for.",
            next_command="Run the command without it, and it asks; or give identifiers from standard input, one a "
            "line: warehouse deliveries find-person < FILE",
        )
    lines = [getpass(_PROMPT)] if sys.stdin.isatty() else sys.stdin.read().removeprefix("\ufeff").splitlines()
    return {number: line.strip() for number, line in enumerate(lines, 1) if line.strip()}


def _read(place: str) -> str:
    if place == STANDARD_INPUT:
        return getpass("TRN or id of the person (it is not shown): ") if sys.stdin.isatty() else sys.stdin.read()
    try:
        return Path(place).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise _usage(f"The file with the identifier cannot be read: {reason}.") from None


def _usage(what: str) -> UsageError:
    return UsageError(
        what,
        meaning="Nothing was looked for and nothing erased.",
        next_command="Give the TRN by --trn-file FILE or, from standard input, by --trn -; or run it at a terminal "
        "without either, and it asks.",
    )
