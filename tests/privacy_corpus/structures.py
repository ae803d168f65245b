"""Secrets that only the structure around them shows: addresses, arguments, headers, JSON, repr, YAML, queries."""

from __future__ import annotations

import base64
import json
import random
import string
import urllib.parse
from collections.abc import Iterator
from typing import Any, Final

from privacy_corpus.items import Item
from privacy_corpus.keys import token

INNOCENT: Final = (
    *(
        "app.note",
        "event.detail",
        "job.info",
        "db.operation.detail",
        "http.response.body",
        "customer.reference",
        "debug.payload",
    ),
    *(
        "rpc.detail",
        "message",
        "task.result",
        "build.step",
        "line",
        "gen_ai.output.messages",
        "feature_flag.context",
        "",
    ),
)
"""Keys that say nothing about their values; "" is a text without a key, a log body."""

# SECRET is replaced; DSNs of drivers, as their manuals write them.
_DSNS: Final = {
    "postgresql": (
        "postgresql://app:SECRET@db.internal:5432/shop?sslmode=require",
        "postgres://app:SECRET@10.0.0.5/shop",
    ),
    "psycopg": (
        "postgresql+psycopg://app:SECRET@db/shop",
        "host=db port=5432 dbname=shop user=app password=SECRET sslmode=require",
    ),
    "mysql": ("mysql://root:SECRET@mysql:3306/shop", "mysql+pymysql://app:SECRET@mysql/shop?charset=utf8mb4"),
    "go-mysql": ("mysql -> app:SECRET@tcp(10.0.0.9:3306)/shop?parseTime=true",),
    "mariadb": ("mariadb+mariadbconnector://app:SECRET@maria:3306/shop",),
    "mongodb": (
        "mongodb+srv://app:SECRET@cluster0.mongodb.net/shop?retryWrites=true",
        "mongodb://a:SECRET@m1:27017,m2:27017/?replicaSet=rs0",
    ),
    "redis": ("redis://:SECRET@cache:6379/0", "rediss://default:SECRET@cache.internal:6380/1"),
    "amqp": ("amqp://guest2:SECRET@rabbit:5672/%2Fshop", "amqps://svc:SECRET@mq.internal/orders"),
    "sqlserver": (
        "Server=tcp:sql.internal,1433;Initial Catalog=shop;User ID=app;Password=SECRET;Encrypt=True;",
        "mssql+pyodbc://sa:SECRET@sql/shop?driver=ODBC+Driver+18+for+SQL+Server",
    ),
    "odbc": ("DRIVER={ODBC Driver 18 for SQL Server};SERVER=sql;DATABASE=shop;UID=app;PWD=SECRET",),
    "jdbc": (
        "jdbc:mysql://mysql:3306/shop?user=app&password=SECRET&useSSL=true",
        "jdbc:postgresql://db/shop?user=app&password=SECRET",
        "jdbc:sqlserver://sql:1433;databaseName=shop;user=sa;password=SECRET;encrypt=true",
    ),
    "oracle": ("oracle+oracledb://app:SECRET@ora:1521/?service_name=SHOP",),
    "clickhouse": (
        "clickhouse://default:SECRET@ch:9000/events",
        "https://default:SECRET@ch.internal:8443/?database=events",
    ),
    "snowflake": ("snowflake://svc:SECRET@xy12345.eu-central-1/shop/public?warehouse=wh",),
    "elasticsearch": ("https://elastic:SECRET@es.internal:9200/logs-*/_search",),
    "kafka": (
        'org.apache.kafka.common.security.plain.PlainLoginModule required username="app" password="SECRET";',
        "bootstrap.servers=k1:9092 sasl.mechanism=PLAIN sasl.username=app sasl.password=SECRET",
    ),
    "nats": ("nats://app:SECRET@nats.internal:4222",),
    "ldap": ("ldap://cn=admin:SECRET@ldap.internal:389/dc=example",),
    "smtp": ("smtp://mailer:SECRET@mail.internal:587", "smtps://mailer%40example:SECRET@mail.internal"),
    "ftp": ("ftp://upload:SECRET@files.internal/in/", "sftp://upload:SECRET@files.internal:22/in/"),
    "sentry": ("https://SECRET@o4504.ingest.sentry.io/4505123",),
    "cloudinary": ("cloudinary://471234567891234:SECRET@acme",),
    "azure-storage": (
        "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=SECRET;EndpointSuffix=core.windows.net",
    ),
    "servicebus": (
        "Endpoint=sb://acme.servicebus.windows.net/;SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SECRET",
    ),
    "git": (
        "https://oauth2:SECRET@git.example.com/acme/shop.git",
        "https://SECRET:x-oauth-basic@git.example.com/acme/shop",
    ),
    "proxy": ("http://proxyuser:SECRET@proxy.internal:3128",),
    "neo4j": ("neo4j+s://neo4j:SECRET@graph.internal:7687",),
    "couchdb": ("http://admin:SECRET@couch:5984/shop",),
}
_HEADERS: Final = (
    *(
        "Authorization: Bearer SECRET",
        "Authorization: Basic BASIC",
        "Authorization: token SECRET",
        "authorization: bearer SECRET",
    ),
    'Authorization: Digest username="ann", realm="api", nonce="5ccc", uri="/", response="HEX32", opaque="5ccd"',
    "Authorization: AWS4-HMAC-SHA256 Credential=app/20261127/eu/s3/aws4_request, SignedHeaders=host, Signature=HEX64",
    *("Authorization: SSWS SECRET", "Authorization: ApiKey SECRET", "Proxy-Authorization: Basic BASIC"),
    *(
        "Cookie: sid=SECRET; theme=dark",
        "Cookie: theme=dark; csrftoken=SECRET",
        "Set-Cookie: session=SECRET; Path=/; HttpOnly",
    ),
    *(
        "X-Api-Key: SECRET",
        "x-api-key: SECRET",
        "X-Auth-Token: SECRET",
        "X-CSRF-Token: SECRET",
        "Private-Token: SECRET",
    ),
    *("> Authorization: Bearer SECRET\n> Accept: */*", "GET / HTTP/1.1\r\nHost: api\r\nCookie: id=SECRET\r\n\r\n"),
    *("{'Authorization': 'Bearer SECRET', 'Accept': '*/*'}", "{'x-api-key': 'SECRET', 'host': 'api'}"),
    *("[(b'host', b'api'), (b'authorization', b'Bearer SECRET')]", "[('cookie', 'sid=SECRET')]"),
    *('{"headers": {"Authorization": "Basic BASIC"}}', "headers={'Cookie': 'sid=SECRET'}"),
    *("sent request with Bearer SECRET to the API", "Set-Cookie: __Host-token=SECRET; Secure; SameSite=Lax"),
)
_TEXTS: Final = {
    "json": (
        *('{"user": "ann", "password": "SECRET"}', '{"user":"ann","apiKey":"SECRET","retry":3}'),
        *(
            '{"a": {"b": [{"client_secret": "SECRET"}]}}',
            '{"refresh_token" : "SECRET"}',
            '{"token": "SECRET", "expires_in": 3600}',
        ),
        '{\n  "username": "ann",\n  "passwd": "SECRET"\n}',
    ),
    "repr": (
        *("{'api_key': 'SECRET', 'region': 'eu'}", "Config(host='db', password='SECRET', port=5432)"),
        *("Settings(secret_key='SECRET')", "call failed: connect(user='ann', passwd='SECRET')"),
        *("ClientError(token='SECRET', status=401)", 'login(password="SECRET")', "{b'password': b'SECRET'}"),
        "<Account id=7 secret='SECRET'>",
    ),
    "pairs": (
        *(
            "user=ann password=SECRET host=db",
            "DB_PASSWORD=SECRET",
            "export API_TOKEN=SECRET",
            "login failed: pwd=SECRET",
        ),
        *(
            "api_key=SECRET&region=eu",
            "client_id=acme client_secret=SECRET",
            'password="SECRET" user=ann',
            "token: SECRET",
        ),
        *(
            "retrying with apikey = SECRET",
            "time=12:00 level=warn access_token=SECRET msg=expired",
            "username=ann&password=SECRET",
        ),
    ),
    "yaml": (
        *(
            "database:\n  user: app\n  password: SECRET\n",
            "api_key: SECRET\nregion: eu\n",
            'smtp:\n  passwd: "SECRET"\n',
        ),
        "- name: DB_PASSWORD\n  token: SECRET\n",
    ),
    "query": (
        *(
            "https://api.example.com/v1/me?access_token=SECRET",
            "/callback?state=7&token=SECRET&lang=de",
            "/reset?password=SECRET",
        ),
        *(
            "https://api.example.com/geo?q=Bonn&api_key=SECRET#map",
            "https://app.example.com/#access_token=SECRET&expires_in=3600",
        ),
        *(
            "GET /v1/items?apikey=SECRET HTTP/1.1",
            "https://maps.example.com/api?key=SECRET&zoom=3",
            "/login?user=a&pwd=SECRET&next=/",
        ),
        "https://hooks.example.com/in?sig=7&client_secret=SECRET",
    ),
    "signed": (
        "https://acme.s3.amazonaws.com/a.pdf?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=900&X-Amz-Signature=HEX64",
        "https://acme.s3.amazonaws.com/a.pdf?X-Amz-Security-Token=SECRET&X-Amz-SignedHeaders=host",
        "https://storage.googleapis.com/acme/a.pdf?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Signature=HEX64",
        "https://acme.blob.core.windows.net/c/a.pdf?sv=2024-11-04&se=2026-12-01T00%3A00%3A00Z&sr=b&sp=r&sig=QUOTED",
        "https://d111.cloudfront.net/a.mp4?Expires=1764547200&Signature=SECRET&Key-Pair-Id=K2JCJMDEHXQW5F",
    ),
    "escaped": (
        r"{\"user\": \"ann\", \"password\": \"SECRET\"}",
        r'{"body": "{\"api_key\": \"SECRET\", \"n\": 1}"}',
        r'{"m": "{\"b\": \"{\\\"token\\\": \\\"SECRET\\\"}\"}"}',
    ),
    "fields": (
        *('{"name": "DB_PASSWORD", "value": "SECRET"}', '[{"name":"API_TOKEN","type":"plain","value":"SECRET"}]'),
        *('{"value":"SECRET","name":"DB_PASSWORD"}', "{'name': 'DB_PASSWORD', 'value': 'SECRET'}"),
        *(
            "V1EnvVar(name='DB_PASSWORD', value_from=None, value='SECRET')",
            '{"ParameterKey":"DbPassword","ParameterValue":"SECRET"}',
        ),
        "env:\n- name: HOST\n  value: db\n- name: DB_PASSWORD\n  value: SECRET\n",
        r"{\"value\":\"SECRET\",\"name\":\"DB_PASSWORD\"}",
    ),
    "sql": (
        *("ALTER USER app WITH PASSWORD 'SECRET'", "CREATE USER app IDENTIFIED BY 'SECRET'"),
        *("CREATE USER app IDENTIFIED BY SECRET", "ALTER ROLE app WITH PASSWORD $$SECRET$$"),
        "INSERT INTO users (id, name, password) VALUES (7, 'ann', 'SECRET')",
        "[SQL: INSERT INTO users (name, password) VALUES (?, ?)]\n[parameters: ('ann', 'SECRET')]",
        "(0.001) UPDATE auth_user SET password = %s WHERE id = %s; args=('SECRET', 3); alias=default",
    ),
    "prompt": (
        *("[sudo] password for bob: SECRET", "Password for user bob: SECRET", "user.set_password('SECRET')"),
        *("HTTPBasicAuth('bob', 'SECRET')", "http -a bob:SECRET example.com"),
    ),
    "dump": (
        *(
            '  ~ password = "old1" -> "SECRET"',
            '["password"]=>\n  string(9) "SECRET"',
            "[password:protected] => SECRET",
        ),
        *("&#x70;assword=SECRET", "&lt;password&gt;SECRET&lt;/password&gt;", r'{"\u0070assword":"SECRET"}'),
    ),
    "place": (
        *("vault login SECRET", "echo SECRET | docker login --password-stdin", "rabbitmqctl add_user ann SECRET"),
        *("> PASS SECRET", "a1 LOGIN ann SECRET", "setx DB_PASSWORD SECRET", "htpasswd -b users ann SECRET"),
        "1 error\npassword\n  Input should be valid [type=int, input_value='SECRET', input_type=str]",
    ),
    "redis": ('"AUTH" "default" "SECRET"', "CONFIG SET requirepass SECRET", "HELLO 3 AUTH default SECRET"),
}
_ARGUMENTS: Final[tuple[tuple[str, ...], ...]] = (
    ("app", "--api-key", "SECRET"),
    ("app", "--api-key=SECRET", "--verbose"),
    ("app", "serve", "--password=SECRET"),
    ("app", "--password", "SECRET", "--port", "80"),
    ("app", "--token", "SECRET"),
    ("app", "--db-password", "SECRET"),
    ("app", "--client-secret=SECRET"),
    ("app", "--auth-token", "SECRET", "run"),
    ("curl", "-u", "ann:SECRET", "https://api.example.com/"),
    ("curl", "--user", "ann:SECRET", "https://api.example.com/"),
    ("curl", "-H", "Authorization: Bearer SECRET", "https://api.example.com/"),
    ("curl", "-H", "X-Api-Key: SECRET", "https://api.example.com/"),
    ("psql", "postgresql://app:SECRET@db/shop"),
    ("docker", "login", "--username", "ann", "--password", "SECRET"),
    ("env", "API_TOKEN=SECRET", "app"),
    ("helm", "install", "--set", "auth.password=SECRET"),
)
_SOURCE: Final = (
    '    client = Client(api_key="SECRET")',
    '    session.login("ann", password="SECRET")',
    "    connect('postgresql://app:SECRET@db/shop')",
    '    headers = {"Authorization": "Bearer SECRET"}',
)


