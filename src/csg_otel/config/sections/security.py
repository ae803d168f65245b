"""The section `security`: access to the HTTP endpoints."""

# ruff: noqa: RUF009 - setting() makes a dataclass field, not a shared value

from dataclasses import dataclass
from typing import Literal

from csg_otel.config.sections.fields import setting
from csg_otel.config.sections.secret import Secret


@dataclass(frozen=True, kw_only=True)
class ApiAuth:
    """Who may see the endpoints."""

    enabled: bool = setting(False, "Ask for a token.")
    method: Literal["token", "basic"] = setting("token", "Bearer tokens, or basic authentication.", noun="method")
    tokens: tuple[Secret, ...] = setting(
        (), "Accepted tokens, several for rotation; for `basic` each is `user:password`."
    )


@dataclass(frozen=True, kw_only=True)
class AccessLogging:
    """The endpoints' access log."""

    enabled: bool = setting(False, "Log accesses to the endpoints.")
    log_requests: bool = setting(True, "One line a request.")
    log_responses: bool = setting(
        False, "Not used.", warn="responses are never logged; log_requests logs status and size"
    )


@dataclass(frozen=True, kw_only=True)
class RateLimiting:
    """How often one client may ask."""

    enabled: bool = setting(False, "Limit requests.")
    requests_per_minute: int = setting(60, "Requests a minute and client.", low=1)


@dataclass(frozen=True, kw_only=True)
class Security:
    """Access to the endpoints."""

    api_auth: ApiAuth = setting(ApiAuth, "Who may see them.")
    access_logging: AccessLogging = setting(AccessLogging, "The access log.")
    rate_limiting: RateLimiting = setting(RateLimiting, "How often.")
    allowed_hosts: tuple[str, ...] = setting(
        (), "Host names the endpoints answer to besides loopback and the bound address."
    )
