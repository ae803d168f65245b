"""Token formats of clouds, hosts, databases and infrastructure. Data only."""

from __future__ import annotations

from typing import Final

from csg_otel.privacy.formats.shape import Inner, rows

SHAPES: Final = rows(
    r"""
    aws-access-key | AWS access key id | AKIA ASIA ABIA ACCA | [A-Z0-9]{16}$
    aws-access-key | AWS access key id | A3T | [A-Z0-9]{17}$
    aws-bedrock-key | Amazon Bedrock API key | ABSK bedrock-api-key- | [A-Za-z0-9+/_-]{60,}={0,2}
    aws-mws-key | Amazon MWS token | amzn.mws. | [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}
    aws-session-token | AWS session token | IQoJb3JpZ2lu FwoGZXIvYXdz FQoGZXIvYXdz | [A-Za-z0-9+/%=_-]{60,}
    amazon-oauth-secret | Login with Amazon client secret or token | amzn1.oa2-cs.v1. amzn1.oa2-cs. | [0-9a-f]{32,64}$
    amazon-oauth-secret | Login with Amazon client secret or token | Atza| Atzr| Atza%7C Atzr%7C | [A-Za-z0-9_+/=-]{40,}
    gcp-api-key | Google API key | AIza | [A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])
    gcp-oauth-token | Google OAuth access token | ya29. | [A-Za-z0-9_.-]{20,}
    gcp-oauth-secret | Google OAuth client secret | GOCSPX- | [A-Za-z0-9_-]{20,40}
    gcp-refresh-token | Google OAuth refresh token | 1//0 | [A-Za-z0-9_-]{30,}
    gcp-auth-code | Google OAuth authorization code | 4/0A | [A-Za-z0-9_-]{30,}
    gcp-hmac-key | Google Cloud Storage HMAC key | GOOG1E GOOG | (?=[A-Z]*\d)[A-Z0-9]{20,61}$
    firebase-server-key | Firebase cloud messaging server key | AAAA | [A-Za-z0-9_-]{7}:APA91b[A-Za-z0-9_-]{100,}
    digitalocean-token | DigitalOcean token | dop_v1_ doo_v1_ dor_v1_ | [a-f0-9]{64}$
    digitalocean-spaces-key | DigitalOcean Spaces key | DO00 DO80 | [A-Z0-9]{16}$
    alibaba-access-key | Alibaba Cloud access key id | LTAI STS.N | [A-Za-z0-9]{12,24}$
    tencent-secret-id | Tencent Cloud secret id | AKID | [A-Za-z0-9]{32}$
    baidu-key | Baidu Cloud key | bce-v3/ALTAK- | [A-Za-z0-9]{21}/[a-z0-9]{40}$
    volcengine-key | Volcano Engine access key | AKLT AKTP | [A-Za-z0-9]{36,72}$
    jdcloud-key | JD Cloud access key | JDC_ | [A-Z0-9]{28,32}$
    huawei-key | Huawei Cloud access key | HPUA | [A-Z0-9]{16}$
    yandex-api-key | Yandex Cloud API key | AQVN | [A-Za-z0-9_-]{35,38}(?![A-Za-z0-9_-])
    yandex-iam-token | Yandex Cloud IAM token | t1. | [A-Z0-9a-z_-]{50,}={0,2}\.[A-Z0-9a-z_-]{86}={0,2}
    yandex-static-key | Yandex Cloud static access key | YCA YCM YCN YCO YCP | [A-Za-z0-9_-]{36,40}(?![A-Za-z0-9_-])
    yandex-oauth-token | Yandex OAuth token | y0_ y1_ y2_ y3_ | [A-Za-z0-9_-]{30,}
    ibm-cloud-key | IBM Cloud API key | ApiKey- | [0-9a-f]{8}-[0-9a-f-]{27}$
    heroku-token | Heroku API token | HRKU- HRKU-AA | [A-Za-z0-9_-]{30,70}
    fly-token | Fly.io token | fo1_ fm1_ fm1r_ fm1a_ fm2_ | [A-Za-z0-9_+/=-]{30,}
    linode-token | Linode token | lin_ linode_ | [a-f0-9]{40,64}$
    hetzner-token | Hetzner Cloud token | hcloud_ | [A-Za-z0-9]{40,64}$
    scaleway-access-key | Scaleway access key | SCW | [A-Z0-9]{17}$
    ovh-token | OVHcloud token | eu.kms.ovh. ovh_ | [A-Za-z0-9_-]{24,}
    exoscale-key | Exoscale API key | EXO | [a-f0-9]{24,32}$
    vultr-token | Vultr API key | vultr_ | [A-Za-z0-9]{30,}$
    cloudflare-ca-key | Cloudflare origin CA key | v1.0- | [a-f0-9]{24}-[a-f0-9]{146}$
    cloudflare-token | Cloudflare API token | cfut_ cfat_ cfk_ cf_ | [A-Za-z0-9_-]{37,}
    cloudflare-tunnel | Cloudflare tunnel token | eyJhIjoi | [A-Za-z0-9+/=_-]{100,}
    render-token | Render API key | rnd_ | (?=[a-z]*[A-Z\d])[A-Za-z0-9]{20,}$
    railway-token | Railway token | rlwy_ railway_ | [A-Za-z0-9]{20,}$
    vercel-token | Vercel token | vcp_ vci_ vca_ vcr_ vck_ vercel_blob_rw_ | [A-Za-z0-9_]{24,}
    netlify-token | Netlify token | nfp_ nfo_ nfc_ nfb_ nfu_ | [A-Za-z0-9_-]{36,}
    northflank-token | Northflank token | nf- | [A-Za-z0-9]{60,}$
    supabase-token | Supabase key | sbp_ sb_secret_ sbp_oauth_ sbp_v0_ | [A-Za-z0-9_-]{28,}
    planetscale-token | PlanetScale token or password | pscale_tkn_ pscale_pw_ pscale_oauth_ | [A-Za-z0-9_.=-]{32,64}
    neon-token | Neon API key | napi_ | [a-z0-9]{40,}$
    neon-token | Neon database password | npg_ | (?=[a-z]*[A-Z\d])[A-Za-z0-9]{12,}$
    turso-token | Turso token | turso_ | [A-Za-z0-9_-]{40,}
    xata-token | Xata API key | xau_ | [A-Za-z0-9]{30,}$
    upstash-token | Upstash token | upstash_ | [A-Za-z0-9_-]{30,}
    cockroach-token | CockroachDB Cloud secret key | CCDB1_ | [A-Za-z0-9]{22}_[A-Za-z0-9]{40}$
    clickhouse-token | ClickHouse Cloud secret key | 4b1d | [A-Za-z0-9]{38}$
    mongodb-atlas-secret | MongoDB Atlas service account secret | mdb_sa_sk_ | [A-Za-z0-9_-]{30,}
    elastic-key | Elastic Cloud or serverless API key | essu_ essa_ | [A-Za-z0-9+/=_-]{40,}
    databricks-token | Databricks token | dapi dose dkea dsapi | [a-f0-9]{32}(?:-\d)?$
    databento-key | Databento API key | db- | (?=[a-z]*[A-Z0-9])[A-Za-z0-9]{29}$
    snowflake-token | Snowflake session token | ver:1-hint: ver:2-hint: ver:3-hint: | \d+-[A-Za-z0-9+/=_-]{40,}
    confluent-secret | Confluent Cloud API secret | cflt | [A-Za-z0-9+/]{60}$
    dbt-token | dbt Cloud token | dbtc_ dbts_ dbtu_ | [A-Za-z0-9_=-]{32,}
    aiven-token | Aiven token | aivenv1 AVNS_ | [A-Za-z0-9_+/=-]{16,}
    vault-token | HashiCorp Vault token | hvs. hvb. hvr. | [A-Za-z0-9_-]{20,}
    vault-token | HashiCorp Vault token | s. b. r. | (?=[a-z]*[A-Z\d])[A-Za-z0-9]{24}(?![A-Za-z0-9._-])
    consul-token | HashiCorp Cloud Platform or Boundary secret | hcp_ hcps_ at_ | [A-Za-z0-9_-]{32,}
    pulumi-token | Pulumi token | pul- | [a-f0-9]{40}$
    scalr-token | Scalr or Spacelift token | scalr_ spacelift_ | [A-Za-z0-9_-]{30,}
    infracost-token | Infracost token | ico- | [A-Za-z0-9]{32}$
    doppler-token | Doppler token | dp.pt. dp.st. dp.ct. dp.sa. dp.said. dp.scim. dp.audit. | (?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}$
    infisical-token | Infisical service token | st. | [a-f0-9]{24}\.[a-f0-9]{32}\.[a-f0-9]{32}
    onepassword-token | 1Password service account token | ops_ | eyJ[A-Za-z0-9+/=_-]{100,}
    onepassword-key | 1Password secret key | A3- | [A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}$
    bitwarden-token | Bitwarden access token | 0. | [0-9a-f]{8}-[0-9a-f-]{27}\.[A-Za-z0-9]{30}:[A-Za-z0-9+/]{22}==
    age-key | age secret key | AGE-SECRET-KEY-1 AGE-PLUGIN-YUBIKEY-1 AGE-SECRET-KEY-PQ-1 | [A-Z0-9]{50,}$
    tailscale-key | Tailscale key | tskey- tskey-api- tskey-auth- tskey-client- tskey-scim- tskey-webhook- | [A-Za-z0-9]+-[A-Za-z0-9_-]{10,}
    ngrok-token | ngrok token | ngrok_ ak_ cr_ | (?=[a-z]*[A-Z\d])[A-Za-z0-9]{24,60}_?[A-Za-z0-9]{0,40}$
    docker-swarm-token | Docker Swarm token | SWMTKN-1- SWMKEY-1- | [A-Za-z0-9+/-]{40,}
    kubernetes-token | K3s cluster token | K10 | [a-f0-9]{64}::[A-Za-z0-9:_-]{10,}
    openshift-token | OpenShift token | sha256~ | [A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])
    rancher-token | Rancher token | token- kubeconfig-user- kubeconfig-u- | [a-z0-9]{5,12}:[a-z0-9]{54}$
    koyeb-token | Koyeb or Civo token | koyeb_ civo_ | [A-Za-z0-9]{30,}$
    localstack-token | LocalStack token | ls- | [A-Za-z0-9]{8}-[A-Za-z0-9]{4}-[A-Za-z0-9]{4}-[A-Za-z0-9]{4}-[A-Za-z0-9]{12,}$
    defined-networking-token | Defined Networking token | dnkey- | [A-Za-z0-9=_-]{26}-[A-Za-z0-9=_-]{52}$
    influx-token | InfluxDB token | apiv3_ | [A-Za-z0-9_-]{40,}
    octopus-key | Octopus Deploy API key | API- | [A-Z0-9]{26,40}$
    harness-token | Harness token | pat. sat. | [A-Za-z0-9_-]{22}\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{20}$
    logicmonitor-token | LogicMonitor token | lmb_ lma_ | [A-Za-z0-9+/=_-]{40,}
    wiz-key | Socket, Aikido or Endor Labs token | sktsec_ AIK_CI_ AIK_CLIENT_ AIK_SECRET_ endr+ | [A-Za-z0-9_-]{16,}
    stackhawk-key | StackHawk key | hawk. | [A-Za-z0-9_-]{20}\.[A-Za-z0-9_-]{20}(?![A-Za-z0-9_-])
    """
)
_B64: Final = r"[A-Za-z0-9+/]"

