"""
``csg-otel``: the command line, from arguments to an exit code.

Each command has a module with ``register(subparsers)``. Only the module of the requested command is imported, because a health
probe must start in a few milliseconds.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from csg_otel.errors import CsgOtelError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = ("healthcheck", "config", "alerts", "run", "demo", "doctor")
"""The commands, each in the module of its name."""


class _Parser(argparse.ArgumentParser):
    """A parser whose usage errors exit 2; for Nagios, where 2 means CRITICAL, they exit 3 and go to stdout."""

    def error(self, message: str) -> NoReturn:
        """Print the usage, *message* and the command that prints the help, and exit."""
        if message.endswith("arguments are required: COMMAND"):
            message = "no command given"
        nagios = "nagios" in {part for argument in sys.argv for part in argument.split("=")}
        text = f"{self.format_usage()}{self.prog}: {message}; see {self.prog} --help"
        print(text, file=sys.stdout if nagios else sys.stderr)
        self.exit(3 if nagios else 2)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in *argv* (default: the arguments of the process) and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = _Parser(
        prog="csg-otel",
        description="Health checks, metrics, traces and logs of Python programs.",
        epilog="example: csg-otel healthcheck --verbose",
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    requested = [arguments[0]] if arguments and arguments[0] in COMMANDS else COMMANDS
    for name in requested:
        import_module(f"csg_otel.cli.{name}").register(subparsers)
    options = parser.parse_args(arguments)
    if options.version:
        from csg_otel._version import VERSION

        print(f"csg-otel {VERSION}")
        return 0
    if options.command is None:
        parser.print_help(sys.stderr)
        print(f"\n{parser.prog}: no command given", file=sys.stderr)
        return 2
    return _run(options)


def _run(options: argparse.Namespace) -> int:
    try:
        code: int = options.run(options)
    except KeyboardInterrupt:
        return 130  # as shells report a program that Ctrl-C has ended
    except BrokenPipeError:
        # The reader has closed the pipe (`| head`). The flush of stdout at exit must not fail again.
        sys.stdout = None
        return 0
    except CsgOtelError as error:
        print(error, file=sys.stderr)
        return 1
    return code
