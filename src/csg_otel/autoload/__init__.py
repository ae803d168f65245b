"""A directory for ``PYTHONPATH``: Python imports its ``sitecustomize`` at start, which instruments the program."""
