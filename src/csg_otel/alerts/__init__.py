"""
Alerting, pushed downstream: the rules of a configuration, compiled for Prometheus, Alertmanager, Datadog and Grafana.

``spec`` reads settings into values, each compiler makes text of them; both are pure. Nothing here evaluates a rule or notifies
anybody from inside the process.
"""
