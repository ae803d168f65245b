"""
The shapes of well-known tokens, written from what their providers document.

A shape is a text with fields: `[alnum:36]` stands for 36 random letters and digits, `[hex:30-40]` for 30 to 40. Where a
real token ends in a checksum, so does ours, because a scanner may check it.
"""

from __future__ import annotations

import base64
import json
import random
import re
import string
import uuid
import zlib
from collections.abc import Callable, Iterator
from typing import Final

_ALPHABETS: Final = {
    "alnum": string.ascii_letters + string.digits,
    "alpha": string.ascii_letters,
    "lower": string.ascii_lowercase,
    "upper": string.ascii_uppercase,
    "digit": string.digits,
    "hex": "0123456789abcdef",
    "HEX": "0123456789ABCDEF",
    "low": string.ascii_lowercase + string.digits,
    "up": string.ascii_uppercase + string.digits,
    "b64": string.ascii_letters + string.digits + "+/",
    "url": string.ascii_letters + string.digits + "-_",
    "b32": string.ascii_uppercase + "234567",
    "bech": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
    "azure": string.ascii_letters + string.digits + "_.~-",
}
_BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_FIELD: Final = re.compile(r"\[(\w+):(\d+)(?:-(\d+))?\]")

SHAPES: Final[dict[str, tuple[str, ...]]] = {
    # clouds
    "aws": ("AKIA[b32:16]", "ASIA[b32:16]"),
    "aws-bedrock": ("ABSKQmVkcm9ja0FQSUtleS1[b64:110]",),
    "amazon-mws": ("amzn.mws.[uuid:1]",),
    "google-api": ("AIza[url:35]",),
    "google-oauth": ("GOCSPX-[url:28]", "ya29.a0[url:160]"),
    "azure-ad": ("[alnum:3]8Q~[azure:33][alnum:1]",),
    "azure-storage": ("[b64:76]+ASt[b64:6]==",),
    "azure-devops": ("[alnum:76]AZDO[alnum:4]",),
    "azure-search": ("[alnum:42]AzSe[alnum:6]",),
    "azure-functions": ("[url:44]AzFu[url:6]==",),
    "alibaba": ("LTAI[alnum:20]",),
    "tencent": ("AKID[alnum:32]",),
    "yandex": ("AQVN[url:38]",),
    "digitalocean": ("dop_v1_[hex:64]", "doo_v1_[hex:64]", "dor_v1_[hex:64]"),
    "heroku": ("HRKU-AA[url:58]",),
    "fly": ("fo1_[alnum:43]", "FlyV1 fm2_[b64:120]"),
    "scaleway": ("SCW[up:17]",),
    "render": ("rnd_[alnum:32]",),
    "netlify": ("nfp_[alnum:36]",),
    "vercel-blob": ("vercel_blob_rw_[alnum:16]_[alnum:30]",),
    "cloudflare-origin": ("v1.0-[hex:24]-[hex:146]",),
    "deno": ("ddp_[alnum:36]",),
    "tailscale": ("tskey-auth-[alnum:11]CNTRL-[alnum:32]", "tskey-api-[alnum:11]CNTRL-[alnum:32]"),
    "openshift": ("sha256~[url:43]",),
    # databases
    "supabase": ("sbp_[hex:40]", "sb_secret_[url:22]_[url:8]"),
    "planetscale": ("pscale_pw_[url:43]", "pscale_tkn_[url:43]", "pscale_oauth_[url:43]"),
    "databricks": ("dapi[hex:32]", "dapi[hex:32]-2"),
    "neon": ("napi_[low:64]",),
    "cockroachdb": ("CCDB1_[alnum:22]_[alnum:40]",),
    "pinecone": ("pcsk_[alnum:6]_[alnum:63]",),
    "mongodb-atlas": ("mdb_sa_sk_[url:40]",),
    "aiven": ("AVNS_[url:19]",),
    "clickhouse": ("4b1d[alnum:38]",),
    "dbt": ("dbtc_[url:43]", "dbtu_[url:43]"),
    # version control, builds, secrets
    "github": ("ghp_[crc:36]", "gho_[crc:36]", "ghu_[crc:36]", "ghs_[crc:36]", "ghr_[crc:36]"),
    "github-fine": ("github_pat_[alnum:22]_[alnum:59]",),
    "gitlab": (
        "glpat-[url:20]",
        "gldt-[url:20]",
        "glrt-[url:20]",
        "glptt-[hex:40]",
        "glft-[url:20]",
        "glsoat-[url:20]",
    ),
    "gitlab-routable": ("glpat-[url:27].[hex:2].[low:9]",),
    "gitlab-runner": ("GR1348941[url:20]",),
    "gitlab-oauth": ("gloas-[hex:64]",),
    "atlassian": ("ATATT3xFfGF0[url:170]=[HEX:8]",),
    "bitbucket": ("ATBB[alnum:32]",),
    "sourcegraph": ("sgp_[hex:40]", "sgp_[hex:16]_[hex:40]"),
    "circleci": ("CCIPAT_[alnum:22]_[hex:40]",),
    "buildkite": ("bkua_[hex:40]",),
    "terraform": ("[alnum:14].atlasv1.[url:67]",),
    "pulumi": ("pul-[hex:40]",),
    "vault": ("hvs.[url:95]", "hvb.[url:150]"),
    "doppler": ("dp.pt.[alnum:43]", "dp.st.prd.[alnum:43]"),
    "onepassword": ("ops_eyJ[b64:260]",),
    "sonar": ("sqp_[hex:40]", "squ_[hex:40]", "sqa_[hex:40]"),
    "harness": ("pat.[url:22].[hex:24].[alnum:20]",),
    "octopus": ("API-[up:26]",),
    "age": ("AGE-SECRET-KEY-1[bech:58]",),
    # chat and mail
    "slack": ("xoxb-[digit:12]-[digit:13]-[alnum:24]", "xoxp-[digit:12]-[digit:12]-[digit:13]-[hex:32]"),
    "slack-app": ("xapp-1-A[up:10]-[digit:13]-[hex:64]",),
    "slack-webhook": ("https://hooks.slack.com/services/T[up:10]/B[up:10]/[alnum:24]",),
    "discord": ("MT[alnum:24].G[url:5].[url:38]",),
    "discord-webhook": ("https://discord.com/api/webhooks/[digit:19]/[url:68]",),
    "telegram": ("[digit:10]:AA[url:33]",),
    "teams-webhook": ("https://acme.webhook.office.com/webhookb2/[uuid:1]@[uuid:1]/IncomingWebhook/[hex:32]/[uuid:1]",),
    "zapier-webhook": ("https://hooks.zapier.com/hooks/catch/[digit:7]/[low:7]/",),
    "twilio": ("SK[hex:32]",),
    "sendgrid": ("SG.[url:22].[url:43]",),
    "mailgun": ("key-[hex:32]",),
    "mailchimp": ("[hex:32]-us[digit:2]",),
    "brevo": ("xkeysib-[hex:64]-[alnum:16]",),
    "resend": ("re_[alnum:8]_[alnum:24]",),
    # payment
    "stripe": ("sk_live_[alnum:24]", "rk_live_[alnum:99]", "sk_test_[alnum:99]"),
    "stripe-webhook": ("whsec_[alnum:32]",),
    "square": ("sq0atp-[url:22]", "sq0csp-[url:43]"),
    "braintree": ("access_token$production$[low:16]$[hex:32]",),
    "razorpay": ("rzp_live_[alnum:14]",),
    "shopify": ("shpat_[hex:32]", "shpca_[hex:32]", "shppa_[hex:32]", "shpss_[hex:32]"),
    "plaid": ("access-production-[uuid:1]",),
    "flutterwave": ("FLWSECK_TEST-[hex:32]-X",),
    "duffel": ("duffel_live_[url:43]",),
    "easypost": ("EZAK[alnum:54]",),
    "shippo": ("shippo_live_[hex:40]",),
    # language models
    "openai": ("sk-[alnum:20]T3BlbkFJ[alnum:20]",),
    "openai-project": ("sk-proj-[url:74]T3BlbkFJ[url:74]", "sk-svcacct-[url:74]T3BlbkFJ[url:74]"),
    "anthropic": ("sk-ant-api03-[url:93]AA", "sk-ant-admin01-[url:93]AA"),
    "huggingface": ("hf_[alpha:34]",),
    "replicate": ("r8_[alnum:37]",),
    "groq": ("gsk_[alnum:52]",),
    "perplexity": ("pplx-[alnum:48]",),
    "xai": ("xai-[alnum:80]",),
    "together": ("tgp_v1_[url:43]",),
    "openrouter": ("sk-or-v1-[hex:64]",),
    "deepseek": ("sk-[hex:32]",),
    "langfuse": ("sk-lf-[uuid:1]",),
    "langsmith": ("lsv2_pt_[hex:32]_[hex:10]", "lsv2_sk_[hex:32]_[hex:10]"),
    "tavily": ("tvly-dev-[alnum:32]",),
    "nvidia": ("nvapi-[url:64]",),
    "cerebras": ("csk-[low:48]",),
    "elevenlabs": ("sk_[hex:48]",),
    "jina": ("jina_[hex:32][alnum:28]",),
    "firecrawl": ("fc-[hex:32]",),
    # registries
    "npm": ("npm_[crc:36]",),
    "pypi": ("pypi-AgEIcHlwaS5vcmcC[url:150]",),
    "rubygems": ("rubygems_[hex:48]",),
    "nuget": ("oy2[low:43]",),
    "crates": ("cio[alnum:32]",),
    "docker": ("dckr_pat_[url:27]", "dckr_oat_[url:32]"),
    "jfrog": ("AKCp[alnum:69]", "cmVmdGtu[alnum:56]"),
    "clojars": ("CLOJARS_[low:60]",),
    "postman": ("PMAK-[hex:24]-[hex:34]",),
    "prefect": ("pnu_[low:36]",),
    "readme": ("rdme_[low:70]",),
    # monitoring
    "grafana": ("glsa_[grafana:32]", "glc_[b64:80]=="),
    "grafana-key": ("eyJrIjoi[b64:80]==",),
    "newrelic": ("NRAK-[up:27]", "NRII-[url:32]", "[hex:32]FFFFNRAL"),
    "sentry": ("sntryu_[hex:64]", "sntrys_eyJpYXQiOjE3[b64:80]=_[b64:43]"),
    "dynatrace": ("dt0c01.[b32:24].[b32:64]",),
    "honeycomb": ("hcaik_01[low:56]",),
    "posthog": ("phx_[alnum:43]",),
    "launchdarkly": ("sdk-[uuid:1]", "api-[uuid:1]"),
    "axiom": ("xaat-[uuid:1]",),
    "logfire": ("pylf_v1_us_[alnum:43]",),
    # other services
    "airtable": ("pat[alnum:14].[hex:64]",),
    "notion": ("ntn_[digit:11][alnum:35]",),
    "linear": ("lin_api_[alnum:40]",),
    "figma": ("figd_[url:40]",),
    "hubspot": ("pat-na1-[uuid:1]",),
    "contentful": ("CFPAT-[url:43]",),
    "dropbox": ("sl.u.[url:140]",),
    "typeform": ("tfp_[url:44]_[url:14]",),
    "salesforce": ("00D[alnum:12]!AQ[alnum:94]",),
    "mapbox": ("sk.eyJ1Ijoi[alnum:60].[url:22]",),
    "adobe": ("p8e-[alnum:32]",),
    "facebook": ("EAAC[alnum:180]",),
    "twitter": ("AAAAAAAAAAAAAAAAAAAAAA[alnum:88]",),
    "maxmind": ("[alnum:6]_[alnum:29]_mmk",),
    "zoho": ("1000.[hex:32].[hex:32]",),
    "wakatime": ("waka_[uuid:1]",),
    "lichess": ("lip_[alnum:20]",),
    "defined-networking": ("dnkey-[b32:26]-[b32:52]",),
    "intra42": ("s-s4t2ud-[hex:64]",),
    # formats of no provider
    "jwt": ("[jwt:1]",),
    "jwe": ("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.[url:86].[url:16].[url:90].[url:22]",),
    "pem": ("[pem:1]",),
}
"""Shapes per provider."""

