"""Token formats of code hosting, registries and build systems. Data only."""

from __future__ import annotations

from typing import Final

from csg_otel.privacy.formats.shape import Inner, rows

SHAPES: Final = rows(
    r"""
    github-token | GitHub token | ghp_ gho_ ghu_ ghs_ ghr_ | [A-Za-z0-9_.-]{30,}
    github-token | GitHub fine-grained token | github_pat_ | [A-Za-z0-9_]{22,}
    github-app-key | GitHub Actions or app token | v1. | [0-9a-f]{40}$
    gitlab-token | GitLab token | glpat- glptt- gldt- glrt- glrtr- glcbt- glimt- glsoat- glagent- glft- gloas- glffct- glwt- | [A-Za-z0-9_.=-]{20,}
    gitlab-token | GitLab runner registration token | GR1348941 | [A-Za-z0-9_-]{20}
    gitlab-session | GitLab session cookie | _gitlab_session= | [A-Za-z0-9%_-]{20,}
    bitbucket-token | Bitbucket token | ATBB BBDC- | [A-Za-z0-9+/=_-]{24,}
    atlassian-token | Atlassian API token | ATATT3 ATCTT3 ATSTT3 ATOAT3 | [A-Za-z0-9_=+/.-]{60,}
    trello-token | Trello token | ATTA | [a-f0-9]{60,}[A-F0-9]{0,8}$
    gitea-token | Gitea or Codeberg token | gta_ forgejo_ gtr_ | [a-f0-9A-Za-z]{32,}$
    gitguardian-token | GitGuardian token | ggtt- gg_ | [A-Za-z0-9-]{20,}
    sourcegraph-token | Sourcegraph token | sgp_ slk_ sgd_ | (?:(?:[a-fA-F0-9]{16}|local)_)?[a-fA-F0-9]{40,64}$
    segment-token | Segment token | sgp_ | [A-Za-z0-9]{60,70}$
    npm-token | npm token | npm_ | [A-Za-z0-9]{30,}$
    npm-auth | npm auth line | :_authToken= :_password= | [^\s"',;]{8,}
    pypi-token | PyPI token | pypi-AgEIcHlwaS5v pypi-AgENdGVzdC5weXBp | [A-Za-z0-9_-]{40,}
    pypi-token | PyPI token | pypi- | (?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{60,}
    rubygems-token | RubyGems key | rubygems_ | [a-f0-9]{48}$
    crates-token | Rust registry token | cio | [A-Za-z0-9]{32}$
    nuget-key | NuGet key | oy2 | [a-z0-9]{43}$
    clojars-token | Clojars token | CLOJARS_ | [a-z0-9]{60}$
    docker-token | Docker Hub token | dckr_pat_ dckr_oat_ | [A-Za-z0-9_-]{24,}
    artifactory-token | Artifactory key | AKCp AKCp8 AKCp5 | [A-Za-z0-9]{60,}$
    artifactory-token | Artifactory reference token | cmVmdGtu | [A-Za-z0-9]{50,}$
    packagist-token | Packagist token | packagist_ packagist_uut_ packagist_ort_ packagist_org_ | [A-Za-z0-9]{40,}$
    hex-token | Hex.pm key | hexpm_ | [a-f0-9]{32,}$
    jsr-token | JSR or Deno token | jsrt_ jsrd_ ddp_ ddw_ ddo_ | [A-Za-z0-9]{30,}$
    openvsx-token | Open VSX token | ovsxat_ ovsxp_ | [A-Za-z0-9-]{30,}
    cloudsmith-token | Cloudsmith token | csat_ csa_ | [A-Za-z0-9]{30,}$
    thunderstore-token | Thunderstore token | tss_ | [A-Za-z0-9]{30,}$
    circleci-token | CircleCI token | CCIPAT_ CCIPRJ_ | [A-Za-z0-9]{20,24}_[a-f0-9]{40}$
    buildkite-token | Buildkite token | bkua_ bkaj_ bkct_ bkat_ bkpt_ | [A-Za-z0-9_-]{40,}
    semaphore-token | Semaphore or Travis token | sph_ travis_ | [A-Za-z0-9]{22,}$
    depot-token | Depot or Namespace token | depot_org_ depot_project_ depot_user_ nsct_ | [A-Za-z0-9_-]{24,}
    mergify-token | Mergify token | mka_ mergify_ | [A-Za-z0-9_=-]{24,}
    chromatic-token | Chromatic token | chpt_ | [a-f0-9]{10,}$
    deepsource-token | DeepSource token | dsp_ | [a-f0-9]{30,}$
    sonar-token | SonarQube token | sqp_ squ_ sqa_ sqb_ | [a-z0-9]{40}$
    snyk-token | Snyk token | snyk_uat. snyk_sat. | [A-Za-z0-9._-]{20,}
    launchdarkly-key | LaunchDarkly key | sdk- api- mob- rel- | [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$
    devcycle-key | DevCycle key | dvc_server_ dvc_mobile_ dvc_client_ | [A-Za-z0-9_-]{20,}
    configcat-key | ConfigCat key | configcat-sdk-1/ | [A-Za-z0-9_-]{22}/[A-Za-z0-9_-]{22}
    statsig-key | Statsig secret | secret- console- | [A-Za-z0-9]{40,}$
    growthbook-key | GrowthBook secret | secret_user_ secret_admin_ secret_readonly_ | [A-Za-z0-9]{16,}$
    posthog-key | PostHog key | phx_ phc_ phs_ phr_ pha_ | [A-Za-z0-9_]{40,}
    postman-key | Postman key | PMAK- PMAT- | [A-Za-z0-9]{20,}(?:-[a-f0-9]{20,})?
    prefect-key | Prefect key | pnu_ pnb_ | [A-Za-z0-9]{36,}$
    wakatime-key | WakaTime key | waka_ waka_tok_ waka_sec_ | (?:[0-9a-f]{8}-[0-9a-f-]{27}|[A-Za-z0-9]{60,})$
    jwt | JSON web token | eyJ | [A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*){1,3}
    jwt | JSON web token without its signature | eyJ | [A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{4,}
    jwt | JSON web token in base64 | ZXlK | [A-Za-z0-9+/_-]{80,}={0,2}
    """
)

INNER: Final = (
    Inner(
        "maxmind-key",
        "MaxMind licence key",
        "_mmk",
        r"(?<![A-Za-z0-9])[A-Za-z0-9]{6}_[A-Za-z0-9]{29}",
        r"(?![A-Za-z0-9])",
    ),
)
