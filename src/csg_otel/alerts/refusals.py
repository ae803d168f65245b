"""Rules that a backend can't evaluate: a compiler reports each, and goes on with the others. Pure."""

from __future__ import annotations

from collections.abc import Callable

from csg_otel.errors import AlertError

Report = Callable[[str, str], None]
"""Receives the dotted key of a rule, and why the backend can't evaluate it."""


def refuse(path: str, message: str) -> None:
    """Raise AlertError with *message* about the rule *path*."""
    raise AlertError([f"{path}: {message}"])
