"""
``csg-otel``: parse, one call, print, exit code.

One module a command group, each with ``register(subparsers)``; only the module of the command given is imported, because a
health probe must start in a few milliseconds.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = ("healthcheck", "config", "alerts", "run", "demo", "doctor")
"""The commands, each in the module of its name."""


class _Parser(argparse.ArgumentParser):
    """Usage errors exit 2; for Nagios, where 2 means CRITICAL, 3 and on stdout."""

    def error(self, message: str) -> NoReturn:
        """Print usage and exit."""
        nagios = "nagios" in {part for argument in sys.argv for part in argument.split("=")}
        print(f"{self.format_usage()}{self.prog}: {message}", file=sys.stdout if nagios else sys.stderr)
        self.exit(3 if nagios else 2)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command *argv* names (default: the process's arguments) and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = _Parser(
        prog="csg-otel",
        description="Health checks, metrics, traces and logs of Python programs.",
        epilog="example: csg-otel healthcheck --verbose",
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    wanted = [arguments[0]] if arguments and arguments[0] in COMMANDS else COMMANDS
    for name in wanted:
        import_module(f"csg_otel.cli.{name}").register(subparsers)
    options = parser.parse_args(arguments)
    if options.version:
        from csg_otel._version import VERSION

        print(f"csg-otel {VERSION}")
        return 0
    if options.command is None:
        parser.print_help()
        return 2
    try:
        code: int = options.run(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of a pipe has seen enough (`| head`); stdout's own flush at exit must not complain again.
        sys.stdout = None
        return 0
    return code
