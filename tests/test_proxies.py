"""Requests go through the proxies of the environment: a real proxy, real servers behind it, and names that do not resolve."""

from __future__ import annotations

import re
import ssl
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from csg_otel import net
from csg_otel.alerts.events import Event
from csg_otel.alerts.push.api import Api
from csg_otel.alerts.push.plan import PushError
from csg_otel.check_result import Critical
from csg_otel.config import load
from csg_otel.config.sections.exporters import OtlpExporter, Tls
from csg_otel.exporters.alert_events import AlertSender
from csg_otel.exporters.delivery.sender import SendError
from csg_otel.exporters.otlp.sender import OtlpSender
from csg_otel.exporters.pushgateway import make_sender
from csg_otel.health.checks.http import Http
from csg_otel.net import proxies
from support.http_proxy import HttpProxy
from support.otlp_sink import GrpcSink, HttpSink
from support.programs import Program

EVENT = Event("import", "warning", "stands still", "shop", at=1.0)
PUSHGATEWAY = {"integrations": {"prometheus": {"enabled": True, "push_gateway": "http://gateway.invalid"}}}
VARIABLES = [
    spelling
    for name in ("http_proxy", "https_proxy", "grpc_proxy", "no_proxy", "no_grpc_proxy", "all_proxy", "REQUEST_METHOD")
    for spelling in (name, name.upper())
]
LOGIN = "us%65r:p%40ss"
PASSWORDS = ("p%40ss", "p@ss")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment without proxies."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture
def proxy(sink: HttpSink) -> Iterator[HttpProxy]:
    """A proxy in front of it, which wants a user and a password."""
    server = HttpProxy(sink.port, login="user:p@ss")
    yield server
    server.close()


