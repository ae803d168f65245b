"""The other commands: ``run``, ``doctor``, ``demo`` and what they have in common."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from csg_otel import cli
from csg_otel.cli import COMMANDS
from csg_otel.cli.counted import counted
from csg_otel.errors import CsgOtelError
from support.otlp_sink import HttpSink
from support.programs import Program
from support.servers import free_port


def command(*arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Run ``csg-otel`` and return its exit code, stdout and stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "csg_otel", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PROMETHEUS_PORT": "0", **(env or {})},
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def test_help_lists_every_command_and_each_has_an_example() -> None:
    """The help lists every command, and the help of each command ends with an example."""
    code, output, _ = command("--help")

    assert code == 0
    for name in COMMANDS:
        assert re.search(rf"^\s+{name}\b", output, re.MULTILINE), name
        assert re.search(r"example:\s+csg-otel", command(name, "--help")[1]), name


@pytest.mark.parametrize(
    "arguments",
    [
        ("healthcheck", "http://u:c4nary@h:9/x"),
        ("healthcheck", "--adress=http://u:c4nary@h:9/x"),
        ("healthcheck", "--adress", "u:c4nary@h"),
        ("healthcheck", "https://h/hooks/c4nary9?x=c4nary"),
        ("grafana", "push", "--url", "http://[::1:c4nary@h"),
        ("grafana", "push", "--url", "u:c4nary@h"),
        ("alerts", "preview", "--metrics", "http://u:c4nary@h:99999"),
    ],
)
def test_an_address_in_the_wrong_place_is_not_quoted(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The usage error has no credentials, and an address that is none is no traceback."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        sys.exit(cli.main(list(arguments)))
    printed = "".join(capsys.readouterr())

    assert ended.value.code
    assert printed
    assert "c4nary" not in printed
    assert "Traceback" not in printed


def test_an_unknown_command_is_a_usage_error() -> None:
    """An unknown command exits 2 and is named on stderr."""
    code, output, error = command("helthcheck")

    assert (code, output) == (2, "")
    assert "helthcheck" in error


@pytest.mark.parametrize("group", [[], ["alerts"], ["config"]])
def test_a_missing_command_is_a_usage_error(group: list[str]) -> None:
    """A missing command exits 2; stderr contains these words and the usage."""
    code, output, error = command(*group)

    assert (code, output) == (2, "")
    assert "no command given" in error
    assert "COMMAND" in error


@pytest.mark.parametrize(
    "arguments",
    [
        ["doctor", "binary.yaml"],
        ["doctor", "broken.yaml"],
        ["doctor", "folder"],
        ["doctor", "no-such-file"],
        ["run", "--", "./folder"],
        ["healthcheck", "--app", "no_such_module:app"],
        ["healthcheck", "--url", "http://127.0.0.1:1", "--token-file", "folder"],
        ["alerts", "check", "--config", "binary.yaml"],
        ["alerts", "check", "--app", "no_such_module"],
        ["alerts", "check", "--metrics", "http://127.0.0.1:1/metrics"],
        ["alerts", "preview", "--url", "http://[::1"],
        ["config", "check", "broken.yaml"],
    ],
)
def test_a_mistake_of_the_user_is_a_message(arguments: list[str], tmp_path: Path) -> None:
    """A mistake of the user ends with a message and an exit code above 0, never with a traceback."""
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "broken.yaml").write_text("a: [")
    (tmp_path / "folder").mkdir()
    code, output, error = command(*arguments, cwd=tmp_path)

    assert code != 0
    assert "Traceback" not in output + error
    assert output + error


COMMAND_LINES = (
    "healthcheck --local --config {}",
    "healthcheck --config {}",
    "healthcheck --url http://127.0.0.1:1 --token-file {}",
    "doctor {}",
    "config check {}",
    "config show {}",
    "config init {}",
    "alerts compile --config {}",
    "alerts compile --output {}",
    "alerts check --config {}",
    "alerts check --alertmanager-file {}",
    "alerts test --config {}",
    "alerts preview --config {} --url http://127.0.0.1:1",
    "alerts push --config {}",
    "alerts push --prometheus-url http://127.0.0.1:1 --prometheus-file {}",
    "alerts push --alertmanager-url http://127.0.0.1:1 --alertmanager-file {}",
    "alerts relay --config {}",
    "alerts route --severity critical --config {}",
    "alerts send backup_failed --message late --config {}",
)
"""Every command with each option that names a file or a folder."""

PATHS = (
    "folder",
    "binary.yaml",
    "broken.yaml",
    "no/such/file",
    "binary.yaml/below",
    "/proc/nothing/here",
    "~nobody-of-it/x",
    "x" * 300,
    "fifo",
    "/dev/zero",
)


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_no_path_ends_in_a_traceback(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A path that can't be read or written is a message, also that of a FIFO or a device. Only a good one may exit 0."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROMETHEUS_PORT", "1")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "broken.yaml").write_text("a: [")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    for path in PATHS:
        code = cli.main([part.format(path) for part in line.split()])
        printed = "".join(capsys.readouterr())
        assert printed, path
        assert "Traceback" not in printed
        if path not in ("folder", "no/such/file", "~nobody-of-it/x"):  # a folder may be written to, and one may be made
            assert code in (1, 2), (path, printed)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("healthchek", "did you mean 'healthcheck'?"),
        ("config chek", "did you mean 'check'?"),
        ("alerts prevew", "did you mean 'preview'?"),
        (
            "healthcheck --verbos-x",
            "csg-otel healthcheck: unrecognized arguments: --verbos-x (did you mean '--verbose'?)",
        ),
        (
            "alerts compile --targt=x",
            "csg-otel alerts compile: unrecognized arguments: --targt=x (did you mean '--target'?)",
        ),
        ("healthcheck --format nagois", "did you mean 'nagios'?"),
        ("alerts preview --wait nan", "'nan' must be a number of seconds"),
        ("alerts push --timeout -1", "'-1' must be a number of seconds"),
        ("alerts send x --message y --ttl inf", "'inf' must be a number of seconds"),
    ],
)
def test_a_usage_error_has_a_suggestion(arguments: str, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt command, option or choice is answered with the closest one, and the usage is that of the command."""
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments.split())

    assert ended.value.code == 2
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize(
    ("redirection", "code"), [("| head -c 1", 0), (">/dev/full", 1), (">&-", 0), ("2>&-", 0), ("<&-", 0)]
)
def test_an_output_that_can_not_be_written_leaves_no_traceback(redirection: str, code: int, tmp_path: Path) -> None:
    """A reader that ends is no error; a full disk is one line."""
    script = f"set -o pipefail; {sys.executable} -m csg_otel config schema {redirection}"
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60)

    assert done.returncode == code, done.stderr
    expected = "csg-otel: No space left on device; check that it exists, and that this user may read and write it\n"
    assert done.stderr == (expected if code else "")


