"""What each database is like, read in one place: tables, publication, names and what they mean."""
