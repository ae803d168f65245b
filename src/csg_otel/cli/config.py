"""
``csg-otel config``: check the configuration, show what is in effect.

Prints; everything else is `csg_otel.config`'s. The one rule: a secret is never printed.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from csg_otel.config import Loaded

_CHECK = (
    "Print every problem with file, line, column, key and suggestion.",
    """\
example:
  csg-otel config check monitoring_config.yaml
""",
)
_SHOW = (
    "Print the effective configuration, secrets as ***.",
    """\
example:
  PROMETHEUS_PORT=9100 csg-otel config show --origin
  system_monitoring.prometheus.port = 9100   # environment: PROMETHEUS_PORT
""",
)


def register(subparsers: Any) -> None:
    """Add ``config check`` and ``config show`` to the command line."""
    parser = subparsers.add_parser(
        "config",
        help="check or show the configuration",
        description="Check or show the configuration.",
        epilog="example:\n  csg-otel config check monitoring_config.yaml",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="config_command", metavar="COMMAND", required=True)
    check = _command(commands, "check", "report every problem", *_CHECK)
    check.set_defaults(run=run_check)
    show = _command(commands, "show", "print what is in effect", *_SHOW)
    show.add_argument("--origin", action="store_true", help="say where each value is from")
    show.set_defaults(run=run_show)


def run_check(args: argparse.Namespace) -> int:
    """Print every problem and warning; return 1 if there is a problem."""
    from csg_otel.config.tree import sorted_problems

    loaded = _load(args)
    found, unknown = _checks(loaded)
    problems = sorted_problems((*loaded.problems, *found))
    warnings = [*loaded.warnings, *(f"{problem}; is it the program's own?" for problem in unknown)]
    for problem in problems:
        print(problem)
    for warning in warnings:
        print(f"warning: {warning}")
    given = sum(origin != "default" for origin in loaded.origins.values())
    name = loaded.file or "no file"
    if problems:
        print(f"{name}: {_count(len(problems), 'problem')}")
        return 1
    print(f"{name}: ok, {_count(given, 'setting')} given, {_count(len(warnings), 'warning')}")
    return 0


def _checks(loaded: Loaded) -> tuple[Sequence[str], Sequence[str]]:
    """Return what is wrong with the health checks, as ``instrument()`` would say it, and the names only a program can know."""
    from csg_otel.errors import HealthDefinitionError
    from csg_otel.health import builtin, definition

    settings = loaded.config.health_monitoring
    try:
        checks = builtin.build(settings, performance=loaded.config.performance)
    except HealthDefinitionError as error:
        return error.problems, ()
    return definition.contradictions(checks), definition.unknown_names(checks, settings)


def run_show(args: argparse.Namespace) -> int:
    """Print the effective configuration; with problems, print those to stderr and return 1."""
    from csg_otel.config.show import lines

    loaded = _load(args)
    for problem in loaded.problems:
        print(problem, file=sys.stderr)
    if loaded.problems:
        return 1
    print("\n".join(lines(loaded.config, loaded.origins if args.origin else None)))
    return 0


def _command(commands: Any, name: str, summary: str, description: str, example: str) -> Any:
    parser = commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=example,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", nargs="?", metavar="FILE", help="by default $CSG_OTEL_CONFIG or monitoring_config.yaml")
    parser.add_argument("--environment", metavar="NAME", help="merge environments.NAME over the rest")
    parser.add_argument(
        "--allow-literal-secrets", action="store_true", help="accept secrets written in the file (on a laptop)"
    )
    return parser


def _load(args: argparse.Namespace) -> Loaded:
    from csg_otel.config import load_lenient

    code = {"environment": args.environment} if args.environment else None
    return load_lenient(args.file, code=code, allow_literal_secrets=args.allow_literal_secrets)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
