"""Token formats of code hosting, registries, build systems and language models. Data only."""

from __future__ import annotations

from typing import Final

from csg_otel.privacy.formats.shape import rows

SHAPES: Final = rows(
    r"""
    github-token | GitHub token | ghp_ gho_ ghu_ ghs_ ghr_ | [A-Za-z0-9_.-]{30,}
    github-token | GitHub fine-grained token | github_pat_ | [A-Za-z0-9_]{22,}
    github-app-key | GitHub Actions or app token | v1. | [0-9a-f]{40}$
    gitlab-token | GitLab token | glpat- glptt- gldt- glrt- glrtr- glcbt- glimt- glsoat- glagent- glft- gloas- glffct- glwt- | [A-Za-z0-9_.=-]{20,}
    gitlab-token | GitLab runner registration token | GR1348941 | [A-Za-z0-9_-]{20}
    gitlab-session | GitLab session cookie | _gitlab_session= | [A-Za-z0-9%_-]{20,}
    bitbucket-token | Bitbucket token | ATBB BBDC- | [A-Za-z0-9+/=_-]{24,}
    atlassian-token | Atlassian API token | ATATT3 ATCTT3 ATSTT3 | [A-Za-z0-9_=+/.-]{60,}
    gitea-token | Gitea or Codeberg token | gta_ forgejo_ gtr_ | [a-f0-9A-Za-z]{32,}$
    gitguardian-token | GitGuardian token | ggtt- | [A-Za-z0-9-]{20,}
    sourcegraph-token | Sourcegraph token | sgp_ slk_ sgd_ | (?:(?:[a-fA-F0-9]{16}|local)_)?[a-fA-F0-9]{40,64}$
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
    jsr-token | JSR or Deno token | jsrt_ jsrd_ ddp_ ddw_ | [A-Za-z0-9]{30,}$
    circleci-token | CircleCI token | CCIPAT_ CCIPRJ_ | [A-Za-z0-9]{20,24}_[a-f0-9]{40}$
    buildkite-token | Buildkite token | bkua_ bkaj_ bkct_ bkat_ | [A-Za-z0-9_-]{40,}
    travis-token | Semaphore or Travis token | sph_ travis_ | [A-Za-z0-9]{22,}$
    codecov-token | SonarQube or Codecov token | sqp_ squ_ sqa_ sqb_ | [a-z0-9]{40}$
    snyk-token | Snyk token | snyk_uat. snyk_sat. | [A-Za-z0-9._-]{20,}
    launchdarkly-key | LaunchDarkly key | sdk- api- mob- rel- | [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$
    statsig-key | Statsig secret | secret- console- | [A-Za-z0-9]{40,}$
    posthog-key | PostHog key | phx_ phc_ phs_ phr_ pha_ | [A-Za-z0-9_]{40,}
    openai-key | OpenAI key | sk- sk-proj- sk-svcacct- sk-admin- sk-None- | (?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{20,}
    openai-session | OpenAI session key | sess- | (?=[A-Za-z]*\d)[A-Za-z0-9]{40}$
    anthropic-key | Anthropic key | sk-ant- | [A-Za-z0-9_-]{20,}
    openrouter-key | OpenRouter key | sk-or- | [A-Za-z0-9_-]{20,}
    huggingface-token | Hugging Face token | hf_ api_org_ | [A-Za-z]*[A-Za-z0-9]{30,}$
    replicate-token | Replicate token | r8_ | [A-Za-z0-9]{30,}$
    groq-key | Groq key | gsk_ | [A-Za-z0-9]{40,}$
    perplexity-key | Perplexity key | pplx- | [A-Za-z0-9]{40,}$
    xai-key | xAI key | xai- | [A-Za-z0-9]{40,}$
    cerebras-key | Cerebras key | csk- | [a-z0-9]{40,}$
    fireworks-key | Fireworks key | fw_ fpk_ | [A-Za-z0-9]{20,}$
    together-key | Together key | tgp_v1_ | [A-Za-z0-9_-]{30,}
    nvidia-key | NVIDIA key | nvapi- | [A-Za-z0-9_-]{50,}
    elevenlabs-key | ElevenLabs key | sk_ | [a-f0-9]{48}$
    cohere-key | Cohere key | co_ | [A-Za-z0-9]{38,}$
    langsmith-key | LangSmith key | lsv2_pt_ lsv2_sk_ ls__ | [a-f0-9]{32}(?:_[a-f0-9]{10})?$
    langfuse-key | Langfuse secret key | sk-lf- | [0-9a-f]{8}-[0-9a-f-]{27}$
    logfire-token | Logfire token | pylf_v1_ pylf_v2_ pylf_ | [a-z]{2}_[A-Za-z0-9]{40,}$
    tavily-key | Tavily key | tvly- tvly-dev- | [A-Za-z0-9]{24,}$
    firecrawl-key | Firecrawl key | fc- | [a-f0-9]{32}$
    e2b-key | E2B or Modal token | e2b_ ak- as- | [A-Za-z0-9]{22,40}$
    wandb-key | Weights & Biases key | wandb_v1_ | [A-Za-z0-9_]{40,}
    deepgram-key | Stability or Baseten key | sk-stab- bst_ | [A-Za-z0-9]{30,}$
    voyage-key | Voyage or Jina key | pa- jina_ | (?=[A-Za-z_]*\d)[A-Za-z0-9_]{40,}$
    jwt | JSON web token | eyJ | [A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*){1,3}
    jwt | JSON web token without its signature | eyJ | [A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{4,}
    """
)