_TABLES: Final = (
    *("user,password\nann,SECRET\n", '"id","api_token"\n"7","SECRET"'),
    " name | password\n------+----------\n ann  | SECRET\n(1 row)",
)


def filled(rng: random.Random, text: str) -> tuple[str, tuple[str, ...]]:
    """Return *text* with a secret in its place, and what must vanish from it."""
    alphabet = string.ascii_letters + string.digits
    plain = "".join(rng.choices(alphabet, k=rng.randint(14, 32)))
    if rng.random() < 0.25 and "//" in text:  # a password with punctuation is quoted in an address
        plain = urllib.parse.quote(f"{plain[:8]}@{plain[8:]}!", safe="!")
    elif rng.random() < 0.25:
        plain = f"{plain[:5]}-{plain[5:]}"
    basic = base64.b64encode(f"ann:{plain}".encode()).decode()
    choices = {
        "SECRET": plain,
        "BASIC": basic,
        "HEX32": f"{rng.getrandbits(128):032x}",
        "HEX64": f"{rng.getrandbits(256):064x}",
        "QUOTED": urllib.parse.quote(base64.b64encode(rng.randbytes(32)).decode(), safe=""),
    }
    secrets = []
    for name, secret in choices.items():
        if name in text:
            text = text.replace(name, secret)
            secrets.append(secret)
    return text, tuple(secrets)


