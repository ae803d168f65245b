"""
Channels as receivers of Alertmanager, and the files their secrets are kept in.

Pure. A webhook that Alertmanager can't call as it is configured is called by ``csg-otel alerts relay``. The rule: a secret is
never in the configuration, only the absolute path of its file; so what is compiled is the same where no secret is set, as long
as the scheme of an Authorization header is written beside its form (``Bearer ${TOKEN}``).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from csg_otel.alerts import routing
from csg_otel.alerts.alertmanager import templates
from csg_otel.alerts.text import duration, inert

if TYPE_CHECKING:
    from csg_otel.alerts.spec import Channel, Options

_HEADERS_SINCE: Final = (0, 28)
"""The Alertmanager that sends headers of one's own, has a deadline for webhooks, and reads a user's name from a file."""

_URL_TEMPLATES_SINCE: Final = (0, 31)

_DEFAULT_TIMEOUT_S: Final = 10.0

# What Alertmanager sets itself and refuses to have set (prometheus/common, config/headers.go).
_RESERVED: Final = re.compile(
    "host|content-.*|user-agent|connection|keep-alive|proxy-.*|www-authenticate|accept-encoding|x-prometheus-.*|x-amz-.*"
)


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file named *name* in the directory of secrets, for the setting *path*; ``content`` is what it must hold."""

    name: str
    path: str
    held: Any = field(repr=False)
    part: Literal["all", "credentials", "user", "password"] = "all"

    def content(self) -> str:
        """Return the secret text, for the one call that writes or compares it; without a newline at its end."""
        text = plain(self.held)
        if self.part == "credentials":
            return text.partition(" ")[2].strip()
        return text if self.part == "all" else _basic(text)[self.part == "password"]


@dataclass(frozen=True, slots=True)
class Target:
    """A *channel* as somebody's receiver *name*; *path* is its setting, *prefix* begins the names of its secrets' files."""

    name: str
    channel: Channel
    path: str
    prefix: str = ""
    escalated: bool = False


def receiver(target: Target, options: Options) -> dict[str, Any]:
    """Return the receiver of *target*."""
    made = {"email": _email, "slack": _slack, "webhook": _webhook, "pagerduty": _pagerduty}[target.channel.kind]
    return {"name": target.name, f"{target.channel.kind}_configs": [{"send_resolved": True, **made(target, options)}]}


def secret_files(target: Target, options: Options) -> Iterator[SecretFile]:
    """Yield the files that the receiver of *target* reads."""
    settings, kind = target.channel.settings, target.channel.kind
    key = {"email": "password", "slack": "webhook_url", "pagerduty": "integration_key"}.get(kind, "")
    if key and getattr(settings, key) is not None:
        yield SecretFile(f"{target.prefix}{kind}_{key}", f"{target.path}.{key}", getattr(settings, key))
    if kind != "webhook" or relayed(target, options):
        return
    for name, value in settings.headers.items():
        file, path = _header_file(target, name), f"{target.path}.headers.{name}"
        if name.lower() == "authorization" and _scheme(value) == "basic":
            yield SecretFile(f"{file}_user", path, value, "user")
            yield SecretFile(f"{file}_password", path, value, "password")
        elif name.lower() == "authorization":
            yield SecretFile(file, path, value, "credentials")
        elif hasattr(value, "reveal"):
            yield SecretFile(file, path, value)


def relayed(target: Target, options: Options) -> bool:
    """Tell whether the webhook of *target* needs the relay: its method, a header or its deadline is beyond Alertmanager."""
    settings = target.channel.settings
    old = options.alertmanager_version < _HEADERS_SINCE
    if settings.method != "POST" or (old and settings.timeout != _DEFAULT_TIMEOUT_S):
        return True
    for name, value in settings.headers.items():
        if name.lower() == "authorization":
            if not _scheme(value) or (old and _scheme(value) == "basic"):
                return True
        elif not _sent_anyway(name, value) and (old or _RESERVED.fullmatch(name.lower())):
            return True
    return False


