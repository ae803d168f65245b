"""The section `security`: access to the HTTP endpoints."""

from typing import Literal

from csg_otel.config.sections.concealed import WithSecrets
from csg_otel.config.sections.fields import setting
from csg_otel.config.sections.printed import Printed
from csg_otel.config.sections.secret import Secret
from csg_otel.config.sections.section import section


@section(frozen=True, kw_only=True)
class ApiAuth(WithSecrets):
    """The clients that may use the endpoints."""

    enabled: bool = setting(False, "Answer 401 to a request without an accepted token.")
    method: Literal["token", "basic"] = setting(
        "token", "Bearer tokens, or basic authentication.", noun="method", aliases={"oauth": "token"}
    )
    tokens: tuple[Secret, ...] = setting(
        (), "Accepted tokens, several for rotation; for `basic` each is `user:password`."
    )


@section(frozen=True, kw_only=True)
class AccessLogging(Printed):
    """The endpoints' access log."""

    enabled: bool = setting(False, "Log requests to the endpoints, on the logger `csg_otel.access` at INFO.")
    log_requests: bool = setting(
        True, "Write one line for each request: client, method, path without query, status, size, duration."
    )
    log_responses: bool = setting(
        False,
        "A log of responses.",
        warn="responses are never logged; use log_requests, which logs their status and size",
    )


@section(frozen=True, kw_only=True)
class RateLimiting(Printed):
    """The limit on requests of one client."""

    enabled: bool = setting(
        False,
        "Answer 429 to a client that sends more requests than this. Probes are never limited, so that nothing restarts.",
    )
    requests_per_minute: int = setting(
        60, "Requests that one client address may send within any minute, probes not counted.", low=1
    )


@section(frozen=True, kw_only=True)
class EndpointTls(Printed):
    """TLS of the endpoints and of the dashboard; changed files are read again."""

    cert: str | None = setting(
        None,
        "File with the certificate of the servers, and its chain (PEM). It switches TLS on; without it there is none.",
    )
    key: str | None = setting(None, "File with its private key (PEM); by default it is in the file `cert`.")
    client_ca: str | None = setting(
        None, "File with the authorities of clients' certificates (PEM); by default clients need none."
    )
    client_auth: Literal["required", "optional", "none"] = setting(
        "required",
        "With `client_ca`: clients need a certificate of it; `optional` verifies those that have one; `none` asks for none.",
        noun="kind of authentication",
        aliases={
            "requireandverifyclientcert": "required",
            "verifyclientcertifgiven": "optional",
            "noclientcert": "none",
        },
    )
    min_version: Literal["1.2", "1.3"] = setting(
        "1.2", "Oldest version of TLS that clients may use.", noun="version", aliases={"tls12": "1.2", "tls13": "1.3"}
    )


@section(frozen=True, kw_only=True)
class Security(Printed):
    """Access to the endpoints."""

    api_auth: ApiAuth = setting(ApiAuth, "Tokens or passwords of the clients.")
    tls: EndpointTls = setting(EndpointTls, "TLS of the servers.")
    access_logging: AccessLogging = setting(AccessLogging, "The access log.")
    rate_limiting: RateLimiting = setting(RateLimiting, "The limit on requests of one client.")
    allowed_hosts: tuple[str, ...] = setting(
        (),
        "Host names that requests may be sent to; others get 421. `*.example.org` allows every name below it. `localhost`, IP "
        "addresses and the bound name always pass. An empty list allows every name.",
    )
