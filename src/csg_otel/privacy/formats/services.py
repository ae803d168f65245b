"""Token formats of chat, payment, mail, monitoring and business services. Data only."""

from __future__ import annotations

from typing import Final

from csg_otel.privacy.formats.shape import Inner, rows

SHAPES: Final = rows(
    r"""
    slack-token | Slack token | xoxb- xoxp- xoxa- xoxr- xoxs- xoxo- xoxe- xoxe.xoxp- xoxe.xoxb- xoxc- xoxd- xapp- | [A-Za-z0-9%/+=-]{10,}
    slack-webhook | Slack webhook | hooks.slack.com/ hooks.slack-gov.com/ | (?:services|workflows|triggers)/[A-Za-z0-9+/_-]{20,}
    teams-webhook | Microsoft Teams or Power Automate webhook | webhook.office.com/webhookb2/ outlook.office.com/webhook/ | [A-Za-z0-9@/_-]{36,}
    discord-webhook | Discord webhook | discord.com/api/webhooks/ discordapp.com/api/webhooks/ | \d{15,22}/[A-Za-z0-9_-]{40,}
    discord-token | Discord multi-factor token | mfa. | [A-Za-z0-9_-]{80,}
    discord-token | Discord bot token | MT Mj Mz ND NT Nj Nz OD OT | [A-Za-z0-9_-]{21,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}(?![A-Za-z0-9_-])
    google-chat-webhook | Google Chat webhook | chat.googleapis.com/v1/spaces/ | [A-Za-z0-9_-]+/messages\?key=[^\s"'<>]{20,}
    zapier-webhook | Zapier or IFTTT webhook | hooks.zapier.com/hooks/catch/ maker.ifttt.com/use/ | [A-Za-z0-9/_-]{12,}
    telegram-token | Telegram bot address | api.telegram.org/bot | \d{6,12}:[A-Za-z0-9_-]{30,}
    mattermost-webhook | Feishu or DingTalk webhook | open.feishu.cn/open-apis/bot/v2/hook/ oapi.dingtalk.com/robot/send?access_token= | [A-Za-z0-9-]{30,}
    wecom-webhook | WeCom webhook | qyapi.weixin.qq.com/cgi-bin/webhook/send?key= | [A-Za-z0-9-]{30,}
    stripe-key | Stripe key | sk_live_ sk_test_ rk_live_ rk_test_ sk_prod_ rk_prod_ | [A-Za-z0-9]{10,}$
    stripe-webhook-secret | Stripe or Svix webhook secret | whsec_ | [A-Za-z0-9+/=]{24,}
    stripe-publishable | Stripe client secret | seti_ pi_ | [A-Za-z0-9]{14,30}_secret_[A-Za-z0-9]{16,}$
    square-token | Square token | sq0atp- sq0csp- sq0idp- sq0ats- | [A-Za-z0-9_-]{22,}
    square-token | Square token | EAAA | [A-Za-z0-9_-]{60}(?![A-Za-z0-9_-])
    braintree-token | PayPal or Braintree token | access_token$production$ access_token$sandbox$ | [0-9a-z]{16}\$[0-9a-f]{32}
    adyen-key | Adyen key | AQE | [A-Za-z0-9]{2,12}[A-Za-z0-9+/=_-]{80,}
    razorpay-key | Razorpay key | rzp_live_ rzp_test_ | [A-Za-z0-9]{14,}$
    plaid-token | Plaid token | access-sandbox- access-production- access-development- public-sandbox- | [0-9a-f]{8}-[0-9a-f-]{27}$
    flutterwave-key | Flutterwave key | FLWSECK- FLWSECK_TEST- FLWPUBK- FLWPUBK_TEST- FLWSECK_TEST | [A-Za-z0-9]{12,}(?:-X)?
    paystack-key | Lemon Squeezy or Paddle key | pdl_live_apikey_ pdl_sdbx_apikey_ pdl_ntfset_ | [A-Za-z0-9_]{20,}
    mollie-key | Mollie key | live_ test_ access_ | (?=[A-Za-z]*\d)[A-Za-z0-9]{30,50}$
    gocardless-token | GoCardless token | live_ sandbox_ | [A-Za-z0-9_=-]{40}(?![A-Za-z0-9_=-])
    coinbase-key | Coinbase or Circle key | LIVE_API_KEY: TEST_API_KEY: | [0-9a-f]{32}:[0-9a-f]{32}
    shippo-token | Shippo token | shippo_live_ shippo_test_ | [a-fA-F0-9]{40}$
    easypost-key | EasyPost key | EZAK EZTK | [A-Za-z0-9]{54}$
    duffel-token | Duffel token | duffel_test_ duffel_live_ | [A-Za-z0-9_=-]{43}
    shopify-token | Shopify token | shpat_ shpca_ shppa_ shpss_ shpua_ shptka_ shprt_ | [A-Fa-f0-9]{32,}$
    sentry-token | Sentry token | sntrys_ sntryu_ sntrya_ sntryi_ | [A-Za-z0-9_+/=]{40,}
    datadog-key | Datadog application key | ddapp_ dda_ ddpat_ | [A-Za-z0-9]{30,}$
    newrelic-key | New Relic key | NRAK- NRJS- NRIQ- NRII- NRRA- NRAA- NRSP- NRBR- | [A-Za-z0-9_-]{19,}
    grafana-token | Grafana token | glc_ glsa_ | [A-Za-z0-9+/=_]{32,}
    pagerduty-token | PagerDuty token | pdus+_ pdeu+_ pdus_ | [A-Za-z0-9_-]{20,}
    dynatrace-token | Dynatrace token | dt0c01. dt0s01. dt0s02. dt0s16. dt0v01. dt0s06. dt0s08. | [A-Z0-9]{8,24}\.[A-Z0-9]{64}
    sumo-key | Sumo Logic or Better Stack key | sumo_ bst_ | [A-Za-z0-9]{40,}$
    honeycomb-key | Honeycomb key | hcaik_ hcalk_ hcxik_ hcxmk_ hcamk_ hcbik_ | [a-z0-9]{26}[a-z0-9]{20,}$
    axiom-token | Axiom token | xaat- xapt- | [0-9a-f]{8}-[0-9a-f-]{27}$
    lightstep-token | Rollbar or Bugsnag token | rb_ rbtok_ | [a-f0-9]{32,}$
    sendgrid-key | SendGrid key | SG. | [A-Za-z0-9_-]{16,24}\.[A-Za-z0-9_-]{30,}
    mailgun-key | Mailgun key | key- | [a-f0-9]{32}$
    mailgun-key | Mailgun public key | pubkey- | [a-f0-9]{32}$
    brevo-key | Brevo key | xkeysib- xsmtpsib- | [a-f0-9]{64}-[A-Za-z0-9]{16}$
    resend-key | Resend key | re_ | [A-Za-z0-9]{8}_[A-Za-z0-9]{16,}$
    mailersend-token | MailerSend token | mlsn. mssp. | [a-z0-9]{40,64}$
    twilio-key | Twilio key or account | SK AC | [0-9a-f]{32}$
    hubspot-token | HubSpot token | pat-na1- pat-na2- pat-na3- pat-eu1- pat-ap1- | [A-Fa-f0-9]{8}-[A-Fa-f0-9-]{27}$
    salesforce-token | Salesforce session | 00D | [A-Za-z0-9]{9,15}![A-Za-z0-9._]{60,}
    notion-token | Notion token | ntn_ secret_ | (?=[A-Za-z]*\d)[A-Za-z0-9]{43,50}$
    linear-key | Linear key | lin_api_ lin_oauth_ | [A-Za-z0-9]{32,}$
    airtable-token | Airtable token | pat | [A-Za-z0-9]{14}\.[a-f0-9]{64}$
    figma-token | Figma token | figd_ figo_ figu_ figoh_ | [A-Za-z0-9_-]{30,}
    asana-token | Asana token | 0/ 1/ 2/ | (?:\d{10,20}/\d{10,20}:[a-f0-9]{32}|[a-f0-9]{32})$
    clickup-token | ClickUp token | pk_ | \d{5,12}_[A-Z0-9]{32}$
    monday-token | Miro or Coda token | coda_ miro_ | [A-Za-z0-9_-]{32,}
    postman-key | Postman key | PMAK- PMAT- | [A-Za-z0-9]{20,}(?:-[a-f0-9]{20,})?
    readme-key | ReadMe key | rdme_ | [a-z0-9]{70}$
    okta-token | Okta token | 00 | [A-Za-z0-9_-]{40}(?![A-Za-z0-9_-])
    contentful-token | Contentful token | CFPAT- | [A-Za-z0-9_-]{40,}
    sanity-token | Prismic or Sanity token | sanity_ prismic_ skSANITY | [A-Za-z0-9]{40,}$
    storyblok-token | Typeform token | tfp_ | [A-Za-z0-9._=-]{40,}
    algolia-key | Meilisearch or Typesense key | ms_ typesense_ | [A-Za-z0-9]{40,}$
    mapbox-token | Mapbox token | sk.eyJ pk.eyJ tk.eyJ | [A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}
    dropbox-token | Dropbox token | sl.u. sl. | [A-Za-z0-9_-]{60,}
    facebook-token | Facebook token | EAAC EAAB EAAG EAAM EAAE EAA | (?=[A-Za-z]*\d)[A-Za-z0-9]{80,}$
    instagram-token | Instagram token | IGQV IGAA | [A-Za-z0-9_-]{80,}
    twitter-token | X bearer token | AAAAAAAAAAAAAAAAAAAAA | [A-Za-z0-9%]{50,}
    twitch-token | Twitch chat token | oauth: | [a-z0-9]{30}$
    linkedin-token | LinkedIn secret | WPL_AP0. WPL_AP1. AQX AQV AQW | [A-Za-z0-9_=./+-]{80,400}
    linkedin-secret | LinkedIn client secret | WPL_AP1. WPL_AP0. | [A-Za-z0-9]{10,20}(?:\.[A-Za-z0-9+/=]{4,12})?
    intercom-token | Intercom token | dG9rO | [A-Za-z0-9+/=_-]{40,}
    frame-io-token | Frame.io token | fio-u- | [A-Za-z0-9=_-]{64}
    intra42-secret | Intra42 secret | s-s4t2ud- s-s4t2af- | [a-f0-9]{64}$
    pendo-token | Scalingo or Prefect token | tk-us- pnu_ pnb_ | [A-Za-z0-9_-]{36,}
    fastly-token | Ably or PubNub secret | sec-c- | [A-Za-z0-9+/=-]{40,}
    lob-key | Lob key | live_pub_ test_pub_ live_ test_ | [a-f0-9]{31,35}$
    clerk-key | WorkOS or Clerk key | sk_live_ sk_test_ sk_example_ | [A-Za-z0-9+/=]{30,}
    bitwarden-token | Persona or Checkr key | persona_production_ persona_sandbox_ | [A-Za-z0-9_-]{30,}
    sidekiq-secret | Zuplo or Unkey key | zpka_ unkey_ | [A-Za-z0-9_]{20,}
    zendesk-token | Beamer or Frontegg token | b_ | [A-Za-z0-9=_/-]{44}(?![A-Za-z0-9=_/-])
    duo-key | Keygen or Tines token | keygen_ activ- prod- | [a-f0-9]{40,64}(?:v3)?$
    rapidapi-key | SettleMint token | sm_aat_ sm_pat_ sm_sat_ | [A-Za-z0-9]{16,}$
    cursor-key | Cursor or Windsurf key | crsr_ key_ | [a-f0-9]{64}$
    apify-token | Apify token | apify_api_ | [A-Za-z0-9]{36,}$
    val-token | Val Town or Trigger.dev token | vtwn_ tr_dev_ tr_prod_ tr_pat_ | [A-Za-z0-9]{20,}$
    wise-token | Deel or Ramp secret | ramp_sec_ ramp_id_ | [A-Za-z0-9]{40,}$
    """
)

INNER: Final = (
    Inner("telegram-token", "Telegram bot token", ":AA", r"(?<!\d)\d{8,10}", r"[A-Za-z0-9_-]{32,34}(?![A-Za-z0-9_-])"),
    Inner("mailchimp-key", "Mailchimp key", "-us", r"(?<![0-9a-f])[0-9a-f]{32}", r"\d{1,2}(?![A-Za-z0-9])"),
    Inner(
        "slack-legacy-token", "Slack legacy workspace token", "TOKEN_xox", r"[A-Z_]{0,20}", r"[a-z]-[A-Za-z0-9-]{10,}"
    ),
    Inner(
        "microsoft-webhook",
        "Power Automate address",
        ".logic.azure.com",
        r"[a-z0-9.-]{2,40}",
        r"[^\s\"'<>]{0,512}sig=[A-Za-z0-9_%-]{20,}",
    ),
    Inner(
        "intercom-key",
        "SonarCloud or Algolia admin key in an address",
        "/admin/key/",
        r"[\w./-]{0,60}",
        r"[a-f0-9]{32}",
    ),
)