def test_an_error_of_the_package_needs_no_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that raises an error of the package prints its message to stderr and exits 1."""

    def fail(_: object) -> int:
        raise CsgOtelError("the spool is full; remove old files")

    monkeypatch.setattr(cli, "_command", fail)
    assert cli.main([]) == 1
    assert capsys.readouterr().err == "the spool is full; remove old files\n"


def test_a_number_agrees_with_its_noun() -> None:
    """One objective is not "1 objectives", in the output of every command."""
    assert [counted(number, "objective") for number in (0, 1, 2)] == ["0 objectives", "1 objective", "2 objectives"]


def test_the_version() -> None:
    """`--version` prints the installed version."""
    assert re.fullmatch(r"csg-otel \d+\.\d+\.\d+\n", command("--version")[1])


def test_a_program_runs_instrumented_without_a_change(tmp_path: Path) -> None:
    """Spans of the program's libraries are exported, and the exit code is the program's."""
    sink = HttpSink()
    (tmp_path / "app.py").write_text(
        "import sys\n"
        "from opentelemetry import trace\n"
        "with trace.get_tracer('library').start_as_current_span('inside'): pass\n"
        "print(sys.argv[1:])\n"
        "sys.exit(7)\n"
    )
    (tmp_path / "monitoring_config.yaml").write_text("health_monitoring: {enabled: false}")
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
    code, output, error = command("run", "--", sys.executable, "app.py", "--flag", cwd=tmp_path, env=env)
    sink.close()

    assert (code, output) == (7, "['--flag']\n"), error
    assert [span.name for span in sink.received.spans] == ["inside"]


@pytest.mark.parametrize(("arguments", "code"), [(["run"], 2), (["run", "--", "no-such-program"], 127)])
def test_what_can_not_be_run(arguments: list[str], code: int) -> None:
    """A missing program exits 2, one that does not exist 127, as shells do."""
    assert command(*arguments)[0] == code


def test_the_doctor_finds_nothing_on_a_sound_machine(tmp_path: Path) -> None:
    """On a machine without problems the doctor lists every subject and exits 0."""
    code, output, _ = command("doctor", cwd=tmp_path)

    assert code == 0, output
    assert output.endswith("\nno problems\n")
    for what in ("python", "opentelemetry-sdk", "configuration", "scrubbing", "port", "clock", "fork model"):
        assert what in output


def test_the_doctor_says_what_to_do(tmp_path: Path) -> None:
    """An unreachable collector and a mistake in the file are printed with a remedy, and the exit code is 1."""
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    code, output, _ = command("doctor", cwd=tmp_path, env=env)
    assert code == 1
    assert "is its server running" in output
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.invalid:4317", "HTTP_PROXY": "http://127.0.0.1:1"}
    assert "collector.invalid:4317 through the proxy 127.0.0.1:1: " in command("doctor", cwd=tmp_path, env=env)[1]
    (tmp_path / "monitoring_config.yaml").write_text("sampling: {ratio: 7}")

    code, output, _ = command("doctor", cwd=tmp_path)
    assert code == 1
    assert "1 problem, the first: monitoring_config.yaml:1:12: sampling.ratio" in output
    assert "csg-otel config check monitoring_config.yaml" in output


def test_the_doctor_examines_what_protects_the_program(tmp_path: Path) -> None:
    """Scrubbing that is off in production, a certificate that is missing, and an open dashboard have a remedy."""
    (tmp_path / "monitoring_config.yaml").write_text(
        "service: {environment: production}\n"
        "scrubbing: {enabled: false}\n"
        "dashboard: {enabled: true, host: 0.0.0.0}\n"
        "security: {tls: {cert: missing.pem}}\n"
    )
    code, output, _ = command("doctor", cwd=tmp_path)

    assert code == 1
    for line in (
        "!!  scrubbing",
        "-> set scrubbing.enabled to true",
        "!!  tls                         security.tls.cert missing.pem can't be used",
        "-> set security.api_auth, or dashboard.host to 127.0.0.1",
        "ok  configuration               no mistakes; 1 warning, the first: ",
    ):
        assert line in output, output
    env = {"CSG_OTEL_SCRUBBING_ENABLED": "true", "CSG_OTEL_SCRUBBING_DISABLED_RULES": "ip,phone"}
    assert "; off: ip, phone\n" in command("doctor", cwd=tmp_path, env=env)[1]


def test_the_doctor_names_a_provider_that_keeps_spans_to_itself(tmp_path: Path) -> None:
    """ddtrace's own provider accepts no exporter; what else is installed is no problem."""
    code, output, _ = command("doctor", cwd=tmp_path, env={"DD_TRACE_OTEL_ENABLED": "true"})

    assert code == 1
    assert "spans do not reach csg_otel" in output
    assert "unset DD_TRACE_OTEL_ENABLED" in output
    assert "other telemetry" in output


