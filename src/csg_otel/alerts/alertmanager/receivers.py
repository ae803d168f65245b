"""
Channels as receivers of Alertmanager, and the files of their secrets.

Pure. What Alertmanager can't send as it is configured, ``csg-otel alerts relay`` sends. The rule:
the compiled file contains no secret, only the absolute path of the secret's file. So it compiles to the same text on a machine
without the secrets, provided that the scheme of an Authorization header is not part of the secret (``Bearer ${TOKEN}``).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from csg_otel.alerts import routing
from csg_otel.alerts.alertmanager import kinds
from csg_otel.alerts.direct.outgoing import plain
from csg_otel.alerts.text import duration, inert

if TYPE_CHECKING:
    from csg_otel.alerts.compilers import Options
    from csg_otel.alerts.model import Channel

_URL_FILES_SINCE: Final = (0, 26)
"""The first Alertmanager that reads the URL of a webhook from a file."""

_HEADERS_SINCE: Final = (0, 28)
"""The first Alertmanager with custom headers and a timeout for webhooks, and with a file for the user name."""

_URL_TEMPLATES_SINCE: Final = (0, 31)
"""The first Alertmanager that reads the URL of a webhook as a template."""

_SINCE: Final[Mapping[str, tuple[int, int]]] = {
    "msteams": (0, 28),
    "discord": (0, 28),
    "telegram": (0, 26),
    "pushover": (0, 26),
}
"""The first Alertmanager that has the kind and reads its secrets from files; other kinds every supported version has."""

_TOPICS_SINCE: Final = (0, 28)
"""The first Alertmanager that writes to a topic of a group in Telegram."""

_DEFAULT_TIMEOUT_S: Final = 10.0
"""Default timeout of a webhook in seconds, which every Alertmanager allows."""

# The headers that Alertmanager sets itself and refuses in a configuration (prometheus/common, config/headers.go).
_RESERVED: Final = re.compile(
    "host|content-.*|user-agent|connection|keep-alive|proxy-.*|www-authenticate|accept-encoding|x-prometheus-.*|x-amz-.*"
)


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file *name* in the directory of secrets, for the setting *path*. Its content is one *part* of the secret *value*."""

    name: str
    path: str
    value: Any = field(repr=False)
    part: Literal["all", "credentials", "user", "password"] = "all"

    def content(self) -> str:
        """Return the secret content of the file, without a newline at its end."""
        text = plain(self.value)
        if self.part == "credentials":
            return text.partition(" ")[2].strip()
        return text if self.part == "all" else _basic(text)[self.part == "password"]


@dataclass(frozen=True, slots=True)
class Target:
    """A *channel* as the receiver *name*; *prefix* is the start of the names of its secret files."""

    name: str
    channel: Channel
    prefix: str = ""
    escalated: bool = False
    send_resolved: bool | None = None
    """Whether the end of alerts is notified; None for what the channel is set to."""


def receiver(target: Target, options: Options) -> dict[str, Any]:
    """Return the receiver of *target*."""
    channel, resolved = target.channel, target.send_resolved
    ends = {"send_resolved": channel.settings.send_resolved if resolved is None else resolved}
    if relayed(target, options):
        return {"name": target.name, "webhook_configs": [{**ends, **_to_relay(target, options)}]}
    if channel.kind == "webhook":
        return {"name": target.name, "webhook_configs": [{**ends, **_webhook(target, options)}]}

    def file(key: str) -> str:
        return _file(target, key, options)

    written = kinds.WRITERS[channel.kind](channel.settings, file, escalated=target.escalated)
    return {"name": target.name, kinds.SECTIONS.get(channel.kind, f"{channel.kind}_configs"): [{**ends, **written}]}


def secret_files(target: Target, options: Options) -> Iterator[SecretFile]:
    """Yield the secret files that the receiver of *target* reads."""
    settings, kind = target.channel.settings, target.channel.kind
    if relayed(target, options):
        return
    for key in kinds.SECRETS[kind]:
        if hasattr(getattr(settings, key), "reveal"):
            yield SecretFile(f"{target.prefix}{kind}_{key}", f"{target.channel.path}.{key}", getattr(settings, key))
    if kind != "webhook":
        return
    for name, value in settings.headers.items():
        file, path = _header_file(target, name), f"{target.channel.path}.headers.{name}"
        if name.lower() == "authorization" and _scheme(value) == "basic":
            yield SecretFile(f"{file}_user", path, value, "user")
            yield SecretFile(f"{file}_password", path, value, "password")
        elif name.lower() == "authorization":
            yield SecretFile(file, path, value, "credentials")
        elif hasattr(value, "reveal"):
            yield SecretFile(file, path, value)


