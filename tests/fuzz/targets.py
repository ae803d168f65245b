"""What is fuzzed: everything that reads bytes of others."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from csg_otel.config import load_lenient
from csg_otel.config.sections.secret import Secret
from csg_otel.config.sections.security import ApiAuth
from csg_otel.config.sources.yaml_file import parse
from csg_otel.config.tree import Report
from csg_otel.dashboard.http.access import Access
from csg_otel.dashboard.otlp.errors import InvalidRequestError, TooLargeError
from csg_otel.dashboard.otlp.receiver import Intake
from csg_otel.dashboard.otlp.signals import JSON, PROTOBUF, SIGNALS, decode, decompressed
from csg_otel.exporters.delivery.segment import Key, Segment
from csg_otel.privacy import Scrubber
from csg_otel.server.messages import Request
from csg_otel.server.tokens import Tokens
from fuzz.mutations import Target
from support.otlp_store import MemoryStore
from support.webhooks import webhook

_YAML = (
    b"service:\n  name: shop\n  version: '1.2'\nexporters:\n  otlp:\n    endpoint: http://c:4318\n    timeout: 5s\n",
    b"health:\n  checks:\n    - {name: db, type: tcp, host: db, port: 5432, interval: 30s}\nlogging: {level: INFO}\n",
    b"a: &a {b: 1, c: [1, 2, *x]}\nd: {<<: *a, e: !!str 7}\n? k\n: |\n  text\n  more\n",
    b"security:\n  api_auth: {enabled: true, method: basic, tokens: ['${TOKEN:-u:p}']}\nscrubbing: {enabled: yes}\n",
)
_YAML_WORDS = (
    *(
        b": ",
        b"- ",
        b"\n  ",
        b"{",
        b"}",
        b"[",
        b"]",
        b"&a ",
        b"*a",
        b"<<: ",
        b"!!python/object:os.system ",
        b"!!binary ",
        b"? ",
    ),
    *(
        b"1:1:1:1",
        b"2026-11-27",
        b"0x1F",
        b"0o7",
        b".inf",
        b"~",
        b"null",
        b"---\n",
        b"...\n",
        b"%YAML 1.1\n",
        b"|\n",
        b">-\n",
    ),
    *(
        b"${X}",
        b"${X:-y}",
        b"${",
        b"$$",
        b"enabled",
        b"service",
        b"exporters",
        b"tokens",
        b"30s",
        b"5MB",
        b"\xef\xbb\xbf",
        b"#",
    ),
)


def yaml_text() -> Target:
    """Return the reader of YAML: any text is read or is a problem."""
    return Target(lambda data: parse(data.decode("utf-8", "replace"), "f", Report()), _YAML, _YAML_WORDS)


def config(folder: Path) -> Target:
    """Return the loader of configuration files: a wrong setting is a problem, and never an exception."""
    path = folder / "monitoring_config.yaml"

    def run(data: bytes) -> None:
        path.write_bytes(data)
        load_lenient(path, environ={}, cwd=folder)

    return Target(run, _YAML, _YAML_WORDS)


_TOKEN = "correct-horse-4711"
_HEADER_WORDS = (
    *(
        b"Bearer ",
        b"bearer ",
        b"Basic ",
        b"Digest ",
        b"Token ",
        b",",
        b";",
        b"=",
        b"csg_otel_0=",
        b".",
        b"dXNlcjpwdw==",
        b"%",
    ),
    *(b"99999999999", b"\xe4", b"\xff", b"\x00", b"__Host-", b"; Path=/", b'"'),
)


def tokens() -> Target:
    """Return the check of `Authorization`: what has no token in it is not let in."""
    checks = [Tokens([_TOKEN, "other-token-42"]), Tokens(["user:pw-4711"], "basic")]

    def run(data: bytes) -> None:
        header = data.decode("latin-1")
        for check in checks:
            if check.accept(header):
                assert _TOKEN in header or "other-token-42" in header or "dXNlcjpwdy00NzEx" in header, (
                    "let in without a token"
                )

    return Target(
        run, (f"Bearer {_TOKEN}".encode(), b"Basic dXNlcjpwdy00NzEx", b"Bearer other-token-42"), _HEADER_WORDS
    )


def cookies() -> Target:
    """Return the login of the dashboard: a changed session is no session, whatever else stands in the header."""
    access = Access(ApiAuth(enabled=True, tokens=(Secret(_TOKEN),)), {})
    cookie = access.new_cookie().split(";")[0]
    link = access.new_link_token()

    def run(data: bytes) -> None:
        header = data.decode("latin-1")
        credential = access.credential(Request("GET", "/", headers={"cookie": header}))
        assert credential is None or cookie in header, "a changed session lets in"
        access.credential(Request("GET", "/", headers={"authorization": header}))
        assert header == link or not access.redeem(header), "a changed link lets in"

    seeds = (
        cookie.encode(),
        f"theme=dark; {cookie}; other=1".encode(),
        f"Bearer {_TOKEN}".encode(),
        b"csg_otel_0=1.2.3",
    )
    return Target(run, seeds, _HEADER_WORDS)


_KEY = Key.of(b"k" * 32, "collector")
_BODIES = (b"first body", b"\x0a" * 200, b"third")


def segments(folder: Path) -> Target:
    """Return the reader of spool files: a frame is read as it was written, or not at all."""
    written = Segment.create(folder / "traces-00000001", "traces")
    written.write([(count, body) for count, body in enumerate(_BODIES, 1)], _KEY)
    whole = written.path.read_bytes()
    written.file.close()
    path = folder / "traces-00000002"

    def run(data: bytes) -> None:
        path.write_bytes(data)
        segment = Segment.inherit(path, "traces")
        assert segment is not None
        try:
            bodies = [segment.read(ref, _KEY) for ref in segment.undelivered()]
        finally:
            segment.file.close()
        assert all(body is None or body in _BODIES for body in bodies), "a frame of others was read"

    return Target(
        run, (whole, whole[: len(whole) // 2], whole + whole), (b"CSGf", b"\x01", whole[:41], bytes(8), b"\xff" * 8)
    )


def _otlp_seeds() -> Iterator[bytes]:
    """Yield requests behind a byte that selects the signal (bits 0 and 1) and the encoding (bit 2: JSON)."""
    traces = ExportTraceServiceRequest()
    span = traces.resource_spans.add().scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, name="GET /")
    span.attributes.add(key="k").value.array_value.values.add().int_value = 7
    span.events.add(name="e", time_unix_nano=5)
    logs = ExportLogsServiceRequest()
    record = logs.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=7, severity_number=9)
    record.body.kvlist_value.values.add(key="a").value.string_value = "text"
    metrics = ExportMetricsServiceRequest()
    scope = metrics.resource_metrics.add().scope_metrics.add()
    scope.metrics.add(name="n").gauge.data_points.add(as_double=1.5)
    point = scope.metrics.add(name="h").histogram.data_points.add(count=3, sum=4.0, explicit_bounds=[1, 2])
    point.bucket_counts.extend([1, 1, 1])
    scope.metrics.add(name="x").exponential_histogram.data_points.add(count=2, scale=3).positive.bucket_counts.extend(
        [2]
    )
    messages = (traces.SerializeToString(), logs.SerializeToString(), metrics.SerializeToString())
    yield from (bytes([number]) + message for number, message in enumerate(messages))
    span_json = b'{"traceId":"%032d","spanId":"%016d","name":"GET","startTimeUnixNano":"5","kind":2}' % (7, 7)
    yield (
        b'\x04{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"s"}}]},"scopeSpans":[{"spans":['
        + span_json
        + b"]}]}]}"
    )
    record_json = b'{"timeUnixNano":"7","body":{"arrayValue":{"values":[{"intValue":"3"}]}}}'
    yield b'\x05{"resourceLogs":[{"scopeLogs":[{"logRecords":[' + record_json + b"]}]}]}"
    sum_json = b'{"dataPoints":[{"asInt":"3","timeUnixNano":"5"}],"aggregationTemporality":2}'
    yield b'\x06{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"n","sum":' + sum_json + b"}]}]}]}"


_OTLP_WORDS = (
    *(
        b'"arrayValue":{"values":[',
        b'"kvlistValue":{"values":[',
        b'"doubleValue":"NaN"',
        b"null",
        b"[]",
        b"{}",
        b"-9223372036854775808",
    ),
    *(
        b'{"stringValue":"\\ud800"}',
        b"\x0a\x00",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x1f\x8b\x08",
        b'"count":"-1"',
    ),
)


def otlp() -> Target:
    """Return the receiver of OTLP, from the body of a request to the rows of the dashboard's store."""

    def run(data: bytes) -> None:
        choice, body = (data[0], data[1:]) if data else (0, b"")
        signal = SIGNALS[(choice & 3) % 3]
        plain = decompressed(body, "gzip" if choice & 8 else "")
        Intake(MemoryStore()).accept(signal, decode(signal, plain, JSON if choice & 4 else PROTOBUF))

    return Target(run, tuple(_otlp_seeds()), _OTLP_WORDS, (InvalidRequestError, TooLargeError))


