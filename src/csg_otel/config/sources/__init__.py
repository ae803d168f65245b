"""The sources of settings: the YAML file, the environment, OpenTelemetry's variables, arguments in code."""
