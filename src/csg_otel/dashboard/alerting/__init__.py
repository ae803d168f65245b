"""
Alerts: the rules on this program's metrics, now and over time, and the silences of Alertmanager.

The rule: a dashboard shows what Prometheus would evaluate, and sends nothing but the silences that a person asks for.
"""

from csg_otel.dashboard.alerting.view import AlertsView

__all__ = ["AlertsView"]
