"""
Alerting: the rules of a configuration, compiled for Prometheus, Alertmanager, Datadog and Grafana.

``spec`` reads settings into values, and each compiler writes them as text; both are pure. The backends evaluate the rules and
notify people. The process itself does neither.
"""
