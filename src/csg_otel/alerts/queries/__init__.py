"""PromQL texts, parsed: mistakes in queries that are valid and yet don't do what they were written for."""
