"""Where settings come from: the YAML file, the environment, OpenTelemetry's variables, the list of exporters."""
