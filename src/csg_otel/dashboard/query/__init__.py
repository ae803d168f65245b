"""
Queries of a program's traces, logs, metrics and health, for scripts and for coding agents: read-only, with the API's filters.

``catalog`` lists the queries with their filters, ``text`` renders the answers for people, and ``bounded`` limits their size.
"""
