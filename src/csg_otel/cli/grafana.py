"""
``csg-otel grafana``: write the dashboard as a file, write Grafana's provisioning folder, or push the dashboard to Grafana.

Only reads the configuration, writes files and sends; ``csg_otel.dashboard.grafana`` generates everything.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

from csg_otel.alerts.grafana import provisioning as alert_provisioning
from csg_otel.alerts.push import plan
from csg_otel.cli import alert_source, arguments, backends
from csg_otel.cli.alerts import add_command, write
from csg_otel.dashboard.grafana import model, provisioning
from csg_otel.dashboard.grafana.push import DashboardPush

_FILE: Final = "grafana_dashboard.json"


def register(subparsers: Any) -> None:
    """Add ``grafana`` and its commands to the command line."""
    parser = subparsers.add_parser(
        "grafana",
        help="write or push the dashboard for Grafana",
        description="Make a dashboard for Grafana from the metrics, the instruments of the program, and the rules.",
        epilog="example: csg-otel grafana export --app shop.main",
    )
    commands = parser.add_subparsers(dest="grafana_command", metavar="COMMAND", required=True)
    _add_export(commands)
    _add_push(commands)


def _add_export(commands: Any) -> None:
    default = provisioning.Addresses()
    parser = add_command(
        commands, "export", "write the dashboard as a file", run_export, "csg-otel grafana export --api"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help=f"the file to write, or - for stdout (default: {_FILE})",
    )
    parser.add_argument(
        "--api",
        action="store_true",
        help="write the body of POST /api/dashboards/db instead of the dashboard alone: "
        f"curl -X POST URL/api/dashboards/db -H 'Content-Type: application/json' -d @{_FILE}",
    )
    parser.add_argument(
        "--provisioning",
        type=Path,
        metavar="DIR",
        help=f"write the provisioning of data source and dashboard into this folder, for {provisioning.FOLDER}",
    )
    parser.add_argument(
        "--prometheus-url",
        default=default.prometheus_url,
        metavar="URL",
        help=f"where Grafana reaches Prometheus, for --provisioning (default: {default.prometheus_url})",
    )
    parser.add_argument(
        "--trace-url",
        default=default.trace_url,
        metavar="URL",
        help="the page of a trace, without its id, to which exemplars link, for --provisioning "
        f"(default: that of the program's own dashboard, {default.trace_url})",
    )


def _add_push(commands: Any) -> None:
    parser = add_command(
        commands,
        "push",
        "write the dashboard to Grafana",
        run_push,
        "csg-otel grafana push --url http://127.0.0.1:3000 --grafana-token-file token --dry-run",
    )
    parser.add_argument("--url", metavar="URL", help="address of Grafana (default: integrations.grafana.dashboard_url)")
    parser.add_argument(
        "--grafana-token-file",
        type=Path,
        metavar="FILE",
        help="file with the token of a service account, or user:password (default: integrations.grafana.api_key)",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the changes; change nothing")
    arguments.add_timeout(parser, 60.0, "of the push")


def run_export(args: argparse.Namespace) -> int:
    """Write the dashboard or the provisioning folder, and print the paths."""
    source = alert_source.read(args)
    if args.provisioning is not None:
        addresses = provisioning.Addresses(backends.checked(args.prometheus_url), backends.checked(args.trace_url))
        _write(args.provisioning, provisioning.files(source.spec, source.catalog, addresses))
        if args.output is None and not args.api:
            return 0
    dashboard = model.dashboard(source.spec, source.catalog)
    text = model.as_text(model.request(dashboard) if args.api else dashboard)
    if args.output == "-":
        sys.stdout.write(text)
        return 0
    file = Path(args.output or _FILE)
    _write(file.parent, {file.name: text})
    return 0


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        write(path.parent, {path.name: text})
        print(path)


def run_push(args: argparse.Namespace) -> int:
    """Print the changes, and make them."""
    source = alert_source.read(args, secrets=args.grafana_token_file is None)
    api = backends.grafana(
        source.loaded.config.integrations.grafana,
        args.url,
        option="--url",
        timeout_s=args.timeout,
        token_file=args.grafana_token_file,
    )
    dashboard = model.dashboard(source.spec, source.catalog)
    pushing = DashboardPush(api, dashboard, alert_provisioning.folder_of(source.spec))
    planned = pushing.plan()
    for line in plan.describe("grafana", planned):
        print(line)
    if args.dry_run:
        print("dry run: nothing was changed; run without --dry-run to make these changes")
        return 0
    pushing.apply(planned)
    return 0
