"""Structure: secrets that only what stands around them shows, and the same places with something harmless."""

from __future__ import annotations

from typing import Any

import pytest

from csg_otel.privacy import Scrubber

SECRET = "".join(("Zq9", "x7Lm", "2Tv4"))
SCRUBBER = Scrubber()


PLACES = [
    ("url-credentials", "postgresql://app:SECRET@db:5432/shop"),
    ("url-credentials", "https://SECRET:x-oauth-basic@git.example.com/acme/shop"),
    ("url-credentials", "https://SECRET@o4504.ingest.sentry.io/4505"),
    ("url-credentials", "mysql -> app:SECRET@tcp(10.0.0.9:3306)/shop"),
    ("url-credentials", "jdbc:oracle:thin:app/SECRET@ora:1521:x"),
    ("url-parameter", "https://example.com/cb?a=1&code=SECRET"),
    ("header", "> Authorization: Bearer SECRET\n> Accept: */*"),
    ("header", "GET / HTTP/1.1\r\nCookie: id=SECRET\r\n"),
    ("auth-scheme", 'sent Digest user="a", response="SECRET"'),
    ("auth-scheme", "sent with Bearer SECRET to the API"),
    ("argument", "curl -u ann:SECRET https://example.com"),
    ("argument", "curl -b 'theme=SECRET' https://example.com"),
    ("argument", "mysql -uroot -pSECRET shop"),
    ("argument", "redis-cli -a SECRET ping"),
    ("argument", "ssh-keygen -N SECRET -f key"),
    ("argument", "app --api-key SECRET --port 80"),
    ("argument", "Command '['curl', '-u', 'admin:SECRET', 'https://x']' returned non-zero exit status 22"),
    ("argument", "['sshpass', '-p', 'SECRET', 'ssh', 'host']"),
    ("argument", "['/usr/bin/sshpass', '-p', \"it's SECRET\", 'ssh']"),
    ("argument", '["docker", "login", "-p", "SECRET"]'),
    ("argument", '["curl","-u","ann:SECRET"]'),
    ("argument", '[\n  "curl",\n  "-u",\n  "ann:SECRET"\n]'),
    ("argument", r'{"args": "[\"curl\", \"-u\", \"ann:SECRET\"]"}'),
    ("argument", "('redis-cli', '-a', 'SECRET')"),
    ("argument", "['mysql', '-uroot', '-pSECRET']"),
    ("argument", "[b'curl', b'-u', b'ann:SECRET']"),
    ("argument", "sshpass -p 'two words SECRET' ssh host"),
    ("argument", "sshpass -p ab/SECRET ssh host"),
    ("argument", "curl -b 'a=1; b=SECRET' https://example.com"),
    ("argument", "curl \\\n  -u ann:SECRET https://example.com"),
    ("argument", "smbclient //host/share -U bob%SECRET"),
    ("key-value", "login failed: pwd=SECRET"),
    ("key-value", "{'password': 'SECRET', 'port': 5432}"),
    ("key-value", r"{\"body\": \"{\\\"token\\\": \\\"SECRET\\\"}\"}"),
    ("key-value", "password%22%3A%22SECRET%22"),
    ("key-value", "&quot;password&quot;:&quot;SECRET&quot;"),
    ("key-value", "<password>SECRET</password>"),
    ("key-value", '<add key="ApiKey" value="SECRET"/>'),
    ("key-value", "database:\n  password: |\n    SECRET\n"),
    ("key-value", "user.password[0]=SECRET"),
    ("key-value", "password -> SECRET"),
    ("key-value", "[('host', 'a'), ('x-api-key', 'SECRET')]"),
    ("key-value", "[(b'x-api-key', b'SECRET')]"),
    ("key-value", "Invalid key/value pair (private_key, SECRET) found."),
    ("key-value", "map[password:SECRET user:a]"),
    ("key-value", "machine h login u password SECRET"),
    ("key-value", "ALTER USER app WITH PASSWORD 'SECRET'"),
    ("key-value", "SET PASSWORD FOR 'x'@'h' = 'SECRET'"),
    ("key-value", "aws configure set aws_secret_access_key SECRET"),
    ("key-value", "the token is SECRET"),
    ("key-value", "\x1b[36mpassword\x1b[0m=\x1b[35mSECRET\x1b[0m"),
    ("key-value", r"\x1b[36mtoken=\x1b[0mSECRET"),
    ("key-value", "pass\u200bword=SECRET"),
    ("key-value", "password\uff1aSECRET"),
    ("key-value", "日本password=SECRET"),
    ("key-value", "AWS Secret Access Key: SECRET"),
    ("key-value", "user[password]=SECRET"),
    ("key-value", "user%5Bpassword%5D=SECRET"),
    ("key-value", 'Content-Disposition: form-data; name="password"\r\n\r\nSECRET\r\n--b'),
    ("key-value", "2026-11-27 <password>SECRET</password>"),
    ("key-value", '<property name="x.password">SECRET</property>'),
    ("key-value", "<password><![CDATA[SECRET]]></password>"),
    ("key-value", "<key>password</key><string>SECRET</string>"),
    ("key-value", "password = N'SECRET'"),
    ("key-value", "password='''SECRET'''"),
    ("key-value", "%22password%22%3A+%22SECRET%22"),
    ("key-value", "auth:\n  client_secret: SECRET\n"),
    ("key-value", "tokens:\n  github: SECRET\n"),
    ("key-value", "passwords:\n  - SECRET\n"),
    ("key-value", "password=SecretStr('SECRET')"),
    ("url-credentials", "amqp://bob:SECRET?b1#c@mq/x"),
    ("url-credentials", "postgresql://shop:p@ss/SECRET@db:5432/x"),
    ("private-key", "key=-----BEGIN+PRIVATE+KEY-----%0ASECRETSECRET%0A-----END+PRIVATE+KEY-----"),
    ("private-key", "-----BEGIN RSA PRIVATE KEY-----\nSECRET\n-----END RSA PRIVATE KEY-----"),
]
"""The rule, and a text with a secret in a place that shows it."""