def test_the_doctor_examines_every_destination_and_the_spool(tmp_path: Path) -> None:
    """Datadog, the Pushgateway and vendors are examined as OTLP is, without a password, and so is the spool's own directory."""
    (tmp_path / "file").write_text("no directory")
    (tmp_path / "monitoring_config.yaml").write_text(
        "exporters:\n"
        "  datadog: {endpoint: 'http://127.0.0.1:1'}\n"
        "  spool: {directory: file/spool}\n"
        "integrations:\n"
        "  prometheus: {enabled: true, push_gateway: '${GATEWAY}'}\n"
        "  external_monitoring: {enabled: true, elastic_apm: {enabled: true, server_url: 'http://127.0.0.1:3'}}\n"
    )

    code, output, _ = command("doctor", cwd=tmp_path, env={"GATEWAY": "http://me:canary@127.0.0.1:2"})

    assert code == 1
    for line in (
        r"!!  datadog +http://127.0.0.1:1: ",
        r"!!  pushgateway +(http://)?127.0.0.1:2: ",
        r"!!  elastic_apm +http://127.0.0.1:3: ",
        rf"!!  spool +{tmp_path}/file is not a writable directory",
    ):
        assert re.search(line, output), output
    assert "4 problems to solve" in output
    assert "canary" not in output


