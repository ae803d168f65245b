"""The section `scrubbing`: secrets and personal data that are removed from telemetry."""

from dataclasses import dataclass

from csg_otel.config.sections.fields import setting


@dataclass(frozen=True, kw_only=True)
class Scrubbing:
    """What is taken out of telemetry before it leaves the process."""

    enabled: bool = setting(False, "Scrub secrets and personal data.")
    extra_keys: tuple[str, ...] = setting((), "Further key words whose values are redacted.")
    extra_patterns: tuple[str, ...] = setting(
        (), "Further regular expressions whose matches are redacted.", free="regex"
    )
    allow_keys: tuple[str, ...] = setting((), "Keys whose values are never redacted by their key.")
    personal_data: bool = setting(True, "Redact e-mail addresses, card and phone numbers, and the like.")
    on_match: str | None = setting(
        None,
        "`module:function` that is called with each match and returns its replacement, or None for `[redacted:rule]`.",
        free="function",
    )
