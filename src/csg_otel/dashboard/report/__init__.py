"""
The report: one document about a program (status, health, changes, charts, alerts, traces, logs), as JSON, Markdown or HTML.

``document`` collects it from a source, ``page`` and ``markdown`` render it, and ``output`` writes it to a file.
"""
