"""The section `scrubbing`: secrets and personal data that are removed from telemetry."""

from csg_otel.config.sections.fields import setting
from csg_otel.config.sections.printed import Printed
from csg_otel.config.sections.section import section


@section(frozen=True, kw_only=True)
class Scrubbing(Printed):
    """Secrets and personal data that are removed before telemetry leaves the process."""

    enabled: bool = setting(True, "Scrub secrets and personal data.")
    extra_keys: tuple[str, ...] = setting((), "More words; a key that contains one has its value redacted.")
    extra_patterns: tuple[str, ...] = setting((), "More regular expressions; each match is redacted.", free="regex")
    allow_keys: tuple[str, ...] = setting((), "Keys whose names never cause a redaction.")
    personal_data: bool = setting(True, "Redact e-mail addresses, card numbers, phone numbers and similar data.")
    disabled_rules: tuple[str, ...] = setting((), "Rules that are off, by the names of `csg-otel scrub rules`.")
    on_match: str | None = setting(
        None,
        "`module:function` that receives each match and returns its replacement, or None for `[redacted:rule]`.",
        free="function",
    )
