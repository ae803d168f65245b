"""``csg-otel alerts merge``: one configuration of Alertmanager from those of several services. Prints its path."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from csg_otel import regular_file
from csg_otel.alerts.alertmanager import merge
from csg_otel.alerts.push import files
from csg_otel.alerts.text import owners
from csg_otel.errors import AlertError


def register(commands: Any) -> None:
    """Add ``alerts merge``."""
    parser = commands.add_parser(
        "merge",
        help="combine the Alertmanager files of several services",
        description="Combine the Alertmanager files that `csg-otel alerts compile` wrote for several services.",
        epilog="example: csg-otel alerts merge shop/alertmanager.yaml batch/alertmanager.yaml -o alertmanager.yaml",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a compiled alertmanager.yaml")
    parser.add_argument(
        "--base", type=Path, metavar="FILE", help="a configuration of other people, whose routes and receivers stay"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the file to write")
    parser.add_argument(
        "--force", action="store_true", help="replace a file that csg-otel did not write; a copy stays beside it"
    )
    parser.set_defaults(run=run_merge)


def run_merge(args: argparse.Namespace) -> int:
    """Write the combined file, whole or not at all."""
    base = (str(args.base), _text(args.base)) if args.base else None
    merged = merge.merge({str(file): _text(file) for file in args.files}, base)
    foreign = args.output.exists() and bool(_text(args.output).strip()) and owners(_text(args.output)) is None
    if foreign and not args.force:
        cure = "give it as --base and choose another -o, or give --force, which keeps a copy"
        raise AlertError([f"{args.output} was not written by csg-otel: {cure}"])
    try:
        if foreign:
            print(f"the old file stays as {files.keep_copy(args.output)}")
        files.replace_file(args.output, merged)
    except OSError as error:
        raise AlertError([f"{args.output} can't be written: {error.strerror or error}; choose another -o"]) from error
    print(args.output)
    return 0


def _text(file: Path) -> str:
    try:
        return regular_file.read(file, regular_file.MAX_DOCUMENT_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AlertError([f"{file} can't be read: {error}; give a readable file"]) from error
