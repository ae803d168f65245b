"""The push of a rule file to Prometheus, which runs on this machine with ``--web.enable-lifecycle``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from csg_otel.alerts.push.files import FilePush

if TYPE_CHECKING:
    from csg_otel.alerts.push.api import Api


def push(api: Api, file: Path, text: str, *, force: bool = False) -> FilePush:
    """Return the push of *text* into the rule *file* of the Prometheus at *api*; with *force*, also into a foreign file."""
    return FilePush(api, file, text, notified_by=_identities, is_loaded=_is_loaded, force=force)


def _identities(content: Any) -> str:
    """Return the name and labels of each alert: if they change, Prometheus resolves the alert and a new one fires."""
    alerts = [rule for group in content["groups"] for rule in group["rules"] if "alert" in rule]
    return json.dumps(sorted([alert["alert"], sorted((alert.get("labels") or {}).items())] for alert in alerts))


def _is_loaded(api: Api, desired: Any) -> bool:
    """Return whether Prometheus has the groups of *desired*, rule by rule, with their labels and annotations."""
    groups = api.call("GET", "/api/v1/rules")["data"]["groups"]
    # The files of several services have groups of equal names.
    loaded = [(group["name"], [_comparable(rule) for rule in group["rules"]]) for group in groups]
    return all((group["name"], [_comparable(rule) for rule in group["rules"]]) in loaded for group in desired["groups"])


def _comparable(rule: Mapping[str, Any]) -> tuple[Any, ...]:
    name = rule.get("name") or rule.get("alert") or rule.get("record")
    # Prometheus formats expressions its own way. A change of a threshold shows in the annotations.
    return (name, rule.get("labels") or {}, rule.get("annotations") or {})
