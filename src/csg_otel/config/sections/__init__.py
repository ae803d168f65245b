"""The settings themselves: one frozen dataclass per section of the configuration file."""
