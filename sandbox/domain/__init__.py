"""What is true of the Teaching Record System, stated once for both generators: `population` and `life`.

Lists are CSV files in `data/`, read with `tables`. Nothing in this room draws at random by itself, and nothing in it
needs numpy or polars.
"""
