"""
Channels as receivers of Alertmanager, and the files of their secrets.

Pure. If Alertmanager can't send a webhook with the configured method and headers, ``csg-otel alerts relay`` sends it. The rule:
the compiled file contains no secret, only the absolute path of the secret's file. So it compiles to the same text on a machine
without the secrets, provided that the scheme of an Authorization header is not part of the secret (``Bearer ${TOKEN}``).
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
    from csg_otel.alerts.compilers import Options
    from csg_otel.alerts.model import Channel

_URL_FILES_SINCE: Final = (0, 26)
"""The first Alertmanager that reads the URL of a webhook from a file."""

_HEADERS_SINCE: Final = (0, 28)
"""The first Alertmanager with custom headers and a timeout for webhooks, and with a file for the user name."""

_URL_TEMPLATES_SINCE: Final = (0, 31)
"""The first Alertmanager that reads the URL of a webhook as a template."""

_IMPLICIT_TLS_PORT: Final = 465
"""The port of mail servers at which TLS begins with the first byte (RFC 8314); Alertmanager recognizes it by its number."""

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
    """A *channel* as the receiver *name*; *path* is its dotted key, *prefix* the start of the names of its secret files."""

    name: str
    channel: Channel
    path: str
    prefix: str = ""
    escalated: bool = False


def receiver(target: Target, options: Options) -> dict[str, Any]:
    """Return the receiver of *target*."""
    writer = {"email": _email, "slack": _slack, "webhook": _webhook, "pagerduty": _pagerduty}[target.channel.kind]
    return {"name": target.name, f"{target.channel.kind}_configs": [{"send_resolved": True, **writer(target, options)}]}


def secret_files(target: Target, options: Options) -> Iterator[SecretFile]:
    """Yield the secret files that the receiver of *target* reads."""
    settings, kind = target.channel.settings, target.channel.kind
    if kind == "webhook" and relayed(target, options):
        return
    key = {"email": "password", "slack": "webhook_url", "pagerduty": "integration_key", "webhook": "url"}[kind]
    if hasattr(getattr(settings, key), "reveal"):
        yield SecretFile(f"{target.prefix}{kind}_{key}", f"{target.path}.{key}", getattr(settings, key))
    if kind != "webhook":
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
    """Return whether the webhook of *target* needs the relay, because of its method, a header, its timeout or a secret URL."""
    settings = target.channel.settings
    if hasattr(settings.url, "reveal") and options.alertmanager_version < _URL_FILES_SINCE:
        return True
    old = options.alertmanager_version < _HEADERS_SINCE
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
        # On this port TLS begins at once; a server there offers no STARTTLS, which this setting would require.
        "require_tls": settings.use_tls and settings.smtp_port != _IMPLICIT_TLS_PORT,
        "headers": {"Subject": templates.title(escalated=target.escalated)},
        "html": "",  # plain text shows every character as it was written
        "text": templates.body(),
    }


def _slack(target: Target, options: Options) -> dict[str, Any]:
    settings = target.channel.settings
    fields = {key: getattr(settings, key) for key in ("channel", "username", "icon_emoji")}
    title = templates.title(escalated=target.escalated, slack=True)
    return {
        "api_url_file": _file(target, "webhook_url", options),
        **{key: inert(value) for key, value in fields.items() if value},
        "color": templates.SLACK_COLOR,
        "title": title,
        "fallback": title,
        "text": templates.body(slack=True),
        "mrkdwn_in": ["pretext"],  # a field that is not set, so asterisks in a message stay asterisks
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
        token = options.relay_token_file
        access = {"http_config": {"authorization": {"credentials_file": token}}} if token else {}
        return {"url": routing.relay_url(options.relay_url, target.name), **access}
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


def plain(value: Any) -> str:
    """Return the *value* of a header as text, with its secrets. Only a caller that inspects or sends the header may use it."""
    return str(value.reveal() if hasattr(value, "reveal") else value)


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
