"""Token formats of services for language models, search and media. Data only."""

from __future__ import annotations

from typing import Final

from csg_otel.privacy.formats.shape import rows

SHAPES: Final = rows(
    r"""
    openai-key | OpenAI key, or one of its form | sk- | (?=[\w-]{0,48}[A-Za-z0-9]{16})(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{20,}
    openai-key | OpenAI key | sk-proj- sk-svcacct- sk-admin- sk-None- sk-service- | [A-Za-z0-9_-]{20,}
    openai-session | OpenAI session key | sess- | (?=[a-z]*[A-Z\d])[A-Za-z0-9]{40}$
    anthropic-key | Anthropic key | sk-ant- | [A-Za-z0-9_-]{20,}
    openrouter-key | OpenRouter key | sk-or- | [A-Za-z0-9_-]{20,}
    huggingface-token | Hugging Face token | hf_ api_org_ hf_oauth_ | [A-Za-z]*[A-Za-z0-9]{30,}$
    replicate-token | Replicate token | r8_ | [A-Za-z0-9]{30,}$
    groq-key | Groq key | gsk_ | [A-Za-z0-9]{40,}$
    perplexity-key | Perplexity key | pplx- | [A-Za-z0-9]{40,}$
    xai-key | xAI key | xai- xai-token- | [A-Za-z0-9]{40,}$
    cerebras-key | Cerebras key | csk- | [a-z0-9]{40,}$
    fireworks-key | Fireworks key | fw_ fpk_ | (?=[a-z]*[A-Z\d])[A-Za-z0-9]{20,}$
    together-key | Together key | tgp_v1_ | [A-Za-z0-9_-]{30,}
    nvidia-key | NVIDIA key | nvapi- | [A-Za-z0-9_-]{50,}
    elevenlabs-key | ElevenLabs key | sk_ | [a-f0-9]{48}$
    cohere-key | Cohere key | co_ | (?=[a-z]*[A-Z\d])[A-Za-z0-9]{38,}$
    pinecone-key | Pinecone key | pcsk_ | [A-Za-z0-9]{5,6}_[A-Za-z0-9]{50,70}$
    langsmith-key | LangSmith key | lsv2_pt_ lsv2_sk_ ls__ | [a-f0-9]{32}(?:_[a-f0-9]{10})?$
    langfuse-key | Langfuse secret key | sk-lf- | [0-9a-f]{8}-[0-9a-f-]{27}$
    llamaindex-key | LlamaCloud key | llx- | [A-Za-z0-9]{40,}$
    logfire-token | Logfire token | pylf_v1_ pylf_v2_ pylf_ | [a-z]{2}_[A-Za-z0-9]{40,}$
    tavily-key | Tavily key | tvly- tvly-dev- tvly-prod- | [A-Za-z0-9_-]{24,}
    firecrawl-key | Firecrawl key | fc- | [a-f0-9]{32}$
    e2b-key | E2B or Modal token | e2b_ ak- as- | (?=[a-z]*[A-Z\d])[A-Za-z0-9]{22,40}$
    runpod-key | RunPod key | rpa_ rps_ | [A-Z0-9]{38,44}[A-Za-z0-9]{0,8}$
    wandb-key | Weights & Biases key | wandb_v1_ | [A-Za-z0-9_]{40,}
    baseten-key | Baseten key | bst_ | [A-Za-z0-9]{30,}$
    voyage-key | Voyage key | pa- al- | (?=[A-Za-z_]*\d)[A-Za-z0-9_-]{40,}
    jina-key | Jina key | jina_ | [A-Za-z0-9_-]{40,}
    anyscale-key | Anyscale key | esecret_ aph0_ | [A-Za-z0-9]{24,}$
    dify-key | Dify key | app- dataset- | (?=[a-z0-9]*[A-Z])(?=[a-z]*[A-Z\d])[A-Za-z0-9]{24}$
    coze-token | Coze token | pat_ sat_ cztei_ | (?=[a-z]*[A-Z\d])[A-Za-z0-9]{60,68}$
    helicone-key | Helicone key | sk-helicone- pk-helicone- | [a-z0-9-]{20,}
    browserbase-key | Browserbase key | bb_live_ bb_test_ bb_pr_ bb_ma_ | [A-Za-z0-9_-]{20,}
    cursor-key | Cursor key | crsr_ key_ | [a-f0-9]{64}$
    apify-token | Apify token | apify_api_ apify_proxy_ | [A-Za-z0-9]{30,}$
    novita-key | Novita or Hyperbolic key | sk_novita_ nvt_ | [A-Za-z0-9_-]{24,}
    val-town-token | Val Town or Trigger.dev token | vtwn_ tr_dev_ tr_prod_ tr_stg_ tr_pat_ | [A-Za-z0-9]{20,}$
    inngest-key | Inngest key | signkey-prod- signkey-test- signkey-branch- | [a-f0-9]{32,}$
    zep-key | Zep key | z_ | [A-Za-z0-9_=-]{20,40}\.[A-Za-z0-9_=-]{30,}
    voiceflow-key | Voiceflow key | VF.DM. VF.WS. VF. | [A-Fa-f0-9]{24}\.[A-Za-z0-9]{16}$
    """
)
