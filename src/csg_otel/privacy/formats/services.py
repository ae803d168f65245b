"""Token formats of chat, mail, monitoring and business services. Data only."""

from __future__ import annotations

from typing import Final

from csg_otel.privacy.formats.shape import Inner, rows

SHAPES: Final = rows(
    r"""
    slack-token | Slack token | xoxb- xoxp- xoxa- xoxr- xoxs- xoxo- xoxe- xoxe.xoxp- xoxe.xoxb- xoxc- xoxd- xapp- xwfp- | [A-Za-z0-9%/+=-]{10,}
    slack-webhook | Slack webhook | hooks.slack.com/ hooks.slack-gov.com/ | (?:services|workflows|triggers)/[A-Za-z0-9+/_-]{20,}
    teams-webhook | Microsoft Teams or Power Automate webhook | webhook.office.com/webhookb2/ outlook.office.com/webhook/ | [A-Za-z0-9@/_-]{36,}
    discord-webhook | Discord webhook | discord.com/api/webhooks/ discordapp.com/api/webhooks/ | \d{15,22}/[A-Za-z0-9_-]{40,}
    discord-token | Discord multi-factor token | mfa. | [A-Za-z0-9_-]{80,}
    discord-token | Discord bot token | MT Mj Mz ND NT Nj Nz OD OT | [A-Za-z0-9_-]{21,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}(?![A-Za-z0-9_-])
    google-chat-webhook | Google Chat webhook | chat.googleapis.com/v1/spaces/ | [A-Za-z0-9_-]+/messages\?key=[^\s"'<>]{20,}
    zapier-webhook | Webhook of Zapier, IFTTT, Make, Pipedream, Opsgenie and others | hooks.zapier.com/hooks/catch/ maker.ifttt.com/use/ api.opsgenie.com/v1/json/ events.pagerduty.com/integration/ alert.victorops.com/integrations/generic/ hooks.airtable.com/workflows/ | [A-Za-z0-9/_-]{12,}
    make-webhook | Make webhook | hook.eu1.make.com/ hook.eu2.make.com/ hook.us1.make.com/ hook.us2.make.com/ hook.integromat.com/ | [a-z0-9]{28,40}$
    telegram-token | Telegram bot address | api.telegram.org/bot | \d{6,12}:[A-Za-z0-9_-]{30,}
    feishu-webhook | Feishu or DingTalk webhook | open.feishu.cn/open-apis/bot/v2/hook/ open.larksuite.com/open-apis/bot/v2/hook/ oapi.dingtalk.com/robot/send?access_token= | [A-Za-z0-9-]{30,}
    wecom-webhook | WeCom webhook | qyapi.weixin.qq.com/cgi-bin/webhook/send?key= | [A-Za-z0-9-]{30,}
    sentry-token | Sentry token | sntrys_ sntryu_ sntrya_ sntryi_ | [A-Za-z0-9_+/=]{40,}
    datadog-key | Datadog key | ddapp_ dda_ ddpat_ | [A-Za-z0-9]{30,}$
    newrelic-key | New Relic key | NRAK- NRJS- NRIQ- NRII- NRRA- NRAA- NRSP- NRBR- | [A-Za-z0-9_-]{19,}
    grafana-token | Grafana token | glc_ glsa_ | [A-Za-z0-9+/=_]{32,}
    grafana-token | Grafana API key | eyJrIjoi eyJuIjoi | [A-Za-z0-9+/_-]{50,}={0,3}
    pagerduty-token | PagerDuty token | pdus+_ pdeu+_ pdus_ | [A-Za-z0-9_-]{20,}
    dynatrace-token | Dynatrace token | dt0c01. dt0s01. dt0s02. dt0s03. dt0s16. dt0v01. dt0s06. dt0s08. dt0i01. dt0a01. | [A-Z0-9]{8,24}\.[A-Z0-9]{64}
    sumo-key | Sumo Logic key | sumo_ | [A-Za-z0-9]{40,}$
    honeycomb-key | Honeycomb key | hcaik_ hcalk_ hcxik_ hcxmk_ hcamk_ hcbik_ | [a-z0-9]{26}[a-z0-9]{20,}$
    axiom-token | Axiom token | xaat- xapt- | [0-9a-f]{8}-[0-9a-f-]{27}$
    rollbar-token | Rollbar or Bugsnag token | rb_ rbtok_ | [a-f0-9]{32,}$
    checkly-key | Checkly or incident.io key | cu_ sv_ inc_ | [a-f0-9]{32,}$
    rootly-key | Rootly key | rootly_ | [a-f0-9]{60,}$
    sendgrid-key | SendGrid key | SG. | [A-Za-z0-9_-]{16,24}\.[A-Za-z0-9_-]{30,}
    mailgun-key | Mailgun key | key- pubkey- | [a-f0-9]{32}$
    mandrill-key | Mandrill key | md- | (?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{22}(?![A-Za-z0-9_-])
    brevo-key | Brevo key | xkeysib- xsmtpsib- | [a-f0-9]{64}-[A-Za-z0-9]{16}$
    resend-key | Resend key | re_ | [A-Za-z0-9]{8}_[A-Za-z0-9]{16,}$
    mailersend-token | MailerSend token | mlsn. mssp. | [a-z0-9]{40,64}$
    onesignal-key | OneSignal key | os_v2_app_ os_v2_org_ | [a-z0-9]{40,}$
    twilio-key | Twilio key or account | SK AC | [0-9a-f]{32}$
    telnyx-key | Telnyx key | KEY0 | [A-F0-9]{32}_[A-Za-z0-9]{22}$
    hubspot-token | HubSpot token | pat-na1- pat-na2- pat-na3- pat-eu1- pat-ap1- | [A-Fa-f0-9]{8}-[A-Fa-f0-9-]{27}$
    salesforce-token | Salesforce session | 00D | [A-Za-z0-9]{9,15}![A-Za-z0-9._]{60,}
    salesforce-token | Salesforce refresh token | 5Aep861 | [A-Za-z0-9._]{40,}
    notion-token | Notion token | ntn_ secret_ | (?=[a-z]*[A-Z\d])[A-Za-z0-9]{43,50}$
    linear-key | Linear key | lin_api_ lin_oauth_ lin_wh_ | [A-Za-z0-9]{32,}$
    airtable-token | Airtable token | pat | [A-Za-z0-9]{14}\.[a-f0-9]{64}$
    figma-token | Figma token | figd_ figo_ figu_ figoh_ figor_ figr_ | [A-Za-z0-9_-]{30,}
    canva-token | Canva secret | cnvca | [A-Za-z0-9_-]{40,}
    asana-token | Asana token | 1/ 2/ | (?:\d{10,20}/)?\d{10,20}:[a-f0-9]{32}$
    clickup-token | ClickUp token | pk_ | \d{5,12}_[A-Z0-9]{32}$
    miro-token | Miro or Coda token | coda_ miro_ | [A-Za-z0-9_-]{32,}
    calcom-key | Cal.com key | cal_live_ cal_test_ cal_ | [a-f0-9]{32}$
    readme-key | ReadMe key | rdme_ | [a-z0-9]{70}$
    contentful-token | Contentful token | CFPAT- | [A-Za-z0-9_-]{40,}
    sanity-token | Prismic or Sanity token | sanity_ prismic_ skSANITY | [A-Za-z0-9]{40,}$
    sanity-token | Sanity token | sk | (?=[a-z]*[A-Z\d])(?=[a-z0-9]*[A-Z])[A-Za-z0-9]{80,180}$
    wix-key | Wix key | IST. | eyJ[A-Za-z0-9_.-]{40,}
    typeform-token | Typeform token | tfp_ | [A-Za-z0-9._=-]{40,}
    meilisearch-key | Meilisearch or Typesense key | ms_ typesense_ | [A-Za-z0-9]{40,}$
    mapbox-token | Mapbox or LocationIQ token | sk.eyJ pk.eyJ tk.eyJ | [A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}
    locationiq-key | LocationIQ key | pk. | [a-f0-9]{32}$
    tinybird-token | Tinybird token | p.eyJ | [A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}
    dropbox-token | Dropbox token | sl.u. sl.B sl. | [A-Za-z0-9_-]{60,}
    adobe-secret | Adobe client secret | p8e- p8- | [A-Za-z0-9_-]{32,}
    facebook-token | Facebook token | EAAC EAAB EAAG EAAM EAAE EAA | (?=[a-z]*[A-Z\d])[A-Za-z0-9]{80,}$
    instagram-token | Instagram or Threads token | IGQV IGAA THAA | [A-Za-z0-9_-]{80,}
    pinterest-token | Pinterest token | pina_ pinr_ | [A-Za-z0-9_-]{60,}
    twitter-token | X bearer token | AAAAAAAAAAAAAAAAAAAAA | [A-Za-z0-9%]{50,}
    vk-token | VK token | vk1.a. | [A-Za-z0-9_-]{60,}
    twitch-token | Twitch chat token | oauth: | [a-z0-9]{30}$
    linkedin-token | LinkedIn token | AQX AQV AQW | [A-Za-z0-9_=./+-]{80,400}
    linkedin-secret | LinkedIn client secret | WPL_AP1. WPL_AP0. | [A-Za-z0-9]{10,20}(?:\.[A-Za-z0-9+/=]{4,12})?
    dingtalk-secret | DingTalk secret | SEC | [a-f0-9]{64}$
    intercom-token | Intercom token | dG9rO | [A-Za-z0-9+/=_-]{40,}
    frame-io-token | Frame.io token | fio-u- | [A-Za-z0-9=_-]{64}
    intra42-secret | Intra42 secret | s-s4t2ud- s-s4t2af- | [a-f0-9]{64}$
    scalingo-token | Scalingo token | tk-us- tk-eu- | [A-Za-z0-9_-]{36,}
    pubnub-key | PubNub secret | sec-c- | [A-Za-z0-9+/=-]{40,}
    beamer-key | Beamer key | b_ | [A-Za-z0-9=_/-]{44}(?![A-Za-z0-9=_/-])
    keygen-token | Keygen token | keygen_ activ- prod- admi- user- | [a-f0-9]{40,64}v\d$
    settlemint-token | SettleMint token | sm_aat_ sm_pat_ sm_sat_ | [A-Za-z0-9]{16,}$
    zoho-token | Zoho token | 1000. | [a-f0-9]{32}\.[a-f0-9]{32}$
    lichess-token | Lichess token | lip_ lio_ | (?=[a-z]*[A-Z\d])[A-Za-z0-9]{16,40}$
    adafruit-key | Adafruit key | aio_ | [A-Za-z0-9]{28}$
    ubidots-token | Ubidots token | BBFF- BBUS- | [A-Za-z0-9]{30,}$
    samsara-token | Samsara token | samsara_api_ | [A-Za-z0-9]{20,}$
    workato-token | Workato token | wrkaus- wrkeu- wrkjp- wrksg- wrkau- wrkprod- | [A-Za-z0-9._-]{30,}
    feishu-token | Feishu or Lark token | t- u- | (?=[0-9a-f]*[g-z])(?=[a-z]*\d)[a-z0-9]{32,44}$
    chief-token | Chief Tools or HOP token | ctp_ ptk_ | (?=[a-z]*[A-Z\d])[A-Za-z0-9]{30,}$
    """
)

INNER: Final = (
    Inner("telegram-token", "Telegram bot token", ":AA", r"(?<!\d)\d{8,10}", r"[A-Za-z0-9_-]{32,34}(?![A-Za-z0-9_-])"),
    Inner("mailchimp-key", "Mailchimp key", "-us", r"(?<![0-9a-f])[0-9a-f]{32}", r"\d{1,2}(?![A-Za-z0-9])"),
    Inner("newrelic-key", "New Relic licence key", "NRAL", r"(?<![0-9a-f])[0-9a-f]{30,36}[fF]{4}", r"(?![A-Za-z0-9])"),
    Inner(
        "dropbox-token",
        "Dropbox token",
        "AAAAAAAAAA",
        r"(?<![A-Za-z0-9])[A-Za-z0-9]{11}",
        r"[A-Za-z0-9_=-]{43}(?![A-Za-z0-9])",
    ),
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
    Inner("algolia-key", "Algolia admin key in an address", "/admin/key/", r"[\w./-]{0,60}", r"[a-f0-9]{32}"),
)
