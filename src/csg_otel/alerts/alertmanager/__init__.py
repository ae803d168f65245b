"""Alertmanager: the compiler of its configuration, the push, the lint, and the relay for webhooks it can't call."""
