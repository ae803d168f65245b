"""
The input of the ``alerts`` commands: a configuration, the metrics that its rules may name, and the specification of both.

Only reads; `csg_otel.alerts` compiles. The program is imported only with ``--app``.
"""

from __future__ import annotations

import argparse
import re
import sys
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from csg_otel import net
from csg_otel.alerts import bundle, compilers, model, spec
from csg_otel.cli import arguments, endpoint
from csg_otel.config import Loaded, load_lenient
from csg_otel.config.load import FILE
from csg_otel.errors import AlertError
from csg_otel.net import addresses

if TYPE_CHECKING:
    from csg_otel import names
    from csg_otel.alerts.catalog import Catalog
    from csg_otel.config import Config

_MAX_BYTES = 16 * 1024 * 1024
_MAX_REDIRECTS = 3
"""A framework that serves /metrics/ redirects once, a proxy from http to https as well."""
_TIMEOUT_S = 5.0


class Source:
    """A loaded configuration, the metrics that its rules may name, and the specification to compile."""

    def __init__(self, loaded: Loaded, catalog: Catalog, specification: model.AlertSpec) -> None:
        self.loaded = loaded
        self.catalog = catalog
        self.spec = specification


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of all commands that read rules."""
    arguments.add_config(parser)
    parser.add_argument("--environment", metavar="NAME", help="apply the settings of environments.NAME")
    parser.add_argument(
        "--app",
        metavar="MODULE:ATTR",
        help="import this module, so that rules may name the instruments that it declares",
    )
    parser.add_argument("--metrics", metavar="URL", help="read this /metrics page, so that rules may name its metrics")
    endpoint.add_token(parser, "to read a /metrics page that needs one")
    parser.add_argument("--no-shipped", action="store_true", help="leave out the rules that come with csg-otel")
    parser.add_argument(
        "--runbooks",
        default=bundle.RUNBOOKS,
        metavar="URL",
        help=f"where the runbooks of these rules are published (default: {bundle.RUNBOOKS})",
    )


def add_versions(parser: argparse.ArgumentParser) -> None:
    """Add the options with versions and addresses of the backends."""
    default = compilers.Options()
    for name, version in (("prometheus", default.prometheus_version), ("alertmanager", default.alertmanager_version)):
        parser.add_argument(
            f"--{name}-version",
            type=_version,
            default=version,
            metavar="X.Y",
            help=f"version of the oldest {name.capitalize()} that reads the files (default: {version[0]}.{version[1]})",
        )
    parser.add_argument(
        "--secrets-dir",
        type=_absolute,
        default=default.secrets_dir,
        metavar="DIR",
        help=f"directory in which Alertmanager reads its secrets, one per file (default: {default.secrets_dir})",
    )
    parser.add_argument(
        "--relay-url",
        default=default.relay_url,
        metavar="URL",
        help=f"address of `csg-otel alerts relay` (default: {default.relay_url})",
    )
    parser.add_argument(
        "--relay-token-file",
        type=_absolute,
        default=None,  # not "": argparse passes a text to `type`
        metavar="FILE",
        help="file in which Alertmanager reads the token of the relay (default: the relay needs none)",
    )


def options(args: argparse.Namespace) -> compilers.Options:
    """Return the values of the options that :func:`add_versions` adds."""
    return compilers.Options(
        args.prometheus_version,
        args.alertmanager_version,
        args.secrets_dir,
        args.relay_url,
        args.relay_token_file or "",
    )


def _version(text: str) -> tuple[int, int]:
    version = re.fullmatch(r"v?(\d+)(?:\.(\d+)(?:\.\S*)?)?", text)
    if version is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a version (such as 2.42)")
    return int(version[1]), int(version[2] or 0)


def _absolute(text: str) -> str:
    if not Path(text).is_absolute():
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an absolute path (Alertmanager resolves relative ones differently per setting)"
        )
    return text.rstrip("/")


def read(args: argparse.Namespace, *, secrets: bool = False) -> Source:
    """
    Return the input of a command with the options *args*; with *secrets*, every secret must be set.

    Raises AlertError with every problem of the configuration and of its rules.
    """
    from csg_otel.exporters.prometheus import catalog as prometheus_catalog

    code = {"environment": args.environment} if args.environment else None
    loaded = load_lenient(args.config, code=code, unset_secrets=not secrets)
    if loaded.problems:
        raise AlertError(loaded.problems)
    if loaded.file is None:
        print(
            f"no configuration file found: only the rules that come with csg-otel are used, and no channels; "
            f"create {FILE} here, or give --config FILE",
            file=sys.stderr,
        )
    exposition = fetch(args.metrics, args, loaded.config) if args.metrics else ""
    declared = _declared(args.app) if args.app else ()
    catalog = prometheus_catalog.of_program(loaded.config, declared, exposition)
    shipped = {} if args.no_shipped else bundle.shipped(args.runbooks)
    return Source(loaded, catalog, spec.load(loaded.config, catalog, locate=loaded.problem, **shipped))


def fetch(address: str, args: argparse.Namespace, config: Config) -> str:
    """
    Return the text of a ``/metrics``, at most 16 MiB of it within five seconds in all. Raises AlertError and CsgOtelError.

    Args:
        address: The URL of the page.
        args: The options of the command, with the token's file.
        config: The configuration, whose token is sent only to the program's own address.
    """
    try:
        net.parse(address)
        shown = addresses.shown(address)
        response = net.request(
            "GET",
            address,
            timeout_s=_TIMEOUT_S,
            headers=endpoint.authorization(args.token_file, config, address),
            tls=endpoint.tls(args, config, address),
            max_bytes=_MAX_BYTES,
            max_redirects=_MAX_REDIRECTS,
            direct=endpoint.is_own(config, address),
        )
    except ValueError as error:
        raise AlertError([f"{error}; example: http://127.0.0.1:8081/metrics"]) from None
    except TimeoutError:
        late = f"no complete response within {_TIMEOUT_S:g} s; is it the address of a /metrics?"
        raise AlertError([f"{shown} can't be read: {late}"]) from None
    except OSError as error:
        hint = f"{error.strerror or error}; start the program, or give the address of its /metrics"
        raise AlertError([f"{shown} can't be read: {net.client_certificate_problem(error) or hint}"]) from error
    if response.status == HTTPStatus.UNAUTHORIZED:
        raise AlertError([f"{shown} wants a token of its security.api_auth; give a file with one to --token-file"])
    if HTTPStatus.MULTIPLE_CHOICES <= response.status < HTTPStatus.BAD_REQUEST:
        hint = "it leads to another host, to http or in a circle; give the address where the page is"
        raise AlertError(
            [f"{shown} can't be read: the redirect (HTTP {response.status}) is not followed, because {hint}"]
        )
    if not response.ok:
        raise AlertError([f"{shown} can't be read: HTTP {response.status}; is it the address of a /metrics?"])
    return response.body.decode("utf-8", "replace")


def _declared(reference: str) -> tuple[names.Metric, ...]:
    from csg_otel.cli import target
    from csg_otel.instruments import defined

    try:
        target.load(reference)
    except Exception as error:  # a program may raise anything when it is imported
        message = (
            f"{reference!r} can't be imported: {type(error).__name__}: {error}; give module:attribute of your program"
        )
        raise AlertError([message]) from error
    return defined.declared()