def test_the_doctor_names_a_spool_that_can_be_created(tmp_path: Path) -> None:
    """The spool's default directory is in the user's state directory, and need not exist yet."""
    code, output, _ = command("doctor", cwd=tmp_path, env={"XDG_STATE_HOME": str(tmp_path / "state")})

    assert code == 0, output
    assert f"{tmp_path}/state/csg-otel can be created" in output
    assert not (tmp_path / "state").exists()


def test_the_port_of_the_running_program_is_no_problem(tmp_path: Path) -> None:
    """The doctor recognises a program with csg_otel at the port; another program there is a problem."""
    (tmp_path / "app.py").write_text(
        "import csg_otel\n"
        "csg_otel.instrument(service_name='doctor')\n"
        "import time; print('ready', flush=True); time.sleep(60)\n"
    )
    port = str(free_port())
    with socket.create_server(("127.0.0.1", int(port))):
        assert (
            "stop the program that listens there" in command("doctor", cwd=tmp_path, env={"PROMETHEUS_PORT": port})[1]
        )
    with Program([sys.executable, "app.py"], tmp_path, {"PROMETHEUS_PORT": port}) as program:
        program.line_with("ready")
        code, output, _ = command("doctor", cwd=tmp_path, env={"PROMETHEUS_PORT": port})

    assert code == 0, output
    assert f"127.0.0.1:{port} is in use by a running program with csg_otel" in output


def test_the_demo_runs_and_ends_by_itself(tmp_path: Path) -> None:
    """The demo prints a span tree, a table of metrics, addresses to look at, and a summary."""
    arguments = [sys.executable, "-m", "csg_otel", "demo", "--seconds", "9"]
    with Program(arguments, tmp_path, {"TMPDIR": str(tmp_path)}) as program:
        program.line_with(r"curl http://127\.0\.0\.1:\d+/metrics")
        program.line_with(r"[1-9]\d* files? processed")
        assert program.wait() == 0
        shown = program.stderr

    assert re.search(r"ms\s+process_file", shown), shown
    assert re.search(r"└─ ", shown)
    assert "csg.files.processed" in shown
    assert "Traceback" not in shown


def test_ctrl_c_ends_the_demo_cleanly(tmp_path: Path) -> None:
    """Ctrl-C ends the demo at any time, with its summary."""
    arguments = [sys.executable, "-m", "csg_otel", "demo", "--seconds", "60"]
    with Program(arguments, tmp_path, {"TMPDIR": str(tmp_path)}) as program:
        program.line_with(r"curl http://127\.0\.0\.1:\d+/metrics")
        program.process.send_signal(2)
        program.line_with(r"\d+ files? processed")

        assert program.wait() == 0


def test_ctrl_c_while_modules_load_leaves_no_traceback(tmp_path: Path) -> None:
    """A signal in the first tenth of a second ends the process without output."""
    source = """
        import os, runpy, signal, sys
        class Interrupting:
            def find_spec(self, name, *_):
                if name == "csg_otel.cli":
                    os.kill(os.getpid(), signal.SIGINT)
        sys.meta_path.insert(0, Interrupting())
        sys.argv = ["csg-otel", "demo"]
        runpy.run_module("csg_otel", run_name="__main__")
    """
    with Program(source, tmp_path) as program:
        assert program.wait() == -2
        assert program.stderr == ""


@pytest.mark.parametrize("seconds", ["0", "-3", "nan", "inf", "soon"])
def test_a_demo_of_no_length_is_a_usage_error(seconds: str) -> None:
    """An invalid length is printed and exits 2, as an option and as a variable."""
    for result in (command("demo", f"--seconds={seconds}"), command("demo", env={"DEMO_SECONDS": seconds})):
        assert result[:2] == (2, "")
        assert f"'{seconds}' is not a number of seconds above 0" in result[2]
