"""``csg-otel config check`` and ``doctor`` agree about what will not be served: files of TLS, and an open dashboard."""

from __future__ import annotations

from pathlib import Path

import pytest

from csg_otel.cli import served
from csg_otel.cli.doctor import examine
from csg_otel.config import load_lenient
from support.authority import Authority

EXPOSURE = "0.0.0.0:8080 can be reached from other machines without a token"


@pytest.mark.parametrize("missing", ["cert", "key", "client_ca"])
def test_a_missing_file_of_tls_is_a_warning_with_its_place(tmp_path: Path, missing: str) -> None:
    """The files may be on another machine, so it is no problem of the configuration; the doctor, run there, has one."""
    authority = Authority(tmp_path)
    files = {"cert": authority.cert, "key": authority.key, "client_ca": authority.ca_file}
    text = "".join(f"    {name}: {path}\n" for name, path in files.items())
    file = tmp_path / "c.yaml"
    file.write_text(f"security:\n  tls:\n{text}", encoding="utf-8")
    assert list(served.warnings(load_lenient(file))) == []

    files[missing].unlink()
    (warning,) = served.warnings(load_lenient(file))
    assert f"c.yaml:{3 + list(files).index(missing)}:" in warning
    assert f"security.tls.{missing}: {files[missing]} can't be used: No such file or directory; until then" in warning
    (finding,) = (finding for finding in examine(str(file)) if finding.subject == "tls")
    assert (f"security.tls.{missing} {files[missing]}" in finding.result, bool(finding.remedy)) == (True, True)


def test_an_open_dashboard_is_a_warning_of_both(tmp_path: Path) -> None:
    """With the sentence that the server logs; a token or client certificates close it, and so does the loopback address."""
    authority = Authority(tmp_path)
    file = tmp_path / "c.yaml"
    board = "dashboard: {enabled: true, host: 0.0.0.0}\n"
    mutual = f"security: {{tls: {{cert: {authority.cert}, key: {authority.key}, client_ca: {authority.ca_file}}}}}"
    cases = {
        "": 1,
        "security: {api_auth: {enabled: true, tokens: ['${TOKEN:-abcdefgh}']}}": 0,
        mutual: 0,
        mutual.replace("}}", ", client_auth: optional}}"): 1,
    }
    for rest, count in cases.items():
        file.write_text(board + rest, encoding="utf-8")
        warnings = list(served.warnings(load_lenient(file)))
        findings = [finding for finding in examine(str(file)) if finding.subject == "dashboard"]

        assert (len(warnings), len(findings)) == (count, count), rest
        assert all(f"c.yaml:1:28: dashboard.host: {EXPOSURE}; set security.api_auth, or" in text for text in warnings)
        assert all(finding.result == EXPOSURE for finding in findings)

    file.write_text("dashboard: {enabled: true}", encoding="utf-8")
    assert list(served.warnings(load_lenient(file))) == []


@pytest.mark.fast_path  # a variable of the environment switches it off, and would count
def test_the_check_counts_them_as_warnings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, because the program runs, without this server."""
    from csg_otel.cli import main

    file = tmp_path / "c.yaml"
    file.write_text("dashboard: {enabled: true, host: '::'}\nsecurity: {tls: {cert: missing.pem}}", encoding="utf-8")

    assert main(["config", "check", str(file)]) == 0
    output = capsys.readouterr().out
    assert "security.tls.cert: missing.pem can't be used: No such file" in output
    assert "dashboard.host: [::]:8080 can be reached from other machines" in output
    assert "c.yaml: ok, 3 settings given, 2 warnings" in output
