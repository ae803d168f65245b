"""
Notices to Amazon's SNS: the call ``Publish`` of its Query API, signed with Signature Version 4.

Pure: the time is an argument. The signature is made as AWS describes it (`Create a signed AWS API request`): an HMAC over the
request, with a key that is derived from the secret key, the day, the region and the service.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from csg_otel.alerts.direct import wording
from csg_otel.alerts.direct.outgoing import ChannelError, HttpCall, plain

if TYPE_CHECKING:
    from csg_otel.alerts.direct.notice import Notice

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_FORM: Final = "application/x-www-form-urlencoded"
_SUBJECT: Final = 100
"""Most characters of the subject of the mails that a topic sends."""
_TEXT: Final = 60_000
"""Most characters of a message: at most four bytes each, and SNS takes 256 KiB."""
_SMS_TEXT: Final = 1_500
_TARGETS: Final = {"topic_arn": "TopicArn", "target_arn": "TargetArn", "phone_number": "PhoneNumber"}


def sns(settings: Any, notice: Notice, now_s: float) -> list[HttpCall]:
    """
    Return the call that publishes the notice to a topic, an endpoint or a phone number.

    Raises ChannelError without an access key: the credentials of a machine are Alertmanager's to find, and so is a role.
    """
    if not (settings.access_key and settings.secret_key) or settings.role_arn:
        raise ChannelError("set access_key and secret_key; roles and a machine's own credentials need Alertmanager")
    field, target = _target(settings)
    is_phone = field == "phone_number"
    form = {
        "Action": "Publish",
        "Version": "2010-03-31",
        _TARGETS[field]: target,
        "Message": f"{wording.title(notice)}\n\n{wording.text(notice, _SMS_TEXT if is_phone else _TEXT)}",
        **({} if is_phone else {"Subject": _ascii(wording.title(notice, _SUBJECT))}),
    }
    region = _region(settings)
    body = urlencode(form, errors="replace").encode()
    url = plain(settings.api_url or _endpoint(region))
    headers = signed_headers(
        url, body, region=region, access_key=plain(settings.access_key), secret=plain(settings.secret_key), now_s=now_s
    )
    return [HttpCall(url, body, headers)]


def signed_headers(
    url: str, body: bytes, *, region: str, access_key: str, secret: str, now_s: float, service: str = "sns"
) -> dict[str, str]:
    """
    Return the headers of a signed POST of the form *body*.

    Args:
        url: The URL of the request, without a query.
        body: The form.
        region: The region of the service, such as ``eu-central-1``.
        access_key: The id of the access key.
        secret: The secret access key.
        now_s: The time of the request in Unix seconds.
        service: The name of the service. Default: SNS.
    """
    parts = urlsplit(url)
    stamp = f"{datetime.fromtimestamp(int(now_s), timezone.utc):%Y%m%dT%H%M%SZ}"
    signed = {"content-type": _FORM, "host": parts.netloc.rpartition("@")[2], "x-amz-date": stamp}
    names = ";".join(signed)
    head = "".join(f"{name}:{value}\n" for name, value in signed.items())
    request = f"POST\n{parts.path or '/'}\n\n{head}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    authorization = f"{_ALGORITHM} Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {"Content-Type": _FORM, "X-Amz-Date": stamp, "Authorization": authorization}


def address(settings: Any) -> str:
    """Return the URL of the service in the region of *settings*."""
    return _endpoint(_region(settings))


def _target(settings: Any) -> tuple[str, str]:
    return next((name, plain(value)) for name in _TARGETS if (value := getattr(settings, name)))


def _region(settings: Any) -> str:
    """Return the configured region, or that of a target such as ``arn:aws:sns:eu-central-1:123456789012:alerts``."""
    parts = _target(settings)[1].split(":")
    return str(settings.region or (parts[3] if len(parts) > 3 else ""))


def _endpoint(region: str) -> str:
    return f"https://sns.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}/"


def _ascii(text: str) -> str:
    return "".join(char if " " <= char <= "~" else "?" for char in text)
