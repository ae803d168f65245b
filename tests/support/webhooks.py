"""The relay's end at a webhook, as tests configure it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from csg_otel.alerts.alertmanager.relay import Forward
from csg_otel.config.sections.channels import WebhookChannel


def webhook(method: str, url: str, headers: Mapping[str, str], timeout: float = 10.0) -> Forward:
    """Return what the relay forwards to the webhook *url*."""
    settings = WebhookChannel(enabled=True, url=url, method=cast("Any", method), headers=dict(headers), timeout=timeout)
    return Forward("webhook", settings, timeout)
