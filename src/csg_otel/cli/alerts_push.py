"""
``csg-otel alerts push``: write the compiled rules to the backends that evaluate them, and verify that they arrived.

Prints each change before it is made; with ``--dry-run`` it only prints. Never touches a resource without this package's mark.
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from csg_otel.alerts.alertmanager import push as alertmanager_push
from csg_otel.alerts.compilers import COMPILERS, compile_all
from csg_otel.alerts.prometheus import push as prometheus_push
from csg_otel.alerts.push import plan
from csg_otel.alerts.push.api import Api
from csg_otel.cli import alert_source, arguments, backends
from csg_otel.cli.stop_signals import stopping_by_exception
from csg_otel.config.sections.secret import revealed
from csg_otel.config.show import unset_secrets
from csg_otel.errors import AlertError

if TYPE_CHECKING:
    from collections.abc import Callable

    from csg_otel.alerts.model import AlertSpec
    from csg_otel.cli.alert_source import Source


class _Push(Protocol):
    def secrets(self, planned: plan.Plan) -> tuple[str, ...]: ...

    def apply(self, planned: plan.Plan) -> None: ...


def register(commands: Any) -> None:
    """Add the command."""
    from csg_otel.cli.alerts import add_command

    parser = add_command(
        commands,
        "push",
        "write the rules to the backends",
        run,
        "csg-otel alerts push --prometheus-url http://127.0.0.1:9090 --prometheus-file /etc/prometheus/csg.yaml --dry-run",
    )
    parser.add_argument(
        "--target",
        type=arguments.names,
        default=(),
        metavar="T,...",
        help="push only to these (default: all that have an address)",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print the changes and which alerts would notify again; change nothing"
    )
    parser.add_argument(
        "--prune", action="store_true", help="remove resources of this service that are no longer in the configuration"
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="replace a file of Prometheus or Alertmanager that other people or another service wrote; a copy stays beside it",
    )
    parser.add_argument(
        "--secrets",
        action="store_true",
        help="write existing secrets again (backends don't show them, so they can't be compared)",
    )
    _add_addresses(parser)
    arguments.add_timeout(parser, 60.0, "per target")
    alert_source.add_versions(parser)


def _add_addresses(parser: argparse.ArgumentParser) -> None:
    """Add the options with the addresses of the backends, and the files of those that read one."""
    for name in ("prometheus", "alertmanager"):
        parser.add_argument(
            f"--{name}-url", metavar="URL", help=f"address of {name.capitalize()}, which then reloads the file"
        )
        parser.add_argument(
            f"--{name}-file", type=Path, metavar="FILE", help=f"the file that {name.capitalize()} reads"
        )
    parser.add_argument(
        "--grafana-url", metavar="URL", help="address of Grafana (default: integrations.grafana.dashboard_url)"
    )


def run(args: argparse.Namespace) -> int:
    """Push to each target in turn; the first failure ends the command."""
    source = alert_source.read(args)
    if args.target:
        compile_all(source.spec, source.catalog, alert_source.options(args), args.target)  # raises for unknown ones
    chosen = args.target or [target for target in _MAKERS if _has_address(target, args, source)]
    makers = {target: make for target, make in _MAKERS.items() if target in chosen}
    if not makers:
        cure = (
            "give --prometheus-url and --prometheus-file, or integrations.external_monitoring.datadog, or --grafana-url"
        )
        raise AlertError([f"no backend to push to: {cure}"])
    for target, make in makers.items():
        planned, pushing = make(args, source)
        for line in plan.describe(target, planned):
            print(line)
        if not args.dry_run:
            _refuse_unset(source, partial(_is_part_of_one, pushing.secrets(planned)))
            with stopping_by_exception():  # a file that is not confirmed yet is restored
                pushing.apply(planned)
    if args.dry_run:
        print("dry run: nothing was changed; run without --dry-run to make these changes")
    return 0


def _refuse_unset(source: Source, is_needed: Callable[[str, str], bool]) -> None:
    """Raise AlertError for secrets that are not set and that *is_needed* picks by dotted key and text."""
    problems = [
        source.loaded.problem(path, secret.reason)
        for path, secret in unset_secrets(source.loaded.config)
        if is_needed(path, secret.reveal())
    ]
    if problems:
        raise AlertError(problems)


def _is_part_of_one(written: tuple[str, ...], _path: str, text: str) -> bool:
    return any(text in secret for secret in written)


def _decides_file(spec: AlertSpec, _path: str, text: str) -> bool:
    """Return whether Alertmanager's file depends on the secret: on the scheme of a header, or on the user of a basic one."""
    channels = (*spec.channels, *(channel for receiver in spec.receivers for channel in receiver.channels))
    headers = (channel.settings.headers for channel in channels if channel.kind == "webhook")
    texts = {revealed(value) for one in headers for name, value in one.items() if name.lower() == "authorization"}
    scheme, space, _ = text.partition(" ")
    return text in texts and (not space or "${" in scheme or scheme.lower() == "basic")


