"""The types that all documents of the dashboard use. Pure."""

from typing import Any, Final, Literal

SCHEMA_VERSION: Final = "1.0"
"""Version of the documents: the first number changes when a key is removed or gets another meaning."""

Health = Literal["healthy", "warning", "critical", "unknown"]

State = Literal[Health, "receiving", "waiting"]
"""The state of what is shown: of a program its health, of others whether they send."""

Attributes = dict[str, Any]
"""Values are text, numbers, booleans, or lists of these."""

Level = Literal["trace", "debug", "info", "warn", "error", "fatal"]

LEVELS: Final[tuple[Level, ...]] = ("trace", "debug", "info", "warn", "error", "fatal")
"""The ranges of OpenTelemetry's severity numbers, four numbers each."""
