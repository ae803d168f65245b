"""
The push of a rule file to Prometheus, which runs on this machine with ``--web.enable-lifecycle``.

The rule: Prometheus runs with a file only if it has a file with the same rules and no others. It prints expressions in a form
of its own, so it formats both before they are compared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from csg_otel.alerts.push.files import FilePush
from csg_otel.alerts.push.plan import PushError
from csg_otel.alerts.text import duration

if TYPE_CHECKING:
    from csg_otel.alerts.push.api import Api

_CURE: Final = "choose another file, because Prometheus reads several, or give --force, which keeps a copy"


def push(api: Api, file: Path, text: str, *, force: bool = False) -> FilePush:
    """Return the push of *text* into the rule *file* of the Prometheus at *api*; with *force*, also into a foreign file."""
    is_loaded = _Loaded(api, text).is_exact
    return FilePush(api, file, text, notified_by=_identities, is_loaded=is_loaded, cure=_CURE, force=force)


def _identities(content: Any) -> str:
    """Return the name and labels of each alert: if they change, Prometheus resolves the alert and a new one fires."""
    alerts = [rule for group in content["groups"] for rule in group["rules"] if "alert" in rule]
    return json.dumps(sorted([alert["alert"], sorted((alert.get("labels") or {}).items())] for alert in alerts))


class _Loaded:
    """The comparison of the rules that a Prometheus has with those of a compiled file."""

    def __init__(self, api: Api, text: str) -> None:
        self._api = api
        self._text = text
        self._formatted: dict[str, str] = {}

    @cached_property
    def _desired(self) -> dict[str, list[Mapping[str, Any]]]:
        return {group["name"]: group["rules"] for group in yaml.safe_load(self._text)["groups"]}

    def is_exact(self) -> bool:
        """Return whether Prometheus has a file with the desired groups and no others. Raises PushError."""
        # Not by its path, which may be another one here: in a container, or through a link.
        files: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
        try:
            for group in self._api.call("GET", "/api/v1/rules")["data"]["groups"]:
                files.setdefault(group["file"], {})[group["name"]] = group["rules"]
            return any(self._has_desired(groups) for groups in files.values())
        except (KeyError, TypeError) as error:
            raise PushError(f"{self._api.where} does not list rules as Prometheus does; check the URL") from error

    def _has_desired(self, groups: Mapping[str, list[Mapping[str, Any]]]) -> bool:
        if {name: [_of_loaded(rule) for rule in rules] for name, rules in groups.items()} != {
            name: [_of_file(rule) for rule in rules] for name, rules in self._desired.items()
        }:
            return False
        return all(
            self._is_same(loaded["query"], desired["expr"])
            for name, rules in groups.items()
            for loaded, desired in zip(rules, self._desired[name], strict=True)
        )

    def _is_same(self, loaded: str, desired: str) -> bool:
        return loaded == desired or self._format(loaded) == self._format(desired)

    def _format(self, expression: str) -> str:
        if expression not in self._formatted:
            answer = self._api.call("GET", "/api/v1/format_query", query={"query": expression})
            self._formatted[expression] = answer["data"]
        return self._formatted[expression]


def _of_loaded(rule: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what Prometheus says of a rule, besides its expression, as :func:`_of_file` returns it."""
    times = [rule.get(key) or 0 for key in ("duration", "keepFiringFor")]
    return (rule["type"], rule["name"], *map(duration, times), rule.get("labels") or {}, rule.get("annotations") or {})


def _of_file(rule: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what a compiled file says of a rule, besides its expression; its times are written by `duration`, too."""
    kind, name = ("alerting", rule["alert"]) if "alert" in rule else ("recording", rule["record"])
    times = [rule.get(key, duration(0)) for key in ("for", "keep_firing_for")]
    return (kind, name, *times, rule.get("labels") or {}, rule.get("annotations") or {})