def relayed(target: Target, options: Options) -> bool:
    """Return whether *target* needs the relay: Alertmanager can't send to it, or not without a secret in the compiled file."""
    settings, kind, version = target.channel.settings, target.channel.kind, options.alertmanager_version
    if kind == "webhook":
        return _relayed_webhook(settings, version)
    if hasattr(getattr(settings, "api_url", None), "reveal") or getattr(settings, "access_key", None) is not None:
        return True
    if kind == "telegram" and (not isinstance(settings.chat_id, int) or settings.message_thread_id is not None):
        return version < _TOPICS_SINCE or not isinstance(settings.chat_id, int)
    return version < _SINCE.get(kind, version)


def _relayed_webhook(settings: Any, version: tuple[int, int]) -> bool:
    """Return whether a webhook needs the relay, because of its method, a header, its timeout or a secret URL."""
    if hasattr(settings.url, "reveal") and version < _URL_FILES_SINCE:
        return True
    old = version < _HEADERS_SINCE
    if settings.method != "POST" or (old and settings.timeout != _DEFAULT_TIMEOUT_S):
        return True
    for name, value in settings.headers.items():
        if name.lower() == "authorization":
            if not _scheme(value) or (old and _scheme(value) == "basic"):
                return True
        elif not _is_default_header(name, value) and (old or _RESERVED.fullmatch(name.lower())):
            return True
    return False


def slug(name: str) -> str:
    """Return *name* as part of a file's name; different names give different results."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _file(target: Target, key: str, options: Options) -> str:
    return f"{options.secrets_dir.rstrip('/')}/{target.prefix}{target.channel.kind}_{key}"


def _to_relay(target: Target, options: Options) -> dict[str, Any]:
    token = options.relay_token_file
    access = {"http_config": {"authorization": {"credentials_file": token}}} if token else {}
    return {"url": routing.relay_url(options.relay_url, target.name), **access}


def _webhook(target: Target, options: Options) -> dict[str, Any]:
    settings = target.channel.settings
    recent = options.alertmanager_version >= _HEADERS_SINCE
    if hasattr(settings.url, "reveal"):
        url = {"url_file": _file(target, "url", options)}
    else:
        is_template = options.alertmanager_version >= _URL_TEMPLATES_SINCE
        url = {"url": inert(settings.url) if is_template else settings.url}
    http = _http(target, options)
    timeout = {"timeout": duration(settings.timeout)} if recent else {}
    return {**url, **({"http_config": http} if http else {}), **timeout}


def _http(target: Target, options: Options) -> dict[str, Any]:
    """Return the settings of Alertmanager's HTTP client for the headers of a webhook."""
    login: dict[str, Any] = {}
    headers: dict[str, Any] = {}
    for name, value in target.channel.settings.headers.items():
        path = f"{options.secrets_dir.rstrip('/')}/{_header_file(target, name)}"
        if name.lower() == "authorization":
            if _scheme(value) == "basic":
                login["basic_auth"] = {"username_file": f"{path}_user", "password_file": f"{path}_password"}
            else:
                login["authorization"] = {"type": plain(value).split(" ")[0], "credentials_file": path}
        elif not _is_default_header(name, value):
            headers[name] = {"files": [path]} if hasattr(value, "reveal") else {"values": [value]}
    return {**login, **({"http_headers": headers} if headers else {})}


def _header_file(target: Target, name: str) -> str:
    return f"{target.prefix}webhook_{re.sub('[^a-z0-9]', '_', name.lower())}"


def _is_default_header(name: str, value: Any) -> bool:
    kind = plain(value).partition(";")[0].strip().lower() if name.lower() == "content-type" else ""
    return kind == "application/json"


def _scheme(value: Any) -> str:
    """Return the scheme of an Authorization header in lower case; empty if Alertmanager can't send the header."""
    scheme, _, credentials = plain(value).partition(" ")
    return scheme.lower() if credentials.strip() else ""


def _basic(header: str) -> tuple[str, str]:
    """Return user and password of a ``Basic`` header; two empty texts for an invalid one."""
    try:
        user, _, password = base64.b64decode(header.partition(" ")[2].strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password