_ALERT = b'{"version":"4","status":"firing","alerts":[{"labels":{"alertname":"a"}}]}'
_NOTIFICATION = (
    b"POST /hook HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
    % (len(_ALERT), _ALERT)
)
RELAY_SEEDS = (
    _NOTIFICATION,
    b"GET /-/healthy HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    _NOTIFICATION.replace(b"1.1", b"1.0"),
)
RELAY_WORDS = (
    *(
        b"Content-Length: 99\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"5\r\nhello\r\n0\r\n\r\n",
        b"Host: a\r\n",
        b"Expect: 100-continue\r\n",
    ),
    *(
        b"HTTP/9.9",
        b"OPTIONS",
        b"http://x/",
        b"Content-Length: -1\r\n",
        b"Connection: close\r\n",
        b"\r\n\r\n",
        b": ",
        b"/%2e%2e/",
    ),
)


def relay(url: str) -> Target:
    """Return a client of the relay at *url*: whatever it sends, the relay answers something or closes, and then serves."""
    address = (urlsplit(url).hostname or "", urlsplit(url).port or 0)
    numbers = itertools.count(1)

    def run(data: bytes) -> None:
        _answer(address, data)
        if next(numbers) % 50 == 0:
            assert b" 200 " in _answer(address, RELAY_SEEDS[1]), "the relay does not serve any more"

    return Target(run, RELAY_SEEDS, RELAY_WORDS)