@pytest.mark.parametrize(("rule", "text"), PLACES)
def test_a_secret_goes_because_of_its_place(rule: str, text: str) -> None:
    """The rule that is named finds it in its place, which is what `scrub explain` says."""
    raw = text.replace("SECRET", SECRET)

    assert SECRET not in SCRUBBER.text(raw)
    assert rule in {finding.rule for finding in SCRUBBER.findings(raw)}


@pytest.mark.parametrize("separator", [",", ";", "|", "&", " ", "\n", ", ", " && "])
def test_every_secret_of_a_list_goes_at_once(separator: str) -> None:
    """Forty texts of a kind in a row, as in a list of brokers, a shell's line or a dump, lose all forty secrets."""
    secrets = [f"{SECRET[:-1]}{chr(97 + number // 10)}{number % 10}xQ" for number in range(40)]
    for _, text in PLACES:
        clean = SCRUBBER.text(separator.join(text.replace("SECRET", secret) for secret in secrets))

        assert [secret for secret in secrets if secret in clean] == [], text
        assert "rule-error" not in clean, text


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("amqp://a:SECRET@h1//,amqp://a:SECRET@h2//", "amqp://a:X@h1//,amqp://a:X@h2//"),
        ("kafka://h1:9092,kafka://a:SECRET@h2", "kafka://h1:9092,kafka://a:X@h2"),
        ("http://a.example/to/http://u:SECRET@h/x", "http://a.example/to/http://u:X@h/x"),
        ("db://u:my://SECRET@h/x", "db://u:X@h/x"),
        (
            "u=http%3A%2F%2Fa%3ASECRET%40h%2F&v=http%3A%2F%2Fa%3ASECRET%40h",
            "u=http%3A%2F%2Fa%3AX%40h%2F&v=http%3A%2F%2Fa%3AX%40h",
        ),
        ("postgres://" + "shop:SECRET@" * 300 + "db/x", "postgres://shop:X@db/x"),
        ("postgres://shop:" + "SECRET" * 500 + "@db/x", "postgres://shop:X@db/x"),
        ("http://h/x/@y,http://h:80/a@b", "http://h/x/@y,http://h:80/a@b"),
    ],
)
def test_addresses_in_a_list_keep_all_but_their_passwords(raw: str, clean: str) -> None:
    """Each address of a list without spaces is judged on its own; a chain or a password of any length goes in one pass."""
    assert SCRUBBER.text(raw.replace("SECRET", SECRET)) == clean.replace("X", "[redacted:url-credentials]")


