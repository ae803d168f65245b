"""The compiler for Grafana's provisioning files, and their push."""
