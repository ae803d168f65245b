"""A command without a client certificate says at once that the server wants one, and which option gives it."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from csg_otel import net
from csg_otel.cli import main
from csg_otel.config import load
from csg_otel.health import HealthSnapshot
from csg_otel.server import Endpoints, Server
from csg_otel.status import HealthStatus
from support.authority import Authority

WANTS = "the server wants a client certificate; give one with --client-cert FILE"
SNAPSHOT = HealthSnapshot((), dict.fromkeys(("overall", "liveness", "readiness", "startup"), HealthStatus.HEALTHY))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with mutual TLS; the file of its configuration is beside its certificate."""
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder)
    security = authority.settings(client_ca=str(authority.ca_file))
    config = load({"security": security}, environ={}).config
    endpoints = Endpoints(config, metrics=lambda: None, health=lambda: SNAPSHOT, stopping=lambda: False)
    server = Server("127.0.0.1", 0, endpoints, tls=config.security.tls)
    server.start()
    port = int(server.url.rpartition(":")[2])
    # One port for both: no request reaches either, and the configuration refuses two servers at one address.
    dashboard = {"enabled": True, "host": "localhost", "port": port}
    settings = {"security": security, "dashboard": dashboard, "system_monitoring": {"prometheus": {"port": port}}}
    (folder / "c.json").write_text(json.dumps(settings))
    trustme.CA().issue_cert("x@example.org").private_key_and_cert_chain_pem.write_to_path(str(folder / "other.pem"))
    yield server
    server.stop(2.0)


@pytest.fixture
def folder(server: Server) -> Path:
    """The folder of the server's files."""
    return Path(server._tls.cert).parent if server._tls is not None and server._tls.cert else Path()


@pytest.mark.parametrize(
    "command",
    ["dashboard --web", "dashboard --mode status", "dashboard --mode health", "query health", "healthcheck"],
)
@pytest.mark.parametrize("place", ["configuration", "url"])
def test_a_missing_client_certificate_is_named(
    server: Server, folder: Path, command: str, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No monitors are started instead, and no other remedy is given; exit code 1, as where nothing answers."""
    where = ["--config", str(folder / "c.json")] if place == "configuration" else ["--url", server.url, "--insecure"]
    code = main([*command.split(), *where])
    out, err = capsys.readouterr()

    assert (code, WANTS in out + err) == (1, True), out + err
    assert "start the program" not in out + err
    assert "--local" not in out + err


def test_metrics_of_rules_name_it_too(server: Server, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the other commands that request something."""
    (folder / "rules.yaml").write_text("alerting: {enabled: true, rules: []}")
    code = main(
        ["alerts", "check", "--config", str(folder / "rules.yaml"), "--metrics", f"{server.url}/metrics", "--insecure"]
    )
    out, err = capsys.readouterr()

    assert code != 0
    assert WANTS in out + err


def test_a_certificate_of_another_authority_is_refused_with_a_reason(
    server: Server, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server's reason, and the option."""
    other = str(folder / "other.pem")

    assert main(["query", "health", "--url", server.url, "--insecure", "--client-cert", other]) == 1
    assert "refuses the client certificate (unknown ca); give another" in capsys.readouterr().err


def test_an_older_handshake_only_may_want_one(server: Server) -> None:
    """TLS 1.2 has one alert for many causes; what is no alert has no sentence."""
    context = net.tls_context(verifies=False)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError) as raised:
        net.request("GET", server.url, timeout_s=10, tls=context, direct=True)

    assert "if it wants a client certificate" in net.client_certificate_problem(raised.value)
    assert net.client_certificate_problem(ConnectionRefusedError(111, "refused")) == ""