@pytest.mark.parametrize(
    "text",
    [
        *[
            'WWW-Authenticate: Bearer realm="example", error="invalid_token"',
            "Authorization: Bearer {token}",
            "Basic auth",
        ],
        *["token = self.tokens.refresh(session)", "password=settings.DB_PASSWORD,", 'token = request.form["token"]'],
        *["f(Ed25519PrivateKey, Ed448PrivateKey)", '["token", "password", "x"]', '{"a": "token", "b": "Zq9x7Lm2Tv4"}'],
        *['secret "db-credentials" not found in namespace "payments"', "Password: (hidden)", "secret=[hidden]"],
        *[
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:Name-6RandomCharacters",
            "<app.Session object at 0x7f0be4>",
        ],
        *[
            '{"properties": {"password": {"type": "string"}}}',
            "SELECT * FROM t WHERE token = %(token)s",
            "tokens: 512/4096",
        ],
        *[
            "https://user@git.example.com/acme/shop.git",
            "https://example.com/tickets?ticket=OPS-1234",
            "token bucket refilled",
        ],
        *["https://h:8443?to=ann@h", "secret:\n  secretName: web-tls-2024\n", "install shop:amd64 1.2.5.1-2"],
        *["mysql -h db -P 3306 -u app -p shop", "docker login -u deploy --password-stdin registry.example.com"],
        *["docker run -p 127.0.0.1:8080:80 web", "docker run -p 8080:80 web", "docker-compose -p project2024 up"],
        *[
            "docker compose -p project2024 up",
            "helm install -p release1 web",
            "mkdir -p srv/data2024",
            "ssh -p 2222 host",
        ],
        *["unzip -p archive.zip notes", "nc -w 30 -p 31337 host", "az webapp create -p plan2024", "mongo -p 27017"],
        *["['docker', 'run', '-p', '8080:80', 'web']", "['mysql', '-p', 'shop2024']", '["mysql","-p","shop2024"]'],
        *["'mysql -p': access denied for 'ann'", "'sshpass -p' failed with code", "curl '-u': needs a:b or 'c'"],
        "wget -U 'Mozilla/5.0 (X11; rv:109.0)' https://example.com",
    ],
)
def test_what_looks_like_a_pair_and_is_none_stays(text: str) -> None:
    """Challenges, source code, placeholders, schemas, names of resources and prose are no secrets."""
    assert SCRUBBER.text(text) is text


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        (["curl", "-u", f"ann:{SECRET}"], ["curl", "-u", "ann:[redacted:key]"]),
        (["app", "--token", SECRET], ["app", "--token", "[redacted:key]"]),
        (["app", "--password", f"-{SECRET}"], ["app", "--password", "[redacted:key]"]),
        (["mysql", "-uroot", f"-p{SECRET}"], ["mysql", "-uroot", "-p[redacted:key]"]),
        (["/usr/bin/mysql", f"-p{SECRET}"], ["/usr/bin/mysql", "-p[redacted:key]"]),
        (["curl", f"-uann:{SECRET}"], ["curl", "-uann:[redacted:key]"]),
        (["curl", f"--user=ann:{SECRET} 'x"], ["curl", "--user=ann:[redacted:key]"]),
        (["sudo", "docker", "login", "-p", SECRET], ["sudo", "docker", "login", "-p", "[redacted:key]"]),
        (["sudo", "curl", "-u", f"ann:{SECRET}"], ["sudo", "curl", "-u", "ann:[redacted:key]"]),
        (["env", "X=1", "redis-cli", f"-a{SECRET}"], ["env", "X=1", "redis-cli", "-a[redacted:key]"]),
        (["sh", "-c", f"mysql -p{SECRET} db"], ["sh", "-c", "mysql -p[redacted:argument] db"]),
        ([("x-api-key", SECRET), ("host", "a")], [("x-api-key", "[redacted:key]"), ("host", "a")]),
        ({"name": "password", "value": SECRET}, {"name": "password", "value": "[redacted:key]"}),
        ({"credentials": {"a": [SECRET]}}, {"credentials": {"a": ["[redacted:key]"]}}),
    ],
)
def test_values_of_several_parts(value: Any, clean: Any) -> None:
    """Arguments, headers, and mappings of names and values lose the secret alone; again, nothing changes."""
    assert SCRUBBER.value("note", value) == clean
    assert SCRUBBER.value("note", clean) is clean


@pytest.mark.parametrize(
    "line",
    [
        *[
            "docker run -p 127.0.0.1:8080:80 web",
            "docker-compose -p project2024 up",
            "mkdir -p project2024",
            "ssh -p 22022 host",
        ],
        *["mysql -h db -P 3306 -u app -p shop", "app --password -verbose", "app --token -Xmx512m", "app -p 12345678"],
    ],
)
def test_arguments_that_are_no_passwords_stay(line: str) -> None:
    """Ports, projects, directories and the next option are no secrets in a list either."""
    arguments = line.split()

    assert SCRUBBER.mapping({"process.command_args": arguments})["process.command_args"] is arguments
