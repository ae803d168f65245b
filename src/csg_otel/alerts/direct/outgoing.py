"""What a channel sends: HTTP requests and mails, as values. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

TIMEOUT_S: Final = 10.0
"""Default deadline of one request in seconds."""

MAIL_TIMEOUT_S: Final = 30.0
"""Deadline of a whole conversation with a mail server in seconds: some servers greet slowly on purpose."""


class ChannelError(ValueError):
    """A channel can't be notified as it is set; the message says what to change, and has no secret."""


@dataclass(frozen=True, slots=True)
class HttpCall:
    """An HTTP request; everything but its method may hold a secret."""

    url: str = field(repr=False)
    body: bytes | None = field(repr=False)
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    method: str = "POST"
    timeout_s: float = TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail, its *content* in CRLF lines, and the server that takes it; *security* says when TLS begins."""

    host: str
    port: int
    security: str
    """``tls`` from the first byte, ``starttls``, or ``plain``."""
    sender: str
    recipients: tuple[str, ...]
    content: bytes = field(repr=False)
    username: str = ""
    password: str = field(repr=False, default="")
    timeout_s: float = MAIL_TIMEOUT_S


def json_call(url: str, content: Mapping[str, Any], **headers: str) -> HttpCall:
    """Return the POST of *content* as JSON; the underscores in the names of *headers* are hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
    return HttpCall(url, body, {"Content-Type": "application/json", **named})


def plain(value: Any) -> str:
    """Return a setting as text, with its secrets. Only what sends it may use the text."""
    return str(value.reveal() if hasattr(value, "reveal") else value)
