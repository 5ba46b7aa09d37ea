"""The published checks of Explore Education Statistics, run on a file and its metadata before they leave (ADR 0064).

The names are those of the department's own screener, eesyscreener, so that its guidance can be looked up by them. Where
its sources say different things of a limit, the stricter one holds.
"""