CHOICES = [
    ({}, "http://a.test/", None),
    ({"http_proxy": "http://p:3128"}, "http://a.test/", "p:3128"),
    ({"HTTP_PROXY": "http://p:3128"}, "http://a.test/", "p:3128"),
    ({"http_proxy": "http://low:1", "HTTP_PROXY": "http://UP:2"}, "http://a.test/", "low:1"),
    ({"HTTP_PROXY": "http://p:3128"}, "https://a.test/", None),
    ({"HTTPS_PROXY": "p:3128/"}, "https://a.test/", "p:3128"),
    ({"ALL_PROXY": "http://all:1"}, "http://a.test/", "all:1"),
    ({"all_proxy": "http://low:1", "ALL_PROXY": "http://UP:2"}, "https://a.test/", "low:1"),
    ({"all_proxy": "http://all:1", "HTTPS_PROXY": "http://s:1"}, "https://a.test/", "s:1"),
    ({"ALL_PROXY": "http://all:1", "no_proxy": "a.test"}, "http://a.test/", None),
    ({"http_proxy": "p"}, "http://a.test/", "p:80"),
    ({"http_proxy": "http://[::1]:3128"}, "http://a.test/", "[::1]:3128"),
    # HTTP_PROXY may come from a client in a CGI script
    ({"HTTP_PROXY": "http://p:1", "REQUEST_METHOD": "GET"}, "http://a.test/", None),
    ({"http_proxy": "http://p:1", "REQUEST_METHOD": "GET"}, "http://a.test/", "p:1"),
    # this machine
    *[
        ({"http_proxy": "http://p:1"}, f"http://{host}:4318/", None)
        for host in ("localhost", "LOCALHOST.", "x.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "0.0.0.0")
    ],
]
EXCEPTIONS = [
    ("*", "http://a.test/", True),
    ("a.test", "http://a.test/", True),
    ("A.Test", "http://a.TEST./", True),
    ("a.test", "http://sub.a.test/", True),
    (".a.test", "http://sub.a.test/", True),
    (".a.test", "http://a.test/", True),
    ("*.a.test", "http://sub.a.test/", True),
    ("a.test", "http://nota.test/", False),
    ("b.test, a.test", "http://a.test/", True),
    ("b.test a.test", "http://a.test/", True),
    ("a.test:80", "http://a.test/", True),
    ("a.test:81", "http://a.test/", False),
    ("a.test:81", "http://a.test:81/", True),
    ("10.1.2.3", "http://10.1.2.3/", True),
    ("10.1.2.3:8080", "http://10.1.2.3:8080/", True),
    ("10.1.2.3:8080", "http://10.1.2.3/", False),
    ("1.2.3", "http://10.1.2.3/", False),
    ("10.0.0.0/8", "http://10.1.2.3/", True),
    ("10.0.0.1/8", "http://10.1.2.3/", True),
    ("10.0.0.0/8", "http://11.1.2.3/", False),
    ("10.0.0.0/8", "http://a.test/", False),
    ("fd00::/8", "http://[fd00::1]/", True),
    ("fd00::1", "http://[fd00:0::1]/", True),
    ("[fd00::1]:80", "http://[fd00::1]/", True),
    ("10.0.0.0/x, /, :, .", "http://a.test/", False),
]


@pytest.mark.parametrize(("environ", "url", "expected"), CHOICES)
def test_the_variables_choose_the_proxy(environ: dict[str, str], url: str, expected: str | None) -> None:
    """Small letters win; each scheme has its own variable; this machine needs no proxy."""
    chosen = proxies.for_http(net.parse(url), environ)

    assert (None if chosen is None else str(chosen)) == expected


@pytest.mark.parametrize("name", ["ALL_PROXY", "all_proxy"])
def test_a_socks_proxy_for_everything_is_ignored_with_one_warning(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is often set for a browser or a shell; telemetry went directly before it read the variable, and still does."""
    proxies._warn_of_socks.cache_clear()
    for url in ("http://a.test/", "https://a.test/"):
        assert proxies.for_http(net.parse(url), {name: "socks5h://me:c4nary@p:1080"}) is None

    (record,) = caplog.records
    assert record.getMessage().startswith(f"{name} names a SOCKS proxy")
    assert "c4nary" not in caplog.text


@pytest.mark.parametrize(("text", "url", "direct"), EXCEPTIONS)
@pytest.mark.parametrize("variable", ["no_proxy", "NO_PROXY"])
def test_exceptions_are_requested_directly(variable: str, text: str, url: str, direct: bool) -> None:
    """Domains with their subdomains, addresses, networks, ports and ``*``."""
    environ = {"http_proxy": "http://p:3128", variable: text}

    assert (proxies.for_http(net.parse(url), environ) is None) == direct


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HTTP_PROXY": "http://h:1"}, "h:1"),
        ({"http_proxy": "http://h:1", "HTTPS_PROXY": "http://s:1"}, "s:1"),
        ({"grpc_proxy": "http://g:1", "https_proxy": "http://s:1"}, "g:1"),
        ({"ALL_PROXY": "http://all:1"}, "all:1"),
        ({"ALL_PROXY": "http://all:1", "http_proxy": "http://h:1"}, "h:1"),
        ({"https_proxy": "http://s:1", "NO_PROXY": "a.test"}, None),
        ({"https_proxy": "http://s:1", "no_grpc_proxy": "b.test", "NO_PROXY": "a.test"}, "s:1"),
    ],
)
def test_grpc_has_variables_of_its_own(environ: dict[str, str], expected: str | None) -> None:
    """The variables of gRPC's own client, and also in capital letters."""
    chosen = proxies.for_grpc(net.parse("http://a.test:4317"), environ)

    assert (None if chosen is None else str(chosen)) == expected


@pytest.mark.parametrize(
    "value", ["socks5://u:p@ss@p:1080", "https://u:p@ss@p:443", "http://", "http://u:p@ss@p:x", ":::"]
)
def test_a_proxy_that_can_not_be_used_is_an_error_without_its_password(
    value: str, environment: pytest.MonkeyPatch
) -> None:
    """Nothing is sent past the proxy, and the variable is named."""
    environment.setenv("HTTP_PROXY", value)
    with pytest.raises(net.ProxyError, match="HTTP_PROXY") as caught:
        net.request("GET", "http://a.test/", timeout_s=1)

    assert "p@ss" not in str(caught.value)


def certificate(sink_names: tuple[str, ...], folder: Path) -> tuple[ssl.SSLContext, str]:
    """Return a server's context for these names, and the file of the authority."""
    authority, server = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*sink_names).configure_cert(server)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return server, str(folder / "ca.pem")


def sender(endpoint: str, protocol: Any, **settings: Any) -> OtlpSender:
    """Return a sender of traces with a secret header."""
    options = {"headers": {"authorization": "Bearer t0ken"}, **settings}
    return OtlpSender(OtlpExporter(endpoint=endpoint, protocol=protocol, **options), "traces")


def test_http_is_forwarded(sink: HttpSink, proxy: HttpProxy, environment: pytest.MonkeyPatch) -> None:
    """The proxy gets the whole URL and its credentials; a kept connection carries the next request."""
    environment.setenv("HTTP_PROXY", proxy.url(LOGIN))
    wire = sender("http://collector.invalid:4318", "http/protobuf")
    wire.send_batch(b"", 30)
    wire.send_batch(b"", 30)
    wire.close()

    assert len(sink.received.traces) == 2
    assert proxy.requests == ["POST http://collector.invalid:4318/v1/traces HTTP/1.1"] * 2
    assert "Host: collector.invalid:4318" in proxy.heads[0]


def test_https_is_tunnelled(tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    """The proxy sees the name of the server and nothing of the request; the certificate is the server's."""
    context, ca = certificate(("collector.invalid",), tmp_path)
    sink = HttpSink(tls=context)
    proxy = HttpProxy(sink.port, login="user:p@ss")
    environment.setenv("https_proxy", proxy.url(LOGIN))
    for endpoint, trusted in (("https://collector.invalid:4318", True), ("https://other.invalid:4318", False)):
        wire = sender(endpoint, "http/protobuf", tls=Tls(ca=ca))
        try:
            wire.send_batch(b"", 30)
        except SendError as error:
            assert not trusted
            assert "certificate" in str(error)  # noqa: PT017 - only one of the two endpoints fails
        wire.close()
    proxy.close()
    sink.close()

    assert len(sink.received.traces) == 1
    assert sink.received.headers[0]["authorization"] == "Bearer t0ken"
    assert proxy.requests[0] == "CONNECT collector.invalid:4318 HTTP/1.1"
    assert "t0ken" not in "".join(proxy.heads)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "https_proxy", "grpc_proxy"])
