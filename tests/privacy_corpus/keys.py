"""Keys: 500 spellings of sensitive ones with plausible values, and their harmless neighbours with theirs."""

from __future__ import annotations

import base64
import random
import string
import uuid
from collections.abc import Callable, Iterator
from typing import Final

from privacy_corpus.items import Item

WORDS: Final[dict[str, str]] = {
    # words of the key: the kind of value it has
    "password": "password",
    "passwd": "password",
    "pwd": "password",
    "passphrase": "phrase",
    "secret": "token",
    "token": "token",
    "api key": "token",
    "access key": "token",
    "private key": "token",
    "secret key": "token",
    "client secret": "token",
    "auth token": "token",
    "access token": "token",
    "refresh token": "token",
    "bearer token": "token",
    "bearer": "token",
    "credential": "token",
    "credentials": "token",
    "authorization": "header",
    "proxy authorization": "header",
    "cookie": "cookie",
    "set cookie": "cookie",
    "session id": "token",
    "session token": "token",
    "csrf token": "token",
    "xsrf token": "token",
    "csrf": "token",
    "jwt": "token",
    "otp": "digits",
    "pin": "digits",
    "cvv": "digits",
    "ssn": "ssn",
    "dsn": "dsn",
    "connection string": "dsn",
    "signing key": "token",
    "encryption key": "token",
    "webhook secret": "token",
    "account key": "token",
    "secret access key": "token",
    "app secret": "token",
    "consumer secret": "token",
    "db password": "password",
    "user password": "password",
}

_OWNERS: Final = (
    "stripe",
    "github",
    "app",
    "redis",
    "acme",
    "smtp",
    "s3",
    "twilio",
    "my",
    "legacy",
    "prod",
    "shop",
    "crm",
)


def _camel(words: list[str]) -> str:
    return words[0] + "".join(word.capitalize() for word in words[1:])


def _pascal(words: list[str]) -> str:
    return "".join(word.capitalize() for word in words)


SPELLINGS: Final[dict[str, Callable[[list[str], str], str]]] = {
    "snake": lambda words, _: "_".join(words),
    "kebab": lambda words, _: "-".join(words),
    "dotted": lambda words, _: ".".join(words),
    "camel": lambda words, owner: _camel([owner, *words]),
    "pascal": lambda words, owner: _pascal([owner, *words]),
    "screaming": lambda words, _: "_".join(words).upper(),
    "environment": lambda words, owner: "_".join([owner, *words]).upper(),
    "prefixed": lambda words, owner: "_".join([owner, *words]),
    "path": lambda words, owner: f"settings.{owner}.{'_'.join(words)}",
    "camel path": lambda words, owner: f"{owner}.config.{_camel(words)}",
    "header": lambda words, _: "-".join(map(str.capitalize, ["x", *words])),
    "vendor header": lambda words, owner: "-".join(map(str.capitalize, ["x", owner, *words])),
    "otel header": lambda words, _: "http.request.header.x_" + "_".join(words),
    "otel kebab": lambda words, _: "http.request.header.x-" + "-".join(words),
    "numbered": lambda words, _: "_".join(words) + "_2",
    "digit": lambda words, _: "_".join(words) + "1",
    "plural": lambda words, _: "_".join(words) + "s",
    "upper camel": lambda words, owner: _camel([owner, *words[:-1], words[-1]]) + "Value",
    "current": lambda words, _: "_".join(["current", *words]),
    "new": lambda words, _: _camel(["new", *words]),
}
GLUED: Final = (
    *("apikey", "accesskey", "secretkey", "privatekey", "clientsecret", "accesstoken", "refreshtoken", "authtoken"),
    *("sessionid", "csrftoken", "xsrftoken", "dbpassword", "userpassword", "rootpassword", "dbpasswd", "dbpwd"),
    *("appsecret", "webhooksecret", "connectionstring", "APIKEY", "ACCESSTOKEN", "stripe.apikey", "app_apikey"),
    *("sessiontoken", "idtoken", "bearertoken", "signingkey", "encryptionkey", "PHPSESSID", "JSESSIONID", "MYSQL_PWD"),
    *(
        "PGPASSWORD",
        "http.request.header.cookie",
        "http.request.header.authorization",
        "http.response.header.set_cookie",
    ),
    *(
        "password_hash",
        "passwordConfirmation",
        "password_confirmation",
        "xApiKey",
        "X-Auth-Token",
        "aws_secret_access_key",
    ),
    *("AWS_SECRET_ACCESS_KEY", "aws.secretAccessKey", "oauth2.clientSecret", "OAuth2ClientSecret", "awsSecretKey"),
)
_NO_PLURAL: Final = ("credentials", "authorization", "proxy authorization", "csrf", "bearer")

_LETTERS: Final = string.ascii_letters + string.digits


