"""The ledger: what the warehouse did, kept in schema `ledger` of the warehouse itself.

Each table's comment says what a row of it means. The tables are made by the numbered files in migrations/.
"""

from warehouse.core.ledger.migrations import migrate

__all__ = ["migrate"]
