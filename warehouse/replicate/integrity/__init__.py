"""Whether the replica and its history still are what the warehouse made, and how they are restored."""
