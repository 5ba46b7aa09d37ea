"""Queries that people bring along, written for another database."""
