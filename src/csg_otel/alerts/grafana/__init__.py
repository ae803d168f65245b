"""Grafana: the compiler of its provisioning file, and the push."""
