"""The compiler for Alertmanager, and the relay for versions that cannot authenticate."""
