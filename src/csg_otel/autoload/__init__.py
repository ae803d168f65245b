"""A directory for ``PYTHONPATH``: Python imports its module ``sitecustomize`` at start, and that instruments the program."""
