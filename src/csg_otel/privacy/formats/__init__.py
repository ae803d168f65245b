"""Token formats with a unique prefix: the tables, and the search for their tokens."""
