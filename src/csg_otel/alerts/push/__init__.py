"""Pushing compiled rules: the plan of changes, the JSON API of a backend, and files that a server reads again."""
