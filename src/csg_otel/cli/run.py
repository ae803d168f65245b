"""``csg-otel run -- CMD...``: run a program with telemetry, without a change to its code."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from csg_otel import autoload, environment


def register(subparsers: Any) -> None:
    """Add the command to *subparsers*."""
    parser = subparsers.add_parser(
        "run",
        help="run a program with telemetry",
        description="Run a Python program and call csg_otel.instrument() before its first line. The settings come from "
        "monitoring_config.yaml and the environment. The exit code is the program's.",
        epilog="example: csg-otel run -- python app.py --port 8000",
    )
    parser.add_argument("program", nargs=argparse.REMAINDER, metavar="-- CMD", help="the program and its arguments")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    command = options.program[1:] if options.program[:1] == ["--"] else options.program
    if not command:
        print("csg-otel run: no program given; example: csg-otel run -- python app.py", file=sys.stderr)
        return 2
    variables = environment.snapshot()
    paths = [str(Path(autoload.__file__).parent), *filter(None, variables.get("PYTHONPATH", "").split(os.pathsep))]
    variables["PYTHONPATH"] = os.pathsep.join(paths)
    try:
        # The program replaces this process, so it receives the signals, and the exit code is its own.
        os.execvpe(command[0], command, variables)  # noqa: S606 - to run the user's program is the purpose
    except OSError as error:
        print(f"csg-otel run: can't run {command[0]}: {error.strerror}", file=sys.stderr)
        return 127 if isinstance(error, FileNotFoundError) else 126  # as shells do