def test_grpc_is_tunnelled(variable: str, environment: pytest.MonkeyPatch) -> None:
    """A plain channel, too, goes through a tunnel."""
    sink = GrpcSink()
    proxy = HttpProxy(sink.port, login="user:p@ss")
    environment.setenv(variable, proxy.url(LOGIN))
    wire = sender("http://collector.invalid:4317", "grpc")
    wire.send_batch(b"", 30)
    wire.close()
    proxy.close()
    sink.close()

    assert len(sink.received.traces) == 1
    assert proxy.requests == ["CONNECT collector.invalid:4317 HTTP/1.1"]


def test_grpc_with_tls_is_tunnelled(tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    """TLS begins inside the tunnel: the first byte to the server is a handshake, and the token is not seen."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    sink = GrpcSink(tls=authority.issue_cert("collector.invalid"))
    proxy = HttpProxy(sink.port)
    environment.setenv("HTTPS_PROXY", proxy.url())
    wire = sender("https://collector.invalid:4317", "grpc", tls=Tls(ca=str(tmp_path / "ca.pem")))
    wire.send_batch(b"", 30)
    wire.close()
    proxy.close()
    sink.close()

    assert len(sink.received.traces) == 1
    assert sink.received.headers[0]["authorization"] == "Bearer t0ken"
    assert proxy.requests == ["CONNECT collector.invalid:4317 HTTP/1.1"]


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("exception", ["localhost", "NO_PROXY"])
def test_a_server_that_is_an_exception_is_requested_directly(
    protocol: str, exception: str, environment: pytest.MonkeyPatch
) -> None:
    """A collector beside the program needs no exception; NO_PROXY holds for gRPC, too."""
    sink: Any = GrpcSink() if protocol == "grpc" else HttpSink()
    proxy = HttpProxy(1)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        environment.setenv(name, proxy.url())
    if exception == "NO_PROXY":
        environment.setenv("NO_PROXY", "127.0.0.0/8,localhost")
    wire = sender(f"http://{'127.0.0.1' if exception == 'NO_PROXY' else 'localhost'}:{sink.port}", protocol)
    wire.send_batch(b"", 30)
    wire.close()
    proxy.close()
    sink.close()

    assert (len(sink.received.traces), proxy.requests) == (1, [])


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("fault", ["hang", "garbage", "502", "407", "gone"])
def test_a_bad_proxy_ends_at_the_deadline(
    fault: str, scheme: str, protocol: str, environment: pytest.MonkeyPatch
) -> None:
    """Each attempt ends in time, may be repeated, and its message has no password."""
    proxy = HttpProxy(1, fault=fault)
    environment.setenv(f"{scheme}_proxy", proxy.url(LOGIN))
    if fault == "gone":
        proxy.close()
    wire = sender(f"{scheme}://collector.invalid:4318", protocol)
    began = time.monotonic()
    with pytest.raises(SendError) as caught:
        wire.send_batch(b"", 0.7)
    took_s = time.monotonic() - began
    wire.close()
    proxy.close()

    assert caught.value.retry
    assert took_s < 30  # a hanging proxy keeps the connection for a minute
    assert not any(password in str(caught.value) for password in PASSWORDS)


def test_a_check_asks_through_the_proxy(sink: HttpSink, proxy: HttpProxy, environment: pytest.MonkeyPatch) -> None:
    """Checks of type http; what the proxy refuses is the reason of the check."""
    environment.setenv("HTTP_PROXY", proxy.url(LOGIN))
    environment.setenv("HTTPS_PROXY", proxy.url())

    Http("http://service.invalid/v1/logs", method="POST", body=b"", timeout_s=30)()
    with pytest.raises(Critical, match=r"service.invalid: the proxy 127.0.0.1:\d+ answers .* with HTTP 407"):
        Http("https://service.invalid/", timeout_s=30)()
    assert proxy.requests[0] == "POST http://service.invalid/v1/logs HTTP/1.1"


def test_pushes_go_through_the_proxy(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Grafana's and Datadog's APIs, Alertmanager and the Pushgateway: each request is the proxy's."""
    proxy = HttpProxy(1, fault="403")
    environment.setenv("HTTP_PROXY", proxy.url())
    for push in (
        lambda: Api("http://grafana.invalid").call("GET", "/api/folders"),
        lambda: AlertSender("http://alertmanager.invalid", lambda _event, _time: b"[]").send_batch(EVENT.encode(), 30),
        lambda: make_sender(load(PUSHGATEWAY, environ={}).config, worker=False).send_batch([], 30),
    ):
        with pytest.raises((PushError, SendError)):
            push()
    proxy.close()

    hosts = [request.split("/")[2] for request in proxy.requests]
    assert hosts == ["grafana.invalid", "alertmanager.invalid", "gateway.invalid"]


def test_every_request_names_this_package(sink: HttpSink) -> None:
    """Checks and pushes have a User-Agent, too."""
    net.request("POST", f"{sink.endpoint}/v1/logs", timeout_s=30, body=b"")

    assert re.fullmatch(r"csg-otel/\S+ \(python \S+\)", sink.received.headers[0]["user-agent"])


def test_a_check_refuses_metadata_addresses_also_through_a_proxy(
    proxy: HttpProxy, environment: pytest.MonkeyPatch
) -> None:
    """An address of a cloud's metadata service is not requested for the check by the proxy either."""
    environment.setenv("HTTP_PROXY", proxy.url(LOGIN))
    with pytest.raises(Critical, match="link-local"):
        Http("http://169.254.169.254/latest", timeout_s=30)()

    assert proxy.requests == []


def test_the_probe_of_a_container_asks_directly(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`csg-otel healthcheck` asks the program beside it: a proxy would make the platform restart a healthy one."""
    proxy = HttpProxy(1)
    command = [
        sys.executable,
        "-m",
        "csg_otel",
        "healthcheck",
        "--url",
        "http://program.invalid:8081",
        "--timeout",
        "2",
    ]
    with Program(command, tmp_path, {"HTTP_PROXY": proxy.url()}) as program:
        program.wait()
    proxy.close()

    assert proxy.requests == []
