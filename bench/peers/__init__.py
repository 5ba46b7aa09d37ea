"""Other programs that do the same: some in an environment of their own that is made for the run and thrown away."""