def slug(name: str) -> str:
    """Return *name* as part of a file's name; different names stay different."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _file(target: Target, key: str, options: Options) -> str:
    return f"{options.secrets_dir.rstrip('/')}/{target.prefix}{target.channel.kind}_{key}"


def _email(target: Target, options: Options) -> dict[str, Any]:
    settings = target.channel.settings
    account = settings.username or ""
    sender = settings.from_email or (account if "@" in account else "") or settings.recipients[0]
    host = f"[{settings.smtp_server}]" if ":" in settings.smtp_server else settings.smtp_server
    login = {"auth_username": account} if account else {}
    if settings.password is not None:
        login["auth_password_file"] = _file(target, "password", options)
    return {
        "to": inert(", ".join(settings.recipients)),
        "from": inert(sender),
        "smarthost": f"{host}:{settings.smtp_port}",
        **login,
        "require_tls": settings.use_tls,
        "headers": {"Subject": templates.title(escalated=target.escalated)},
        "html": "",  # a mail of plain text shows what was written, whatever it was
        "text": templates.body(),
    }


def _slack(target: Target, options: Options) -> dict[str, Any]:
    settings = target.channel.settings
    chosen = {key: getattr(settings, key) for key in ("channel", "username", "icon_emoji")}
    title = templates.title(escalated=target.escalated, slack=True)
    return {
        "api_url_file": _file(target, "webhook_url", options),
        **{key: inert(value) for key, value in chosen.items() if value},
        "color": templates.SLACK_COLOR,
        "title": title,
        "fallback": title,
        "text": templates.body(slack=True),
        "mrkdwn_in": ["pretext"],  # there is none; so asterisks in a message are asterisks
    }


def _pagerduty(target: Target, options: Options) -> dict[str, Any]:
    return {
        "routing_key_file": _file(target, "integration_key", options),
        "severity": templates.PAGERDUTY_SEVERITY,
        "class": "{{ .CommonLabels.alertname }}",
        "component": "{{ .CommonLabels.service }}",
        "description": templates.title(escalated=target.escalated),
        "details": {"alerts": templates.body()},
        "links": [{"href": "{{ .CommonAnnotations.runbook_url }}", "text": "Runbook"}],
    }


def _webhook(target: Target, options: Options) -> dict[str, Any]:
    settings = target.channel.settings
    if relayed(target, options):
        return {"url": routing.relay_url(options.relay_url, target.name)}
    recent = options.alertmanager_version >= _HEADERS_SINCE
    url = inert(settings.url) if options.alertmanager_version >= _URL_TEMPLATES_SINCE else settings.url
    http = _http(target, options)
    timeout = {"timeout": duration(settings.timeout)} if recent else {}
    return {"url": url, **({"http_config": http} if http else {}), **timeout}


def _http(target: Target, options: Options) -> dict[str, Any]:
    """Return the headers of a webhook as Alertmanager's HTTP client sends them."""
    found: dict[str, Any] = {}
    headers: dict[str, Any] = {}
    for name, value in target.channel.settings.headers.items():
        path = f"{options.secrets_dir.rstrip('/')}/{_header_file(target, name)}"
        if name.lower() == "authorization":
            if _scheme(value) == "basic":
                found["basic_auth"] = {"username_file": f"{path}_user", "password_file": f"{path}_password"}
            else:
                found["authorization"] = {"type": plain(value).split(" ")[0], "credentials_file": path}
        elif not _sent_anyway(name, value):
            headers[name] = {"files": [path]} if hasattr(value, "reveal") else {"values": [value]}
    return {**found, **({"http_headers": headers} if headers else {})}


def _header_file(target: Target, name: str) -> str:
    return f"{target.prefix}webhook_{re.sub('[^a-z0-9]', '_', name.lower())}"


def plain(value: Any) -> str:
    """Return a header's *value* with what is secret of it, for the calls that look at it or send it."""
    return str(value.reveal() if hasattr(value, "reveal") else value)


def _sent_anyway(name: str, value: Any) -> bool:
    kind = plain(value).partition(";")[0].strip().lower() if name.lower() == "content-type" else ""
    return kind == "application/json"


def _scheme(value: Any) -> str:
    """Return the scheme of an Authorization header in lower case; empty where Alertmanager can't send it."""
    scheme, _, credentials = plain(value).partition(" ")
    return scheme.lower() if credentials.strip() else ""


def _basic(header: str) -> tuple[str, str]:
    """Return user and password of a ``Basic`` header; two empty texts if it is none."""
    try:
        user, _, password = base64.b64decode(header.partition(" ")[2].strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password
