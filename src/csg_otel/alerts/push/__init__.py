"""Pushing compiled rules: the plan, the files, and the HTTP requests of every backend."""
