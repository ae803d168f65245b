"""
``csg-otel alerts``: compile rules for the backends that evaluate them; check and test them; preview which would fire.

Prints and writes files; `csg_otel.alerts` does everything else. The rule: no command sends a notification, except ``send`` and
``relay``.
"""

from __future__ import annotations

import argparse
import functools
import shutil
import subprocess
import sys
import tempfile
import zoneinfo
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from csg_otel import regular_file
from csg_otel.alerts import lint
from csg_otel.alerts.alertmanager import lint as alertmanager_lint
from csg_otel.alerts.compilers import COMPILERS, compile_all
from csg_otel.alerts.prometheus import unit_tests
from csg_otel.alerts.push.files import replace_file
from csg_otel.alerts.queries import files as rule_files
from csg_otel.alerts.queries import own
from csg_otel.cli import alert_source
from csg_otel.cli.arguments import names, seconds
from csg_otel.cli.counted import counted
from csg_otel.errors import AlertError, MissingExtraError
from csg_otel.lines import one_line, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from csg_otel.alerts.compilers import Options

_TOOL_TIMEOUT_S = 120.0
"""Time limit in seconds for promtool or amtool, so that a tool that hangs ends the command."""

_MORE = ("merge", "preview", "push", "relay", "route", "send")
"""Further commands; each has a module of its own."""


def register(subparsers: Any) -> None:
    """Add ``alerts`` and its commands to the command line."""
    parser = subparsers.add_parser(
        "alerts",
        help="compile, check, test and push alert rules",
        description="Compile the alert rules of the configuration for Prometheus, Datadog or Grafana, which evaluate them.",
        epilog="example: csg-otel alerts compile -o alerts",
    )
    commands = parser.add_subparsers(dest="alerts_command", metavar="COMMAND", required=True)
    compiling = add_command(
        commands, "compile", "write the files of the backends", run_compile, "csg-otel alerts compile -o alerts"
    )
    compiling.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("alerts"),
        metavar="DIR",
        help="the folder to write to (default: alerts)",
    )
    checking = add_command(commands, "check", "report mistakes in the rules", run_check, "csg-otel alerts check")
    for command in (compiling, checking):
        command.add_argument(
            "--target",
            type=names,
            default=(),
            metavar="T,...",
            help=f"compile only for these: {', '.join(COMPILERS)} (default: all)",
        )
        alert_source.add_versions(command)
    _add_files(checking)
    add_command(commands, "test", "test the rules with promtool", run_test, "csg-otel alerts test")
    for name in _MORE:
        import_module(f"csg_otel.cli.alerts_{name}").register(commands)


def _add_files(checking: argparse.ArgumentParser) -> None:
    """Add the options with further files to check."""
    checking.add_argument(
        "--alertmanager-file",
        type=Path,
        metavar="FILE",
        help="check this configuration of Alertmanager, too, such as one that was edited by hand",
    )
    checking.add_argument(
        "--prometheus-file",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="check this file of rules for Prometheus, too (repeatable)",
    )
    checking.add_argument(
        "--scrape-interval",
        type=seconds,
        default=15.0,
        metavar="S",
        help="seconds between two scrapes, which the windows in these files must fit (default: 15)",
    )


def add_command(
    commands: Any, name: str, summary: str, run: Callable[[argparse.Namespace], int], example: str
) -> argparse.ArgumentParser:
    """
    Add a command that reads rules, and return its parser.

    Args:
        commands: the subparsers of ``alerts``.
        name: name of the command.
        summary: its help text, without a capital and a full stop.
        run: the function that runs it.
        example: a command line for its help.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", epilog=f"example: {example}"
    )
    alert_source.add_options(parser)
    parser.set_defaults(run=run)
    return parser


def run_compile(args: argparse.Namespace) -> int:
    """Write the files of every target and print their paths."""
    source = alert_source.read(args)
    refused: list[str] = []
    report = _reporting(source, refused)
    files = compile_all(source.spec, source.catalog, alert_source.options(args), args.target, report)
    write(args.output, files)
    for name in files:
        print(f"{args.output / name}")
    for problem in refused:
        print(one_line(problem), file=sys.stderr)
    return 1 if refused else 0


def _reporting(source: alert_source.Source, problems: list[str]) -> Callable[[str, str], None]:
    """Return a function that adds a problem of a rule to *problems*, with its position in the file."""
    return lambda path, message: problems.append(source.loaded.problem(path, message))


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write *files* into *folder*, each whole or not at all and through links. Raises AlertError if that can't be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            replace_file(folder / name, text)
    except OSError as error:
        raise AlertError(
            [f"{folder} can't be written: {error.strerror or error}; give a folder that this user may write to (-o)"]
        ) from None


def run_check(args: argparse.Namespace) -> int:
    """Print the problems and warnings of the rules, and the results of promtool and amtool if they are installed."""
    source = alert_source.read(args)
    options = alert_source.options(args)
    refused: list[str] = []
    files = compile_all(source.spec, source.catalog, options, args.target, _reporting(source, refused))
    escalations = lint.escalations(source.spec, source.loaded.config.escalation.rules, _zone_exists)
    unheard, perhaps = lint.unheard(source.spec)
    doubts = (*lint.rules(source.spec), *escalations, *lint.routes(source.spec), *perhaps, *_expressions(source))
    warnings = [source.loaded.problem(path, message) for path, message in doubts]
    for warning in warnings:
        print(one_line(f"warning: {warning}"))
    problems = [*refused, *(source.loaded.problem(path, message) for path, message in unheard)]
    problems += [*_secrets(source, options), *_document(args.alertmanager_file)]
    problems += _rule_files(source, args.prometheus_file, args.scrape_interval)
    for problem in problems:
        print(one_line(problem))
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), files)
        accepted = [
            _tool("promtool", ["check", "rules", "prometheus-rules.yaml"], Path(folder)),
            _tool("amtool", ["check-config", "alertmanager.yaml"], Path(folder)),
        ]
    numbers = {"rule": len(source.spec.rules), "objective": len(source.spec.objectives), "warning": len(warnings)}
    print(", ".join(counted(number, noun) for noun, number in numbers.items()))
    return 0 if all(accepted) and not problems else 1


def _zone_exists(name: str) -> bool:
    """Return whether the time zone database of this machine has a zone *name*."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _secrets(source: alert_source.Source, options: Options) -> list[str]:
    """Return the problems of the secret files; print that they are not checked if their directory is not on this machine."""
    if not Path(options.secrets_dir).is_dir():
        print(
            f"{options.secrets_dir} is not on this machine: secret files are not checked; "
            "run this on the machine of Alertmanager, or give --secrets-dir"
        )
        return []
    return [source.loaded.problem(path, message) for path, message in alertmanager_lint.secrets(source.spec, options)]


