"""Grafana: its dashboard and provisioning files, generated from the metrics and the rules, and the push of the dashboard."""
