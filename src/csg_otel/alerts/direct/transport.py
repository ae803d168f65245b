"""
Sending what a channel has made of a notice: HTTP requests and mails, each under one deadline.

Certificates are verified, and no redirect is followed, because it could lead secrets elsewhere. Nothing is sent to addresses
that serve credentials of a machine. `csg_otel.exporters.channels` and `csg_otel.alerts.alertmanager.relay` use it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from csg_otel import net
from csg_otel.alerts.direct.outgoing import HttpCall
from csg_otel.net import metadata, smtp

if TYPE_CHECKING:
    from csg_otel.alerts.direct.outgoing import Mail


class Answer(NamedTuple):
    """The *response* to a request, whatever its status; None for a mail that was accepted, except for *refused* recipients."""

    response: net.Response | None = None
    refused: tuple[str, ...] = ()


def send(outgoing: HttpCall | Mail, timeout_s: float) -> Answer:
    """
    Send *outgoing* within *timeout_s* seconds, or within its own limit if that is shorter.

    Raises OSError if there is no response, SmtpError as one if a mail was accepted for no recipient, and ValueError for a
    header or an address that can't be sent.
    """
    limit_s = min(timeout_s, outgoing.timeout_s)
    if isinstance(outgoing, HttpCall):
        response = net.request(
            outgoing.method,
            outgoing.url,
            body=outgoing.body,
            headers=outgoing.headers,
            timeout_s=limit_s,
            check_address=metadata.refuse,
        )
        return Answer(response)
    refused = smtp.send_mail(
        outgoing.host,
        outgoing.port,
        sender=outgoing.sender,
        recipients=outgoing.recipients,
        content=outgoing.content,
        timeout_s=limit_s,
        security=outgoing.security,
        username=outgoing.username,
        password=outgoing.password,
        check_address=metadata.refuse,
    )
    return Answer(None, refused)
