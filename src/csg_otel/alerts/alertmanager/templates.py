"""
The templates of mails, Slack messages and pages, in Alertmanager's template language.

Pure. They show summary, description, severity, runbook, times and labels of each alert, and whether it is resolved. The rule:
the texts of an alert are data; no part of them becomes a template, a link or a mention.
"""

from __future__ import annotations

import re
from typing import Final

from csg_otel.alerts.model import RULE_LABEL

_SHOWN_LABELS: Final = f'(stringSlice "alertname" "severity" "{RULE_LABEL}")'
_SHOWN_ANNOTATIONS: Final = '(stringSlice "summary" "description" "runbook_url" "threshold")'
_TIME: Final = '.UTC.Format "2006-01-02 15:04:05 UTC"'
_ESCAPED: Final = ' | reReplaceAll "&" "&amp;" | reReplaceAll "<" "&lt;" | reReplaceAll ">" "&gt;"'

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

SLACK_COLOR: Final = (
    '{{ if eq .Status "resolved" }}good'
    '{{ else if match "critical|emergency" .CommonLabels.severity }}danger{{ else }}warning{{ end }}'
)
PAGERDUTY_SEVERITY: Final = (
    '{{ if match "critical|emergency" .CommonLabels.severity }}critical'
    '{{ else if eq .CommonLabels.severity "warning" }}warning{{ else }}info{{ end }}'
)
"""The severity of an incident; PagerDuty has none above critical."""


def title(*, escalated: bool, slack: bool = False) -> str:
    """Return the template of the title, which marks an *escalated* alert as such."""
    return _written(_TITLE.replace("STATUS", "ESCALATED" if escalated else "FIRING"), slack=slack)


def body(*, slack: bool = False) -> str:
    """Return the template of the whole message."""
    return _written(_BODY, slack=slack)


def _written(template: str, *, slack: bool) -> str:
    """Return *template* for plain text, or for *slack*, which would make links and mentions of a text."""
    return re.sub("«(.+?)»", lambda value: "{{ " + value[1] + (_ESCAPED if slack else "") + " }}", template)