def _item(rng: random.Random, kind: str, text: str, place: str) -> Item:
    value, secrets = filled(rng, text)
    return Item("structure", kind, rng.choice(INNOCENT), value, secrets, place)


def structures(rng: random.Random, rounds: int = 3) -> Iterator[Item]:
    """Yield items of every structure, *rounds* of each with other secrets and under other keys."""
    for _ in range(rounds):
        for driver, texts in _DSNS.items():
            for text in texts:
                yield _item(rng, driver, text, "dsn")
                yield _item(rng, driver, f"could not connect to {text}: connection refused", "dsn in a message")
        for text in _HEADERS:
            yield _item(rng, "header", text, "header")
        for kind, texts in _TEXTS.items():
            for text in texts:
                yield _item(rng, kind, text, kind)
                yield _item(rng, kind, f"upstream answered 401 to {text}", f"{kind} in a message")
        for text in _TABLES:
            yield _item(rng, "table", text, "table")
            yield _item(rng, "table", f"sent: {text}", "table in a message")
        yield from _arguments(rng)
        yield from _json_in_json(rng)


def _arguments(rng: random.Random) -> Iterator[Item]:
    for words in _ARGUMENTS:
        rows = [filled(rng, word) for word in words]
        secrets = tuple(secret for _, parts in rows for secret in parts)
        yield Item("structure", "argv", "process.command_args", [text for text, _ in rows], secrets, "argv")
        yield Item(
            "structure", "argv", "process.command_line", " ".join(text for text, _ in rows), secrets, "command line"
        )


