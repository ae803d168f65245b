"""
``csg-otel config``: check the configuration, show the settings in effect, write a first file, print the schema.

Prints the results of `csg_otel.config`. The one rule: a secret is never printed.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from csg_otel import config
from csg_otel.cli.counted import counted
from csg_otel.config.load import FILE
from csg_otel.errors import ConfigError
from csg_otel.lines import one_line, printable

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
    "Print the settings in effect, secrets as ***.",
    """\
example:
  PROMETHEUS_PORT=9100 csg-otel config show --origin
  system_monitoring.prometheus.port = 9100   # environment: PROMETHEUS_PORT
""",
)


_INIT = (
    "Write a first configuration file, with comments. A file that exists is not changed.",
    """\
example:
  csg-otel config init
""",
)
_SCHEMA = (
    "Print the JSON Schema of the configuration file, for completion and checks in editors.",
    """\
example:
  csg-otel config schema > monitoring_config.schema.json
""",
)


def register(subparsers: Any) -> None:
    """Add the commands of ``config`` to the command line."""
    parser = subparsers.add_parser(
        "config",
        help="check, show or begin the configuration",
        description="Check, show or begin the configuration.",
        epilog="example:\n  csg-otel config check monitoring_config.yaml",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="config_command", metavar="COMMAND", required=True)
    check = _command(commands, "check", "print every problem", *_CHECK)
    _add_source(check)
    check.add_argument("--strict", action="store_true", help="a secret in the file is a problem, as in production")
    check.set_defaults(run=run_check)
    show = _command(commands, "show", "print the settings in effect", *_SHOW)
    _add_source(show)
    show.add_argument("--origin", action="store_true", help="print the origin of each value")
    show.set_defaults(run=run_show)
    init = _command(commands, "init", "write a first file, with comments", *_INIT)
    init.add_argument("file", nargs="?", type=Path, default=Path(FILE), metavar="FILE", help=f"default: {FILE}")
    init.set_defaults(run=run_init)
    schema = _command(commands, "schema", "print the JSON Schema of the file", *_SCHEMA)
    schema.set_defaults(run=run_schema)


def run_check(args: argparse.Namespace) -> int:
    """Print every problem and warning; return 1 if there is a problem."""
    from csg_otel.cli import served
    from csg_otel.config.tree import sorted_problems

    loaded = _load(args)
    wrong_checks, unknown_names = _checks(loaded)
    problems = sorted_problems((*loaded.problems, *wrong_checks))
    hint = "if the program registers it, ignore this; otherwise correct the name"
    warnings = [*loaded.warnings, *served.warnings(loaded), *(f"{problem}; {hint}" for problem in unknown_names)]
    for problem in problems:
        print(one_line(problem))
    for warning in warnings:
        print(one_line(f"warning: {warning}"))
    print(_summary(loaded, len(problems), len(warnings)))
    return 1 if problems else 0


def _summary(loaded: Loaded, problems: int, warnings: int) -> str:
    """Return the last line: the file with the number of problems, or of settings and warnings."""
    origins = [origin for origin in loaded.origins.values() if origin != "default"]
    if loaded.file is not None:
        if problems:
            return f"{loaded.file}: {counted(problems, 'problem')}"
        return f"{loaded.file}: ok, {counted(len(origins), 'setting')} given, {counted(warnings, 'warning')}"
    from_environment = sum(origin.startswith("environment") for origin in origins)
    line = f"no configuration file found; {counted(from_environment, 'setting')} from the environment"
    line += "".join(f", {counted(n, noun)}" for n, noun in ((problems, "problem"), (warnings, "warning")) if n)
    return f"{line}; to change a default, create monitoring_config.yaml here, set CSG_OTEL_CONFIG, or give FILE"


def _checks(loaded: Loaded) -> tuple[Sequence[str], Sequence[str]]:
    """Return the problems of the health checks, as ``instrument()`` raises them, and names that only a program defines."""
    from csg_otel.errors import HealthDefinitionError
    from csg_otel.health import builtin, definition

    settings = loaded.config.health_monitoring
    try:
        checks = builtin.build(settings, performance=loaded.config.performance)
    except HealthDefinitionError as error:
        return error.problems, ()
    return definition.contradictions(checks), definition.unknown_names(checks, settings)


def run_show(args: argparse.Namespace) -> int:
    """Print the settings in effect; with problems, print those to stderr and return 1."""
    from csg_otel.config.show import lines

    loaded = _load(args)
    for problem in loaded.problems:
        print(one_line(problem), file=sys.stderr)
    if loaded.problems:
        return 1
    print(printable("\n".join(lines(loaded.config, loaded.origins if args.origin else None))))
    return 0


def run_init(args: argparse.Namespace) -> int:
    """Write the starter file and print what to do next. Raises ConfigError if it exists or can't be written."""
    text = (Path(config.__file__).parent / "starter.yaml").read_text(encoding="utf-8")
    try:
        with args.file.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError([f"{args.file} exists and is not changed; give another name, or remove it first"]) from None
    except OSError as error:
        advice = "give a name in a folder that exists and that this user may write to"
        raise ConfigError([f"{args.file} can't be written: {error.strerror}; {advice}"]) from None
    print(f"{args.file} written; change it, then run: csg-otel config check {shlex.quote(str(args.file))}")
    return 0


def run_schema(_args: argparse.Namespace) -> int:
    """Print the JSON Schema."""
    from csg_otel.config import schema

    print(schema.text(), end="")
    return 0


def _command(commands: Any, name: str, summary: str, description: str, example: str) -> Any:
    """
    Add a command and return its parser.

    Args:
        commands: The subparsers of ``config``.
        name: The command's name.
        summary: Its line in the list of commands.
        description: Its sentence in its own help.
        example: The end of its own help.
    """
    return commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=example,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_source(parser: argparse.ArgumentParser) -> None:
    """Add the options of a command that reads the configuration."""
    parser.add_argument(
        "file", nargs="?", metavar="FILE", help="default: $CSG_OTEL_CONFIG, else monitoring_config.yaml"
    )
    parser.add_argument("--environment", metavar="NAME", help="merge environments.NAME over the rest")


def _load(args: argparse.Namespace) -> Loaded:
    from csg_otel.config import load_lenient

    code = {"environment": args.environment} if args.environment else None
    return load_lenient(args.file, code=code, strict=getattr(args, "strict", False))
