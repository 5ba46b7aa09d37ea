"""The roles of the warehouse's database: their names, what each may do, and whether it may do no more."""

from warehouse.core.roles.names import READERS, Role, reads_as, role_name

__all__ = ["READERS", "Role", "reads_as", "role_name"]