def _json_in_json(rng: random.Random) -> Iterator[Item]:
    for depth in range(1, 4):
        secret = token(rng).replace("/", "x")
        data: Any = {"user": "ann", "credentials": {"password": secret}, "n": depth}
        for _ in range(depth):
            data = {"body": json.dumps(data)}
        yield Item("structure", "escaped", "", json.dumps(data), (secret,), f"json {depth} deep")


def traceback(rng: random.Random, message: str) -> str:
    """Return a traceback that ends with *message*."""
    where = rng.choice(["client", "worker", "views"])
    return (
        "Traceback (most recent call last):\n"
        f'  File "/srv/app/{where}.py", line {rng.randint(9, 400)}, in handle\n    response = call(request)\n'
        f'  File "/srv/app/lib/http.py", line {rng.randint(9, 400)}, in call\n    raise UpstreamError(message)\n'
        f"app.lib.http.UpstreamError: {message}\n"
    )


def errors(rng: random.Random) -> Iterator[Item]:
    """Yield messages and stack traces with secrets: in the message, in source lines, across the place of the cut."""
    for text in [text for texts in _DSNS.values() for text in texts] + list(_HEADERS) + list(_TEXTS["repr"]):
        value, secrets = filled(rng, text)
        yield Item("errors", "message", "exception.message", f"request failed: {value}", secrets)
        yield Item("errors", "stack", "exception.stacktrace", traceback(rng, value), secrets)
    for source in _SOURCE:
        value, secrets = filled(rng, source)
        stack = traceback(rng, "401").replace("    response = call(request)", value)
        yield Item("errors", "source line", "exception.stacktrace", stack, secrets)
    for key, limit in (("exception.message", 1024), ("exception.stacktrace", 16384)):
        for start in range(limit - 70, limit + 10, 5):
            value, secrets = filled(rng, "password='SECRET' ")
            filling = "x " * (start // 2)
            text = filling + value + "y " * 300
            yield Item("errors", "cut", key, text, secrets, "across the cut")
            yield Item("errors", "cut", key, "y " * 300 + value + filling, secrets, "across the cut, from the end")
