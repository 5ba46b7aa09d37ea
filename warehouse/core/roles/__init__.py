"""The roles of the warehouse's database: their names, what each may do, and whether it may do no more."""

from warehouse.core.roles.applying import Applied, apply, made
from warehouse.core.roles.asker import asking
from warehouse.core.roles.checking import Breach, breaches, by_login, refuse
from warehouse.core.roles.logins import Login, give
from warehouse.core.roles.names import READERS, Role, role_name
from warehouse.core.roles.overview import overview

__all__ = [
    "READERS",
    "Applied",
    "Breach",
    "Login",
    "Role",
    "apply",
    "asking",
    "breaches",
    "by_login",
    "give",
    "made",
    "overview",
    "refuse",
    "role_name",
]