def _expressions(source: alert_source.Source) -> list[lint.Finding]:
    """Return the findings about the rules' expressions; print how to install a missing parser."""
    try:
        return list(own.expressions(source.spec, source.catalog))
    except MissingExtraError as error:
        print(f"expressions are not checked: {error}")
        return []


def _rule_files(source: alert_source.Source, files: list[Path], scrape_s: float) -> list[str]:
    """Return the problems of the rule *files* of others. Raises MissingExtraError without the parser."""
    check = functools.partial(rule_files.document, catalog=source.catalog, scrape_s=scrape_s)
    return [problem for file in files for problem in _read(file, "--prometheus-file", check)]


def _document(file: Path | None) -> list[str]:
    """Return the problems of the configuration of Alertmanager in *file*."""
    return [] if file is None else _read(file, "--alertmanager-file", alertmanager_lint.document)


def _read(file: Path, option: str, check: Callable[[str, str], list[str]]) -> list[str]:
    """Return what *check* finds in the text of *file*, or that it can't be read."""
    try:
        text = regular_file.read(file, regular_file.MAX_DOCUMENT_BYTES).decode("utf-8")
    except (OSError, UnicodeError) as error:
        return [f"{file}: can't be read: {error}; give a readable file to {option}"]
    return check(text, str(file))


def _tool(name: str, arguments: list[str], folder: Path) -> bool:
    """Check a file in *folder* with the tool *name*; return False if the tool is installed and refuses the file."""
    if not (folder / arguments[-1]).exists():
        return True
    program = shutil.which(name)
    if program is None:
        print(
            f"{name} is not on the PATH: {arguments[-1]} is not checked by it; install it to check the file completely"
        )
        return True
    done = _run_tool([program, *arguments], folder)
    print(f"{name}: {arguments[-1]} {'is valid' if not done.returncode else 'is not valid:'}")
    if done.returncode:
        print(printable((done.stdout + done.stderr).strip()))
    return not done.returncode


def _run_tool(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run *command* in *folder*. Raises AlertError if it hangs or can't be run."""
    try:
        return subprocess.run(  # noqa: S603 - a fixed program on files of this package
            command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=_TOOL_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise AlertError([f"{command[0]} did not end within {_TOOL_TIMEOUT_S:g} s; run it alone to see why"]) from None
    except OSError as error:
        raise AlertError([f"{command[0]} can't be run: {error.strerror}; install it again, or remove it"]) from None


def run_test(args: argparse.Namespace) -> int:
    """Run unit tests of the rules with promtool: each rule fires just above its threshold, and not at it."""
    source = alert_source.read(args)
    files = compile_all(source.spec, source.catalog, targets=("prometheus",))
    tests = unit_tests.compile_tests(source.spec)
    program = shutil.which("promtool")
    if program is None:
        print("promtool is not on the PATH; install Prometheus, which contains it", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), {**files, **tests})
        names = [name for name in tests if name.endswith(unit_tests.TEST)]
        done = _run_tool([program, "test", "rules", *names], Path(folder))
    if done.returncode:
        print(printable((done.stdout + done.stderr).strip()))
        print("a rule did not behave as written: compare its condition, threshold and filters with the lines above")
        return 1
    untested = unit_tests.untested(source.spec)
    for path, reason in untested.items():
        print(one_line(f"not tested: {source.loaded.problem(path, reason)}"))
    tested = len(source.spec.rules) - len(untested)
    print(f"{tested} rules: each fires above its threshold and is silent at it")
    return 0