def password(rng: random.Random) -> str:
    """Return a password as people choose them: a word, digits and punctuation."""
    words = ("Sommer", "dragon", "Kiebitz", "hunter", "Tr0ub4dor", "monkey", "qwerty", "Lisboa", "winter")
    return rng.choice(words) + rng.choice("!#$_-.") + str(rng.randint(10, 99999)) + rng.choice(words)


def token(rng: random.Random) -> str:
    """Return a token without a shape of its own: letters and digits, hexadecimal, base64 or a UUID."""
    choices = (
        "".join(rng.choices(_LETTERS, k=rng.randint(20, 48))),
        f"{rng.getrandbits(128):032x}",
        base64.b64encode(rng.randbytes(30)).decode(),
        str(uuid.UUID(int=rng.getrandbits(128), version=4)),
    )
    return rng.choice(choices)


def _phrase(rng: random.Random) -> str:
    return " ".join(rng.sample(["correct", "horse", "battery", "staple", "orbit", "velvet", "canyon", "thimble"], 5))


_KINDS: Final[dict[str, tuple[tuple[str, ...], Callable[[random.Random], str]]]] = {
    # kind: texts around the secret, and what makes one
    "password": (("{}",), password),
    "phrase": (("{}",), _phrase),
    "header": (("Bearer {}", "Basic {}", "Token {}", "ApiKey {}"), token),
    "cookie": (("sid={}; theme=dark",), token),
    "digits": (("{}",), lambda rng: f"{rng.randrange(10**5, 10**6)}"),
    "ssn": (("{}",), lambda rng: f"{rng.randint(100, 665)}-{rng.randint(10, 99)}-{rng.randint(1000, 9999)}"),
    "dsn": (("postgresql://app:{}@db:5432/shop",), lambda rng: token(rng).replace("/", "x")),
    "token": (("{}",), token),
}


def secret(rng: random.Random, kind: str) -> tuple[str, str]:
    """Return (value, the part of it that must vanish) of a *kind* in `WORDS`."""
    frames, make = _KINDS[kind]
    text = make(rng)
    return rng.choice(frames).format(text), text


def sensitive(rng: random.Random) -> list[Item]:
    """Return 500 items or more, each with another spelling of a sensitive key."""
    spelled: dict[str, tuple[str, str]] = {}
    for words, kind in WORDS.items():
        for spelling, spell in SPELLINGS.items():
            if spelling == "plural" and words in _NO_PLURAL:
                continue
            spelled.setdefault(spell(words.split(), rng.choice(_OWNERS)), (spelling, kind))
    for key in GLUED:
        kind = "cookie" if key.lower().endswith("cookie") else "header" if key.endswith("authorization") else "token"
        spelled.setdefault(key, ("glued", kind))
    return [_item(rng, key, spelling, kind) for key, (spelling, kind) in spelled.items()]


def _item(rng: random.Random, key: str, spelling: str, kind: str) -> Item:
    value, part = secret(rng, kind)
    if spelling == "plural":
        second, also = secret(rng, kind)
        return Item("key", spelling, key, [value, second], (part, also), "list")
    if rng.random() < 0.1:
        return Item("key", spelling, "app.payload", {"id": 7, "settings": {key: value}}, (part,), "nested")
    return Item("key", spelling, key, value, (part,))


