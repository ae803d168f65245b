"""
The running program's endpoints, for the commands that request something there: address and access.

Imports no YAML and no configuration, because ``healthcheck --url`` runs every few seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from csg_otel import net, regular_file
from csg_otel.cli.arguments import file
from csg_otel.errors import CsgOtelError

if TYPE_CHECKING:
    import argparse
    import ssl
    from collections.abc import Callable
    from pathlib import Path

    from csg_otel.config import Config

_LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""The address by which a program on this machine reaches a server that listens on all addresses."""


def url(config: Config) -> str:
    """Return the URL without a path. Raises CsgOtelError if the program chooses its port itself, or serves nothing."""
    endpoint = config.system_monitoring.prometheus
    if not (endpoint.enabled or config.health_monitoring.enabled):
        raise CsgOtelError(
            "the program serves no endpoints, because system_monitoring.prometheus and health_monitoring are off; "
            "switch one of them on"
        )
    return _reached(config, endpoint.host, endpoint.port, "system_monitoring.prometheus.port")


def dashboard_url(config: Config) -> str:
    """Return the URL of the dashboard without a path. Raises CsgOtelError if the program chooses its port itself."""
    return _reached(config, config.dashboard.host, config.dashboard.port, "dashboard.port")


def _reached(config: Config, host: str, port: int, setting: str) -> str:
    if not port:
        raise CsgOtelError(f"{setting} is 0, so the program takes a free port; give its address with --url")
    host = _LOOPBACK.get(host, host)
    scheme = "https" if config.security.tls.cert else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def is_own(config: Config, address: str) -> bool:
    """Return whether the URL *address* is that of the program, or of its dashboard, by its configuration."""
    return any(_is_at(config, place, address) for place in (url, dashboard_url))


def _is_at(config: Config, place: Callable[[Config], str], address: str) -> bool:
    try:
        return net.parse(address).origin == net.parse(place(config)).origin
    except (CsgOtelError, ValueError):
        return False


def add_token(parser: argparse.ArgumentParser, purpose: str) -> None:
    """Add ``--token-file`` to a command that needs access to the endpoints for *purpose*, such as ``to see details``."""
    parser.add_argument(
        "--token-file",
        type=file,
        metavar="FILE",
        help=f"file with a token of security.api_auth, {purpose} (default: the token in the configuration, which is sent "
        "only to the address in the configuration)",
    )
    parser.add_argument("--ca", metavar="FILE", help="authorities of the server's certificate (default: the system's)")
    parser.add_argument("--client-cert", metavar="FILE", help="certificate of this client, where the server wants one")
    parser.add_argument("--client-key", metavar="FILE", help="its key (default: in the same file)")
    parser.add_argument(
        "--insecure",
        action="store_true",
        help="verify no certificate (default: only that of the program on this machine, by the configuration, is not verified)",
    )


def tls(options: argparse.Namespace, config: Config | None, address: str) -> ssl.SSLContext | None:
    """
    Return the TLS settings of a request; None without TLS. Raises CsgOtelError if a file can't be used.

    Args:
        options: The options that :func:`add_token` adds.
        config: The configuration; None if it is not read.
        address: The URL of the request.
    """
    try:
        url = net.parse(address)
        if not url.secure:
            return None
        # Loopback crosses no network, and the certificate is for the names by which other machines reach the program.
        is_here = config is not None and net.is_loopback(url.host) and is_own(config, address)
        verifies = not options.insecure and (options.ca is not None or not is_here)
        return net.tls_context(options.ca, options.client_cert, options.client_key, verifies=verifies)
    except ValueError:  # the request reports the address
        return None
    except OSError as error:
        raise CsgOtelError(f"--ca, --client-cert or --client-key can't be used: {error.strerror or error}") from None


def authorization(token_file: Path | None, config: Config | None, address: str) -> dict[str, str]:
    """
    Return the header with which a request gets access; empty if there is no token.

    Raises CsgOtelError if *token_file* can't be read, or holds no token.

    Args:
        token_file: A file with a token, or with ``user:password``; None for the token in the configuration.
        config: The configuration; None if it is not read. Its token is sent to no other program.
        address: The URL of the request.
    """
    if token_file is not None:
        token = token_in(token_file)
        return _header(token, basic=":" in token)
    if config is None or not config.security.api_auth.enabled or not is_own(config, address):
        return {}
    auth = config.security.api_auth
    tokens = [token for token in (secret.reveal() for secret in auth.tokens) if token.isprintable()]
    return _header(tokens[0], basic=auth.method == "basic") if tokens else {}


def token_in(file: Path, option: str = "--token-file") -> str:
    """Return the token in *file*, which *option* names. Raises CsgOtelError if it can't be read, or holds no token."""
    try:
        token = regular_file.read(file, regular_file.MAX_SECRET_BYTES).decode().strip()
    except OSError as error:
        raise CsgOtelError(f"{option} {file} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        token = ""
    if not token or not token.isprintable():
        raise CsgOtelError(f"{file} holds no token: one line of text, or user:password")
    return token


def _header(token: str, *, basic: bool) -> dict[str, str]:
    from base64 import b64encode

    sent = token.encode()
    return {"Authorization": (b"Basic " + b64encode(sent) if basic else b"Bearer " + sent).decode("latin-1")}
