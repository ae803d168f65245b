"""
``csg-otel``: the command line, from arguments to an exit code.

Each command has a module with ``register(subparsers)``. Only the module of the requested command is imported, because a health
probe must start in a few milliseconds.
"""

from __future__ import annotations

import io
import os
import sys
from argparse import RawDescriptionHelpFormatter
from importlib import import_module
from typing import TYPE_CHECKING

from csg_otel.cli.parser import Parser
from csg_otel.display import READABLE
from csg_otel.errors import CsgOtelError
from csg_otel.lines import one_line, printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COMMANDS = ("healthcheck", "dashboard", "query", "mcp", "config", "alerts", "grafana", "scrub", "run", "demo", "doctor")
"""The commands, each in the module of its name."""


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command in *argv* (default: the arguments of the process) and return its exit code.

    What keeps a command from its work is one line on stderr that says what to do, and the code 1; usage errors exit 2.
    """
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=READABLE)  # a terminal or pipe without UTF-8 is no reason to fail
    try:
        try:
            code = _command(sys.argv[1:] if argv is None else argv)
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return 130  # as shells report a program that Ctrl-C has ended
    except BrokenPipeError:
        _drop_output()  # the reader has closed the pipe (`| head`)
        return 0
    except CsgOtelError as error:
        print(printable(str(error)), file=sys.stderr)
        return 1
    except OSError as error:
        _drop_output()  # it may be the output that can't be written
        where = f"{error.filename}: " if error.filename is not None else ""
        why = one_line(f"{where}{error.strerror or error}")
        print(f"csg-otel: {why}; check that it exists, and that this user may read and write it", file=sys.stderr)
        return 1
    return code


def _open_closed_streams() -> None:
    """Open those of stdin, stdout and stderr as an empty file that the caller has closed (`>&-`): Python has None for them."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - open as long as the process


def _drop_output() -> None:
    """Send the rest of stdout to nowhere if it can't be written, so that the flush at exit does not fail again."""
    try:
        sys.stdout.flush()
    except OSError:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a probe does not load pathlib
            os.dup2(nowhere.fileno(), 1)


def _documentation() -> Path:
    """Return where the documentation begins: in the installed package, or in the checkout that it runs from."""
    from pathlib import Path

    package = Path(__file__).resolve().parents[1]
    installed = package / "README.md"
    return installed if installed.exists() else package.parents[1] / "README.md"


def _command(arguments: Sequence[str]) -> int:
    named = bool(arguments) and arguments[0] in COMMANDS
    requested = [arguments[0]] if named else COMMANDS
    parser = Parser(
        prog="csg-otel",
        description="Health checks, metrics, traces and logs of Python programs.",
        # Only printed where no command is named, and finding the documentation takes time.
        epilog=None if named else f"example: csg-otel healthcheck --verbose\n\ndocumentation: {_documentation()}",
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", prog=parser.prog)
    for name in requested:
        import_module(f"csg_otel.cli.{name}").register(subparsers)
    options = parser.parse(arguments)
    if options.version:
        from csg_otel._version import VERSION

        print(f"csg-otel {VERSION}")
        return 0
    if options.command is None:
        parser.print_help(sys.stderr)
        print(f"\n{parser.prog}: no command given", file=sys.stderr)
        return 2
    code: int = options.run(options)
    return code
