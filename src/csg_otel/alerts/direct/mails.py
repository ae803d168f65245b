"""
Notices as mails. Pure: the time is an argument.

The text is plain, so it shows every character as it was written. The rule: the same notice has the same ``Message-ID``, so that
a server recognizes a mail that is sent again because its answer was lost.
"""

from __future__ import annotations

import email.utils
import hashlib
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts.direct import webhook, wording
from csg_otel.alerts.direct.outgoing import Mail, plain

if TYPE_CHECKING:
    from csg_otel.alerts.direct.notice import Notice

IMPLICIT_TLS_PORT: Final = 465
"""The port of mail servers at which TLS begins with the first byte (RFC 8314); Alertmanager recognizes it by its number."""

_TEXT: Final = 200_000
"""Most characters of a mail's text."""


def mail(settings: Any, notice: Notice, now_s: float) -> list[Mail]:
    """Return the mail to all recipients."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = wording.title(notice)
    message["From"] = sender(settings)
    message["To"] = ", ".join(settings.recipients)
    message["Date"] = email.utils.formatdate(now_s)
    message["Message-ID"] = f"<{hashlib.sha256(webhook.body(notice)).hexdigest()[:32]}@csg-otel>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no reply of an absent person comes back
    text = wording.text(notice, _TEXT).replace("\r\n", "\n").replace("\r", "\n")
    message.set_content(text.encode("utf-8", "replace").decode(), cte="quoted-printable")
    implicit = settings.smtp_port == IMPLICIT_TLS_PORT
    return [
        Mail(
            settings.smtp_server,
            settings.smtp_port,
            "tls" if implicit else "starttls" if settings.use_tls else "plain",
            message["From"].addresses[0].addr_spec,
            tuple(address.addr_spec for address in message["To"].addresses),
            message.as_bytes(),
            settings.username or "",
            "" if settings.password is None else plain(settings.password),
        )
    ]


def sender(settings: Any) -> str:
    """Return the sender of mails: as configured, else the account if it is an address, else the first recipient."""
    account = settings.username or ""
    return str(settings.from_email or (account if "@" in account else "") or settings.recipients[0])
