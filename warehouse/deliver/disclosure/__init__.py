"""Disclosure control of tables of counts: which cells are hidden, and what the others are rounded to (ADR 0064)."""
