"""
What people read: the templates of mails, Slack messages and pages, in Alertmanager's template language.

Pure. They show summary, description, severity, runbook, times and labels of each alert, and whether it is over. The rule: what
an alert says is data; nothing of it becomes a template, a link or a mention.
"""

from __future__ import annotations

import re
from typing import Final

_KNOWN_LABELS: Final = '(stringSlice "alertname" "severity" "csg_rule")'
_SHOWN_ALREADY: Final = '(stringSlice "summary" "description" "runbook_url" "threshold")'
_TIME: Final = '.UTC.Format "2006-01-02 15:04:05 UTC"'
_ESCAPED: Final = ' | reReplaceAll "&" "&amp;" | reReplaceAll "<" "&lt;" | reReplaceAll ">" "&gt;"'

# «x» stands for the value x, written as the reader's format wants it.
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
{{{{ end }}}}{{{{ range (.Annotations.Remove {_SHOWN_ALREADY}).SortedPairs }}}}{{{{ .Name }}}}: «.Value»
{{{{ end }}}}{{{{ range (.Labels.Remove {_KNOWN_LABELS}).SortedPairs }}}}{{{{ .Name }}}} = «.Value»
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
"""PagerDuty has no severity above critical."""


def title(*, escalated: bool, slack: bool = False) -> str:
    """Return the template of a line that says what it is about; of an *escalated* alert that it is one."""
    return _written(_TITLE.replace("STATUS", "ESCALATED" if escalated else "FIRING"), slack=slack)


def body(*, slack: bool = False) -> str:
    """Return the template of everything there is to say."""
    return _written(_BODY, slack=slack)


def _written(template: str, *, slack: bool) -> str:
    """Return *template* for plain text, or for *slack*, which reads links and mentions out of a text."""
    return re.sub("«(.+?)»", lambda found: "{{ " + found[1] + (_ESCAPED if slack else "") + " }}", template)
