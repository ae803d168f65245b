"""
Notices as incidents: PagerDuty, Opsgenie, VictorOps (Splunk On-Call) and Pushover.

Pure. An incident is about one alert, and its end closes it: the key of an incident is the hash of the alert's labels. So a
request that is sent twice opens no second incident.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from csg_otel.alerts.direct import wording
from csg_otel.alerts.direct.outgoing import HttpCall, json_call, plain
from csg_otel.alerts.text import rfc3339

if TYPE_CHECKING:
    from csg_otel.alerts.direct.notice import Notice, NoticeAlert

PAGERDUTY: Final = "https://events.pagerduty.com/v2/enqueue"
OPSGENIE: Final = "https://api.opsgenie.com"
VICTOROPS: Final = "https://alert.victorops.com/integrations/generic/20131114/alert"
PUSHOVER: Final = "https://api.pushover.net/1/messages.json"

_SUMMARY: Final = 1024
"""Most characters of the summary of an incident of PagerDuty."""
_DETAIL: Final = 4000
_OPSGENIE_MESSAGE: Final = 130
_OPSGENIE_TEXT: Final = 15_000
_VICTOROPS_TEXT: Final = 20_000
_PUSHOVER_TEXT: Final = 1024
_EMERGENCY: Final = 2
"""The priority of Pushover that repeats until a person confirms it."""

_LEVELS: Final = {"critical": "critical", "emergency": "critical", "warning": "warning"}
_PRIORITIES: Final = {"emergency": "P1", "critical": "P2", "warning": "P3", "info": "P5"}
_MESSAGE_TYPES: Final = {"critical": "CRITICAL", "warning": "WARNING"}


def pagerduty(settings: Any, notice: Notice, _now_s: float) -> list[HttpCall]:
    """Return a call of PagerDuty's Events API v2 for each alert."""
    return [json_call(PAGERDUTY, _pagerduty_event(settings, _alone(notice, alert), alert)) for alert in notice.alerts]


def _pagerduty_event(settings: Any, notice: Notice, alert: NoticeAlert) -> dict[str, Any]:
    event = {"routing_key": plain(settings.integration_key), "dedup_key": alert.fingerprint}
    if alert.ends_s is not None:
        return {**event, "event_action": "resolve"}
    message = alert.annotations.get("summary", "")
    payload = {
        "summary": wording.cut(f"{wording.title(notice)}: {message}", _SUMMARY),
        "source": alert.labels.get("instance") or alert.labels.get("service") or "csg-otel",
        "severity": _LEVELS.get(alert.severity, "info"),
        "timestamp": rfc3339(alert.starts_s),
        "class": alert.name,
        "component": alert.labels.get("service", ""),
        "custom_details": _details(alert),
    }
    runbook = alert.annotations.get("runbook_url")
    links = {"links": [{"href": runbook, "text": "Runbook"}]} if runbook else {}
    filled = {key: value for key, value in payload.items() if value}
    return {**event, "event_action": "trigger", "client": "csg-otel", "payload": filled, **links}


def opsgenie(settings: Any, notice: Notice, _now_s: float) -> list[HttpCall]:
    """Return a call of Opsgenie's Alert API for each alert: it creates an alert, or closes it by its alias."""
    return [_opsgenie_call(settings, _alone(notice, alert), alert) for alert in notice.alerts]


def _opsgenie_call(settings: Any, notice: Notice, alert: NoticeAlert) -> HttpCall:
    base_url = plain(settings.api_url or OPSGENIE).rstrip("/")
    key = {"Authorization": f"GenieKey {plain(settings.api_key)}"}
    if alert.ends_s is not None:
        alias = quote(alert.fingerprint, safe="")
        url = f"{base_url}/v2/alerts/{alias}/close?identifierType=alias"
        return json_call(url, {"source": "csg-otel", "note": wording.title(notice)}, **key)
    content = {
        "message": wording.title(notice, _OPSGENIE_MESSAGE),
        "alias": alert.fingerprint,
        "description": wording.text(notice, _OPSGENIE_TEXT),
        "source": "csg-otel",
        "priority": _PRIORITIES.get(alert.severity, "P3"),
        "details": _details(alert),
        "entity": alert.labels.get("service", ""),
        "tags": list(settings.tags),
        "responders": [_responder(responder) for responder in settings.responders],
    }
    return json_call(f"{base_url}/v2/alerts", {field: value for field, value in content.items() if value}, **key)


def _responder(responder: Any) -> dict[str, str]:
    key = "username" if responder.type == "user" else "name"
    return {"type": responder.type, key: responder.name}


def victorops(settings: Any, notice: Notice, _now_s: float) -> list[HttpCall]:
    """Return a call of the REST endpoint of VictorOps for each alert."""
    base_url = plain(settings.api_url or VICTOROPS).rstrip("/")
    key, route = (quote(plain(part), safe="") for part in (settings.api_key, settings.routing_key))
    return [
        json_call(f"{base_url}/{key}/{route}", _victorops_event(_alone(notice, alert), alert))
        for alert in notice.alerts
    ]


def _victorops_event(notice: Notice, alert: NoticeAlert) -> dict[str, Any]:
    level = _LEVELS.get(alert.severity, "info")
    return {
        "message_type": "RECOVERY" if alert.ends_s is not None else _MESSAGE_TYPES.get(level, "INFO"),
        "entity_id": alert.fingerprint,
        "entity_display_name": wording.title(notice),
        "state_message": wording.text(notice, _VICTOROPS_TEXT),
        "state_start_time": int(alert.starts_s if alert.ends_s is None else alert.ends_s),
        "monitoring_tool": "csg-otel",
    }


def pushover(settings: Any, notice: Notice, now_s: float) -> list[HttpCall]:
    """Return the call of Pushover's API for the whole notice: it has no incidents."""
    usual = 1 if notice.severity in ("critical", "emergency") else 0
    priority = 0 if notice.status == "resolved" else usual if settings.priority is None else settings.priority
    repeats = {"retry": "60", "expire": "3600"} if priority == _EMERGENCY else {}
    fields = {
        "token": plain(settings.token),
        "user": plain(settings.user_key),
        "title": wording.title(notice),
        "message": wording.text(notice, _PUSHOVER_TEXT),
        "priority": str(priority),
        "timestamp": str(int(now_s)),
        **repeats,
    }
    body = urlencode(fields, errors="replace").encode()
    return [HttpCall(PUSHOVER, body, {"Content-Type": "application/x-www-form-urlencoded"})]


def _alone(notice: Notice, alert: NoticeAlert) -> Notice:
    return replace(notice, alerts=(alert,))


def _details(alert: NoticeAlert) -> Mapping[str, str]:
    summary = {"message": alert.annotations.get("summary", ""), "description": alert.annotations.get("description", "")}
    return {
        key: wording.cut(value, _DETAIL) for key, value in {**summary, **dict(wording.facts(alert))}.items() if value
    }