INNER: Final = (
    Inner(
        "azure-client-secret",
        "Microsoft Entra client secret",
        "Q~",
        r"[A-Za-z0-9_~.]{3}\d",
        r"[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9])",
    ),
    *(
        Inner("azure-key", "Azure key of 64 bytes", anchor, _B64 + r"{70,76}", _B64 + r"{4,12}={0,2}")
        for anchor in ("+AS", "+ABa", "ACDb", "+AMC", "+AEX")
    ),
    *(
        Inner("azure-key", "Azure key of 32 bytes", anchor, _B64 + r"{30,33}", _B64 + r"{4,6}=")
        for anchor in ("AIoT", "+ASb", "+AEh", "+ARm", "AZEG", "+ACR", "AzCa")
    ),
    Inner("azure-search-key", "Azure search key", "AzSe", r"[A-Za-z0-9]{42}", r"[A-Za-z0-9]{6}(?![A-Za-z0-9])"),
    Inner("azure-functions-key", "Azure functions key", "AzFu", r"[A-Za-z0-9_-]{44}", r"[A-Za-z0-9_-]{6}={0,2}"),
    Inner("azure-devops-token", "Azure DevOps token", "AZDO", r"[A-Za-z0-9]{76}", r"[A-Za-z0-9]{4}(?![A-Za-z0-9])"),
    Inner("azure-api-key", "Azure AI key", "AAAA", r"[A-Za-z0-9]{50,74}", r"[A-Za-z0-9]{4,30}(?![A-Za-z0-9])"),
    Inner("azure-api-key", "Azure AI key", "JQQJ99", r"[A-Za-z0-9]{52}", r"[A-Za-z0-9]{20,30}(?![A-Za-z0-9])"),
    Inner("terraform-token", "Terraform Cloud token", ".atlasv1.", r"[A-Za-z0-9]{14}", r"[A-Za-z0-9_=-]{60,70}"),
    Inner(
        "firebase-server-key",
        "Firebase cloud messaging key",
        ":APA91b",
        r"[A-Za-z0-9_-]{11,22}",
        r"[A-Za-z0-9_-]{100,200}",
    ),
)
