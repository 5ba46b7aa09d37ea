"""`warehouse grants …`: the roles of the warehouse's database, and who has them."""

from __future__ import annotations

from typing import Annotated

import typer

from warehouse.cli.opening import at_warehouse
from warehouse.cli.output import JsonOption, out, print_json, print_table
from warehouse.core import roles
from warehouse.core.roles import Role

app = typer.Typer(help="The roles that people's and programs' own logins get, and whether anybody can do more.")


@app.command("apply")
def apply(json: bool = JsonOption) -> None:
    """Make the roles, take from everybody what PostgreSQL gives by itself, and give each role its own rights.

    The warehouse's user needs CREATEROLE and to own the database; a superuser is not needed. It can be repeated. On the
    embedded warehouse each run does this by itself.
    """
    with at_warehouse() as (databases, warehouse):
        done = roles.apply(warehouse, databases.settings)
    if json:
        print_json({"made": done.made, "changed": done.granted, "notes": done.notes})
        return
    out.print(f"Made: {', '.join(done.made)}." if done.made else "Every role is there.")
    out.print(f"Rights were given or taken on {done.granted} tables, views and schemas.")
    for note in done.notes:
        out.print(f"Note: {note}.")


@app.command("show")
def show(json: bool = JsonOption) -> None:
    """Show the roles, how much each may read and write, and which logins have them."""
    with at_warehouse() as (databases, warehouse):
        shown = roles.overview(warehouse, databases.settings)
    if json:
        print_json([one._asdict() for one in shown])
        return
    if not shown:
        out.print("There are no roles yet. Make them with `warehouse grants apply`.")
        return
    print_table(
        None,
        ["role", "reads columns", "of relations", "writes to", "logins"],
        [(one.role, one.columns, one.relations, one.written, ", ".join(one.logins) or "–") for one in shown],
    )


@app.command("check")
def check(json: bool = JsonOption) -> None:
    """Compare what everybody, the roles and their logins can do with what is declared, and log in as each role.

    Exit codes 29 and 45: somebody can do more. Nothing is changed.
    """
    with at_warehouse() as (databases, warehouse):
        found = roles.breaches(warehouse, databases.settings)
        by_login, why = roles.by_login(warehouse, databases.settings)
        are_made = bool(roles.made(warehouse, databases.settings))
    roles.refuse([*found, *by_login])
    if json:
        print_json({"breaches": [], "not_by_login": why})
    else:
        out.print("Nobody can do more than is declared." if are_made else "There are no roles yet.")
        if why:
            out.print(f"Compared in a session of the warehouse's own user: {why}.")


@app.command("login")
def login(
    name: Annotated[str, typer.Argument(help="The login of a person or a program.")],
    role: Annotated[Role | None, typer.Option("--role", help="The role that it gets, in the place of another.")] = None,
    take_away: Annotated[bool, typer.Option("--take-away", help="Take its role away.")] = False,
    json: bool = JsonOption,
) -> None:
    """Give a login one of the roles. One that does not exist is made, without a password.

    How its person proves who they are is the server's affair: a certificate, a directory, or a password that the person
    or an administrator sets there (\\password in psql), never on a command line.
    """
    if (role is None) == (not take_away):
        raise typer.BadParameter("Give --role, or --take-away.")
    with at_warehouse() as (databases, warehouse):
        done = roles.give(warehouse, databases.settings, name, role)
    if json:
        print_json({"login": done.name, "role": done.role, "made": done.is_new})
        return
    now = f"has the role {done.role} now" if done.role else "has no role of the warehouse any more"
    out.print(f"{done.name} {now}." + (" It was made, without a password." if done.is_new else ""))