_NEIGHBOURS: Final = """
session.count=17|sessions_total=1204|session_duration=3600|session.type=browser|session_timeout=1800|active_sessions=33
session_status=active|session.state=open|input_tokens=512|output_tokens=128|gen_ai.usage.input_tokens=1024
gen_ai.usage.output_tokens=77|gen_ai.request.max_tokens=4096|max_tokens=2048|token_count=99|tokens_used=1500|token.type=bearer
token_type=Bearer|tokens_per_second=41.5|tokenizer=cl100k_base|tokenizer.name=bpe-large|tokenization_method=wordpiece|total_tokens=640
token_bucket_size=100|token_bucket.refill_rate=10|token_status=expired|token_limit=8192|token_expiry_seconds=3600|token.name=deploy-bot
auth_method=oidc|auth.type=mutual-tls|auth_provider=keycloak|auth.status=granted|auth_enabled=true
authentication.method=password|authenticated=true|auth.duration_ms=12
author=Jane Q. Writer|authors=["A. Smith", "B. Jones"]|authority=api.example.com
certificate_authority=Example Root CA R3|authorization_type=rbac|authorized=true|authorization.status=denied
authorization_count=4|password_policy.min_length=12|password_length=16|password_strength=strong|password_expired=false|password_enabled=true
password_reset_count=3|password.policy.name=corporate-default|password_required=true|password_changed=true|passwordless=true
secret_name=db-credentials-prod|secret.name=payments/stripe|secret_type=kubernetes.io/tls|secret_count=12|secrets_total=44|secret_version=7
secrets.engine.type=kv-v2|secret.status=synced|secret_rotation_enabled=true|secretary=Ms. Fields|cookie_consent=accepted
cookie_count=9|cookie.enabled=true|cookies_accepted=true|cookie_banner_type=modal|pin_code_enabled=false|pin_count=2|pinned=true
pin_status=locked|pinning.enabled=true|spinner=dots|spin_count=40|shopping_cart=3 items, 2 vouchers|mapping_type=keyword
keyboard=qwertz-de|keyboard.layout=de-latin1-nodeadkeys|key_count=44|keys_total=912|keyspace=orders_by_customer|keyword=observability
keyframe=250|key.type=ed25519|key_length=4096|key_name=primary-2026|public_key_type=rsa|partition_key=customer-4711-orders
primary_key=order_id|foreign_key=customer_id|routing_key=orders.created.eu|cache_key=user:42:profile|sort_key=2026-11-27#order
object_key=reports/2026/11/summary.parquet|idempotency_key_count=3|messaging.kafka.message.key=order-20261127-000123
messaging.rabbitmq.destination.routing_key=orders.created|aws.s3.key=images/2026/11/27/logo.png|monkey=capuchin|donkey=poitou
turkey=meleagris gallopavo|hockey=ice hockey league|whiskey=lagavulin 16|jockey=L. Dettori|compass=north-north-east
passenger=seat 14C window|passengers=184|passed=37|passed_total=2201|pass_rate=0.98|passive=true|compassion=high
bypass_count=0|passthrough=enabled|password_manager.name=keepassxc|pwd_length=20|otp_enabled=true|otp.type=totp|otp_length=6|otp_count=3
erlang.otp.version=27|otp_release=27.1.2|option=verbose|options=color,wide|adopted=true|bearer_count=2|forbearance=30 days
credential_type=service_account|credentials.provider=instance-metadata|credential_count=5|credentials_valid=true|credential.status=valid
csrf_enabled=true|csrf.status=ok|csrf_failures_total=2|jwt.type=access|jwt_enabled=true|jwt_expired_total=8|jwt.status=valid
jwt_issuer_count=2|api_key_count=6|api_key.type=restricted|api_keys_total=31|api.version=v1beta3|api_name=orders-api|api.key.status=active
access_log=/var/log/nginx/access.log|access_count=88|access_mode=read-only|access_key_count=2|access_level=developer|accessibility=wcag-aa
private_key_type=ecdsa-p256|private=true|private_network=vpc-main-eu|dsn_count=1|dsn_type=postgresql|dsn.name=orders-primary
connection_count=23|connection_string_count=2|connection.state=ESTABLISHED|connection_type=keepalive|connections_total=9431|cvv_required=true
cvv_status=matched|cvv_check_duration=15|ssn_count=0|ssn_required=false|ssn.status=verified|ssn_type=masked|lessn=abc|session.name=morning-sync
secret_scanner.status=clean|secret_duration_seconds=1.2|encryption_type=aes-256-gcm|encryption.enabled=true|encryption_algorithm=chacha20-poly1305
signing.algorithm=ed25519|signature_algorithm=rs256|signature_count=2|hash_algorithm=argon2id|cert.name=wildcard-example-com
tls.cipher=TLS_AES_256_GCM_SHA384|tls.protocol.version=1.3|tls.client.subject=CN=client-7,O=Example|token_endpoint_count=1
oauth.flow.type=authorization_code|oauth_scopes=openid profile orders.read|grant_type=client_credentials|response_type=code
login_count=15|login.type=sso|login_duration_ms=230|login.status=success|user_count=302|account_type=business|account_status=active
account_count=7|monkeypatch=true|tokens=[120, 44, 93]|secrets=3|passwords=0|cookies=5|session=7|pin=true|token=42|password=false
bearer=true|credentials=true|api_keys=12|otp=true|jwt=false|session_id_count=4|cookie_size_bytes=512|set_cookie_count=1
csrf_token_status=rotated|password_age_days=41|token_age_seconds=310|secret_size_bytes=64|token_cache_hits=77|token_cache_hit_ratio=0.91
token_refresh_total=19|token_refresh_duration_ms=41|secret_sync_status=ok|password_attempts_count=2|private_key_count=1
"""


def _parsed(text: str) -> object:
    if text in ("true", "false"):
        return text == "true"
    if text.startswith("["):
        return [_parsed(part.strip().strip('"')) for part in text[1:-1].split(",")]
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text


def neighbours() -> Iterator[Item]:
    """Yield items whose keys look like sensitive ones and are not, or whose values are no secrets."""
    for row in _NEIGHBOURS.split("\n"):
        for pair in filter(None, row.split("|")):
            key, _, value = pair.partition("=")
            yield Item("benign", "neighbour key", key, _parsed(value))