MULTILINE: Final = ("pem",)


def _crc(rng: random.Random, length: int) -> str:
    """Return a body whose last 6 characters are its CRC-32 in base 62, as GitHub and npm make them."""
    body = "".join(rng.choices(_BASE62, k=length - 6))
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    return body + digits


def _grafana(rng: random.Random, length: int) -> str:
    body = "".join(rng.choices(_ALPHABETS["alnum"], k=length))
    return f"{body}_{zlib.crc32(body.encode()):08x}"


def _uuid(rng: random.Random, _: int) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _encoded(data: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(data, separators=(",", ":")).encode()).rstrip(b"=").decode()


def _jwt(rng: random.Random, _: int) -> str:
    head = _encoded({"alg": rng.choice(["HS256", "RS256", "ES256"]), "typ": "JWT"})
    body = _encoded({"sub": _uuid(rng, 0), "iat": 1700000000 + rng.randrange(10**8), "scope": "read write"})
    return f"{head}.{body}.{''.join(rng.choices(_ALPHABETS['url'], k=43))}"


def _pem(rng: random.Random, _: int) -> str:
    name = rng.choice(
        ["RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY"]
    )
    lines = ["".join(rng.choices(_ALPHABETS["b64"], k=64)) for _ in range(rng.randint(4, 25))]
    return "\n".join([f"-----BEGIN {name}-----", *lines, f"-----END {name}-----"])


_MAKERS: Final[dict[str, Callable[[random.Random, int], str]]] = {
    "crc": _crc,
    "grafana": _grafana,
    "uuid": _uuid,
    "jwt": _jwt,
    "pem": _pem,
}


def fill(rng: random.Random, shape: str) -> str:
    """Return *shape* with random text in its fields."""

    def text(field: re.Match[str]) -> str:
        kind, least, most = field[1], int(field[2]), int(field[3] or field[2])
        length = rng.randint(least, most)
        if kind in _MAKERS:
            return _MAKERS[kind](rng, length)
        # A token ends in a letter or a digit more often than not, and an end that is punctuation is not its test.
        body = rng.choices(_ALPHABETS[kind], k=length)
        if not body[-1].isalnum():
            body[-1] = rng.choice(_ALPHABETS["low"])
        return "".join(body)

    return _FIELD.sub(text, shape)


def tokens(rng: random.Random) -> Iterator[tuple[str, str]]:
    """Yield (provider, token), one for each shape."""
    for provider, shapes in SHAPES.items():
        for shape in shapes:
            yield provider, fill(rng, shape)