def _has_address(target: str, args: argparse.Namespace, source: Source) -> bool:
    """Return whether the command line or the configuration has the address of *target*."""
    integrations = source.loaded.config.integrations
    if target == "datadog":
        vendors = integrations.external_monitoring
        return vendors.enabled and vendors.datadog.enabled and vendors.datadog.app_key is not None
    if target == "grafana":
        return bool(args.grafana_url or (integrations.grafana.enabled and integrations.grafana.dashboard_url))
    return getattr(args, f"{target}_file") is not None and target in COMPILERS


def _compiled(target: str, args: argparse.Namespace, source: Source) -> str:
    (text,) = compile_all(source.spec, source.catalog, alert_source.options(args), (target,)).values()
    return text


def _file(target: str, args: argparse.Namespace, source: Source) -> tuple[plan.Plan, _Push]:
    url, file = getattr(args, f"{target}_url"), getattr(args, f"{target}_file")
    if url is None or file is None:
        raise AlertError([f"a push to {target} needs an address and a file: give --{target}-url and --{target}-file"])
    if target == "alertmanager":
        _refuse_unset(source, partial(_decides_file, source.spec))
    make = prometheus_push.push if target == "prometheus" else alertmanager_push.push
    pushing = make(
        Api(backends.checked(url), timeout_s=args.timeout), file, _compiled(target, args, source), force=args.force
    )
    return pushing.plan(), pushing


def _datadog(args: argparse.Namespace, source: Source) -> tuple[plan.Plan, _Push]:
    from csg_otel.alerts.datadog.push import DatadogPush

    config = source.loaded.config
    account = config.integrations.external_monitoring.datadog
    _refuse_unset(source, lambda path, _: path.startswith("integrations.external_monitoring.datadog."))
    if account.api_key is None or account.app_key is None:
        raise AlertError(
            ["a push to Datadog needs two keys: set api_key and app_key of integrations.external_monitoring.datadog"]
        )
    headers = {"DD-API-KEY": account.api_key.reveal(), "DD-APPLICATION-KEY": account.app_key.reveal()}
    url = revealed(account.api_url or f"https://api.{config.exporters.datadog.site}")
    today = time.strftime("%Y-%m-%d", time.gmtime())
    text = _compiled("datadog", args, source)
    pushing = DatadogPush(Api(backends.checked(url), headers, timeout_s=args.timeout), source.spec, text, today=today)
    return pushing.plan(prune=args.prune, secrets=args.secrets), pushing


def _grafana(args: argparse.Namespace, source: Source) -> tuple[plan.Plan, _Push]:
    from csg_otel.alerts.grafana.push import GrafanaPush

    settings = source.loaded.config.integrations.grafana
    _refuse_unset(source, lambda path, _: path.startswith("integrations.grafana."))
    api = backends.grafana(settings, args.grafana_url, option="--grafana-url", timeout_s=args.timeout)
    pushing = GrafanaPush(api, source.spec, source.catalog, alert_source.options(args))
    return pushing.plan(prune=args.prune, secrets=args.secrets), pushing


_MAKERS: dict[str, Callable[[argparse.Namespace, Source], tuple[plan.Plan, _Push]]] = {
    "prometheus": lambda args, source: _file("prometheus", args, source),
    "alertmanager": lambda args, source: _file("alertmanager", args, source),
    "datadog": _datadog,
    "grafana": _grafana,
}
