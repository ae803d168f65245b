"""
A Prometheus Pushgateway: holds the metrics of programs that end before Prometheus scrapes them.

Each push replaces the group of this job and instance with all metrics of the process, as cumulative text in the format of
``/metrics``. So a push that fails loses nothing: the next one contains everything.
"""

from __future__ import annotations

import base64
import logging
import os
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from csg_otel import net
from csg_otel.config.sections.secret import revealed
from csg_otel.exporters import prometheus
from csg_otel.exporters.delivery import http_errors
from csg_otel.exporters.delivery.sender import SendError
from csg_otel.net import addresses
from csg_otel.pipeline.resource import service_name

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData

    from csg_otel.config import Config
    from csg_otel.config.sections.integrations import PrometheusPush
    from csg_otel.exporters.delivery.queue import MemoryQueue
    from csg_otel.exporters.delivery.sender import Partial

NAME: Final = "pushgateway"

_DELETE_S: Final = 1.0
"""Timeout in seconds of the request that deletes the group; it uses part of the shutdown's budget."""

_log = logging.getLogger("csg_otel")

_senders_by_group: Final[weakref.WeakValueDictionary[tuple[str, str, str], PushgatewaySender]] = (
    weakref.WeakValueDictionary()
)
"""The newest sender of each group (URL, job, instance): after a change of settings the sender before must not delete it."""


class PushgatewaySender:
    """Pushes the newest metrics of this process to its group."""

    def __init__(self, url: str, job: str, instance: Instance, *, delete_on_shutdown: bool) -> None:
        """
        Prepare for a Pushgateway; nothing is sent yet.

        Args:
            url: Its URL, with or without scheme and path. A user and password are sent as basic authentication.
            job: Value of the group's label ``job``.
            instance: Value of the group's label ``instance``.
            delete_on_shutdown: Whether the group is deleted when the process ends.
        """
        self._url = url
        self._job = job
        self._instance = instance
        self._delete = delete_on_shutdown
        self._pushed = False
        self._newest: MetricsData | None = None
        self._pages = prometheus.Pages()
        _senders_by_group[self._group()] = self

    def _group(self) -> tuple[str, str, str]:
        return self._url, self._job, self._instance.label()

    def replace(self, data: MetricsData) -> None:
        """Push *data* from now on; a retry of an earlier push sends *data* too."""
        self._newest = data

    def send_batch(self, _batch: Sequence[Any], timeout_s: float) -> Partial | None:
        """Push the newest metrics; they are cumulative, so they contain every collection of the batch. Raises SendError."""
        self._request("PUT", timeout_s, self._pages.render(self._newest))
        self._pushed = True
        return None

    def on_idle(self) -> None:
        """Do nothing: the ticker collects."""

    def reset_after_fork(self) -> None:
        """Drop the parent's metrics."""
        self._newest = None
        self._pushed = False
        _senders_by_group[self._group()] = self  # the child's instance differs

    def close(self) -> None:
        """Delete the group if the settings ask for it, and no newer settings push to it."""
        if not self._delete or not self._pushed or _senders_by_group.get(self._group()) is not self:
            return
        try:
            self._request("DELETE", _DELETE_S)
        except SendError as error:
            _log.warning("exporter %s: the group was not deleted (%s); delete it at the Pushgateway", NAME, error)

    def _request(self, method: str, timeout_s: float, body: bytes | None = None) -> None:
        headers = {"Content-Type": prometheus.TEXT.content_type} if body is not None else {}
        try:
            url = group_url(self._url, self._job, self._instance.label())
            response = net.request(method, url, timeout_s=timeout_s, body=body, headers=headers)
        except ValueError as error:
            raise SendError("setup", str(error), retry=False) from error
        except OSError as error:
            raise http_errors.no_response(error) from error
        if not response.ok:
            raise http_errors.not_accepted(response)


class PushgatewaySink:
    """Accepts collections and keeps only the newest."""

    def __init__(self, queue: MemoryQueue, sender: PushgatewaySender) -> None:
        """Pass collections to *sender*; *queue* counts them and triggers the pushes."""
        self._queue = queue
        self._sender = sender

    def enqueue(self, data: MetricsData) -> None:
        """Push *data* as soon as possible."""
        self._sender.replace(data)
        self._queue.enqueue(None)  # a placeholder: so an outage keeps only one collection in memory
        self._queue.nudge()


class Instance:
    """
    The label ``instance``, which distinguishes the processes that push for one job.

    A program with one process has the same instance in every run, so each run replaces the group of the run before. Worker
    processes and forked children have groups of their own; in a common group, each push would replace the others' numbers.
    """

    def __init__(self, name: str, *, worker: bool) -> None:
        """Use *name*; in a *worker* and in forked children the process id is appended."""
        self._name = name
        self._worker = worker
        self._pid = os.getpid()

    def label(self) -> str:
        """Return the label's value for this process."""
        pid = os.getpid()
        return f"{self._name}-{pid}" if self._worker or pid != self._pid else self._name


def make_sender(config: Config, *, worker: bool) -> PushgatewaySender:
    """Return the sender that *config* describes; *worker* is True in one of several processes of a program."""
    settings = config.integrations.prometheus
    configured = config.service.attributes.get("service.instance.id")
    instance = Instance(str(configured or os.uname().nodename), worker=worker and not configured)
    job = settings.job_name or service_name(config)
    return PushgatewaySender(
        revealed(settings.push_gateway or ""), job, instance, delete_on_shutdown=settings.delete_on_shutdown
    )


def address(settings: PrometheusPush) -> str:
    """Return the Pushgateway's address as people may read it."""
    return addresses.shown(_with_scheme(revealed(settings.push_gateway or ""))).rstrip("/")


def group_url(url: str, job: str, instance: str) -> str:
    """Return the URL of the group of *job* and *instance* at the Pushgateway *url*."""
    return addresses.below(_with_scheme(url), f"/metrics/{_label('job', job)}/{_label('instance', instance)}")


def _with_scheme(url: str) -> str:
    return url if "://" in url else f"http://{url}"


def _label(name: str, value: str) -> str:
    """Return a label as two path segments; the value is in base64 if it would change the path as plain text."""
    if "/" in value or not value.strip("."):
        return f"{name}@base64/{base64.urlsafe_b64encode(value.encode()).decode() or '='}"
    return f"{name}/{quote(value, safe='')}"
