"""Whether the two databases can be replicated between, before anything is set up."""