def _answer(address: tuple[str, int], data: bytes) -> bytes:
    """Return what the server at *address* answers to *data* and the end of the connection."""
    with socket.create_connection(address, timeout=10) as client:
        try:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: client.recv(65536), b""))
        except (ConnectionResetError, BrokenPipeError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            return b""


@contextmanager
def served_relay() -> Iterator[str]:
    """Serve a relay whose webhook refuses connections; yield its URL."""
    from csg_otel.server.relay import Relay

    with socket.socket() as closed:  # bound and not listening, so that nothing else gets the port
        closed.bind(("127.0.0.1", 0))
        target = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        with Relay({"/hook": webhook("POST", target, {}, 1.0)}) as served:
            yield served.url


_SCRUBBED = (
    b"login of ann@example.org from 203.0.113.9 failed: password=kR7mQx2pLw, token: 'abcDEF123456', pin=4711",
    b'{"user": {"api_key": "q8Zx7Lm2Tv4Kp9Rw", "card": "4111 1111 1111 1111"}, "phone": "+49 30 901820"}',
    b"curl -u shop:kR7mQx2pLw -H 'Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl' https://a:b@c.example/?sig=Zx7Lm2",
    b"-----BEGIN PRIVATE KEY-----\\nMIIBVgIBADANBgkqhkiG9w0BAQEFAASCAUAw\\n-----END PRIVATE KEY----- DE89370400440532013000",
    b"postgres://shop:kR7mQx2pLw@db:5432/shop?sslmode=require [redacted:key] Set-Cookie: sid=q8Zx7Lm2Tv4K; Path=/",
)
_SCRUBBED_WORDS = (
    *(
        b"=",
        b": ",
        b"=>",
        b"://",
        b"@",
        b"%40",
        b"%3D",
        b'"',
        b"'",
        b"\\\\n",
        b"\\\\u003d",
        b"[redacted:",
        b"]",
        b"***",
        b"--",
        b" -u ",
        b"<",
        b"</",
    ),
    *(
        b"Bearer ",
        b"password",
        b"AKIA",
        b"ghp_",
        b"eyJ",
        b"-----END PRIVATE KEY-----",
        b"+1",
        b"\xed\xa0\x80",
        b"\xc3\xa9",
        b"\x00",
        b"\n",
    ),
)


def scrubber() -> Target:
    """Return the scrubber: no rule fails, and what is scrubbed stays as it is when it is scrubbed again."""
    ours = Scrubber(secrets=["correct-horse-4711"])

    def run(data: bytes) -> None:
        text = data.decode("utf-8", "surrogatepass") if _is_text(data) else data.decode("latin-1")
        failed = ours.redactions.get("rule-error", 0)
        clean = ours.text(text)
        assert ours.text(clean) == clean, "scrubbing again changes it"
        ours.value(text[:40], {text[:20]: [text, data]})
        assert ours.redactions.get("rule-error", 0) == failed, "a rule failed"

    return Target(run, _SCRUBBED, _SCRUBBED_WORDS)


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True
