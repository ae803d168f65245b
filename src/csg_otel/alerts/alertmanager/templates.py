"""
The templates of mails, Slack messages and pages, in Alertmanager's template language.

Pure. They show summary, description, severity, runbook, times and labels of each alert, and whether it is resolved. The rule:
the texts of an alert are data; no part of them becomes a template, a link or a mention.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal

from csg_otel.alerts import notices
from csg_otel.alerts.model import RULE_LABEL

_SHOWN_LABELS: Final = f'(stringSlice "alertname" "severity" "{RULE_LABEL}")'
_SHOWN_ANNOTATIONS: Final = '(stringSlice "summary" "description" "runbook_url" "threshold")'
_TIME: Final = '.UTC.Format "2006-01-02 15:04:05 UTC"'
_MARKUP: Final = {
    "": "",
    "slack": ' | reReplaceAll "&" "&amp;" | reReplaceAll "<" "&lt;" | reReplaceAll ">" "&gt;"',
    "markdown": r' | reReplaceAll "([\\\\*_~|<>\\[\\]`])" "\\$1"',
}
"""By the markup of a channel, the rest of an action that escapes it."""

Markup = Literal["", "slack", "markdown"]

# «x» is replaced by a template action that prints x, escaped for the format of the channel.
_TITLE: Final = (
    '[{{ if eq .Status "resolved" }}RESOLVED{{ else }}STATUS{{ end }}{{ if gt (len .Alerts) 1 }} {{ len .Alerts }}{{ end }}] '
    "«.CommonLabels.severity»: «.CommonLabels.alertname»"
)
_BODY: Final = f"""\
{{{{ range .Alerts }}}}{{{{ if eq .Status "resolved" }}}}RESOLVED: {{{{ end }}}}«.Annotations.summary»
{{{{ with .Annotations.description }}}}«.»
{{{{ end }}}}Severity: «.Labels.severity»
Since: {{{{ .StartsAt{_TIME} }}}}
{{{{ if eq .Status "resolved" }}}}Until: {{{{ .EndsAt{_TIME} }}}}
{{{{ end }}}}{{{{ with .Annotations.runbook_url }}}}Runbook: «.»
{{{{ end }}}}{{{{ range (.Annotations.Remove {_SHOWN_ANNOTATIONS}).SortedPairs }}}}{{{{ .Name }}}}: «.Value»
{{{{ end }}}}{{{{ range (.Labels.Remove {_SHOWN_LABELS}).SortedPairs }}}}{{{{ .Name }}}} = «.Value»
{{{{ end }}}}
{{{{ end }}}}"""

_URGENT: Final = 'match "^(critical|emergency)$" .CommonLabels.severity'
SLACK_COLOR: Final = (
    f'{{{{ if eq .Status "resolved" }}}}good{{{{ else if {_URGENT} }}}}danger{{{{ else }}}}warning{{{{ end }}}}'
)
PAGERDUTY_SEVERITY: Final = (
    f'{{{{ if {_URGENT} }}}}critical{{{{ else if eq .CommonLabels.severity "warning" }}}}warning'
    '{{ else if match "^(info)?$" .CommonLabels.severity }}info{{ else }}error{{ end }}'
)
"""The severity of an incident; PagerDuty has none above critical. A word of the user is an error."""

OPSGENIE_PRIORITY: Final = (
    '{{ if eq .CommonLabels.severity "emergency" }}P1{{ else if eq .CommonLabels.severity "critical" }}P2'
    '{{ else if eq .CommonLabels.severity "info" }}P5{{ else }}P3{{ end }}'
)
VICTOROPS_TYPE: Final = (
    f"{{{{ if {_URGENT} }}}}CRITICAL"
    '{{ else if eq .CommonLabels.severity "info" }}INFO'
    "{{ else }}WARNING{{ end }}"
)
PUSHOVER_PRIORITY: Final = (
    f'{{{{ if eq .Status "resolved" }}}}0{{{{ else if {_URGENT} }}}}1{{{{ else }}}}0{{{{ end }}}}'
)
"""High priority for what is urgent; the highest one would demand that a person confirms it."""


def title(settings: Any, *, escalated: bool, markup: Markup = "") -> str:
    """Return the template of the title that *settings* have; by default one that marks an *escalated* alert as such."""
    if (written := notices.title(settings, _MARKUP[markup])) is not None:
        return written
    return _written(_TITLE.replace("STATUS", "ESCALATED" if escalated else "FIRING"), markup)


def body(settings: Any, *, markup: Markup = "") -> str:
    """Return the template of the message: the text that *settings* have, for each alert; by default all that an alert has."""
    return notices.body(settings, _MARKUP[markup]) or _written(_BODY, markup)


def _written(template: str, markup: Markup) -> str:
    """Return *template* with its values escaped for *markup*, which would make links and mentions of a text."""
    return re.sub("«(.+?)»", lambda value: "{{ " + value[1] + _MARKUP[markup] + " }}", template)
