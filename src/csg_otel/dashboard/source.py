"""
A source of the dashboard's documents: a dashboard reads them in its own process, or from another process by HTTP.

Everything that shows something (terminal, reports, queries) reads documents through this one protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from csg_otel.errors import CsgOtelError

Parameters = Mapping[str, "str | list[str]"]
"""The parameters of a query, by name; a parameter that is repeated has a list."""


class SourceError(CsgOtelError):
    """No document: nothing answers, access is refused, or the query is wrong; the message says what to do."""


class NotFoundError(SourceError):
    """There is no such document, such as a trace that is not kept any more."""


class Source(Protocol):
    """The documents of one program."""

    @property
    def address(self) -> str:
        """The URL of the program's dashboard; empty for the own process."""

    def get(self, path: str, parameters: Parameters | None = None) -> Any:
        """Return the document at ``/api/v1/`` + *path* (see ``model``). Raises SourceError. Blocks for 5 s at most."""

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Run the action at ``/api/v1/`` + *path* and return its document. Raises SourceError. Blocks for 5 s at most."""
