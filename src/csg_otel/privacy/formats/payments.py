"""Token formats of payment, banking, trade and identity services. Data only."""

from __future__ import annotations

from typing import Final

from csg_otel.privacy.formats.shape import Inner, rows

SHAPES: Final = rows(
    r"""
    stripe-key | Stripe key, or one of its form | sk_live_ sk_test_ rk_live_ rk_test_ sk_prod_ rk_prod_ sk_org_live_ sk_org_test_ sk_sbox_ sk_dev_ sk_sandbox_ | [A-Za-z0-9_.-]{10,}
    stripe-webhook-secret | Stripe or Svix webhook secret | whsec_ | [A-Za-z0-9+/=]{24,}
    stripe-client-secret | Stripe client secret | seti_ pi_ cs_live_ cs_test_ | [A-Za-z0-9]{14,64}_secret_[A-Za-z0-9]{16,}$
    square-token | Square token | sq0atp- sq0csp- sq0idp- sq0ats- | [A-Za-z0-9_-]{22,}
    square-token | Square token | EAAA | [A-Za-z0-9_-]{60}(?![A-Za-z0-9_-])
    paypal-token | PayPal or Braintree token | access_token$production$ access_token$sandbox$ | [0-9a-z]{16}\$[0-9a-f]{32}
    paypal-token | PayPal access token | A21AA | [A-Za-z0-9_-]{80,}
    adyen-key | Adyen key | AQE | [A-Za-z0-9]{2,12}[A-Za-z0-9+/=_-]{80,}
    razorpay-key | Razorpay key | rzp_live_ rzp_test_ | [A-Za-z0-9]{14,}$
    cashfree-key | Cashfree key | cfsk_ma_prod_ cfsk_ma_test_ | [a-f0-9]{32}_[a-f0-9]{8}$
    plaid-token | Plaid token | access-sandbox- access-production- access-development- public-sandbox- public-production- link-production- link-sandbox- | [0-9a-f]{8}-[0-9a-f-]{27}$
    flutterwave-key | Flutterwave key | FLWSECK- FLWSECK_TEST- FLWPUBK- FLWPUBK_TEST- FLWSECK_TEST | [A-Za-z0-9]{12,}(?:-X)?
    chapa-key | Chapa key | CHASECK- CHASECK_TEST- CHASECK_LIVE- | [A-Za-z0-9]{20,}
    paddle-key | Lemon Squeezy or Paddle key | pdl_live_apikey_ pdl_sdbx_apikey_ pdl_ntfset_ | [A-Za-z0-9_]{20,}
    polar-token | Polar token | polar_oat_ polar_pat_ polar_whs_ polar_rst_ polar_at_u_ polar_at_o_ | [A-Za-z0-9_]{20,}
    mollie-key | Mollie key | live_ access_ | (?=[A-Za-z]*\d)[A-Za-z0-9]{30,50}$
    gocardless-token | GoCardless token | live_ sandbox_ | (?=[A-Za-z_=-]*\d)[A-Za-z0-9_=-]{40}(?![A-Za-z0-9_=-])
    klarna-key | Klarna key | klarna_live_api_ klarna_test_api_ | [A-Za-z0-9_.=-]{20,}
    xendit-key | Xendit key | xnd_production_ xnd_development_ xnd_public_production_ xnd_public_development_ | [A-Za-z0-9]{40,}$
    midtrans-key | Midtrans key | Mid-server- SB-Mid-server- | [A-Za-z0-9_-]{16,}
    omise-key | Omise key | skey_test_ skey_live_ skey_ | [a-z0-9]{17,}$
    mercadopago-token | Mercado Pago token | APP_USR- TEST- | \d{10,18}-\d{6}-[0-9a-f]{32}(?:__[A-Z_]{5}__)?-\d{6,12}
    asaas-key | Asaas key | $aact_ $aact_prod_ $aact_hmlg_ | [A-Za-z0-9:=_+/-]{40,}
    wompi-key | Wompi key | prv_prod_ prv_test_ prod_integrity_ test_integrity_ | [A-Za-z0-9]{20,}$
    coinbase-key | Coinbase or Circle key | LIVE_API_KEY: TEST_API_KEY: | [0-9a-f]{32}:[0-9a-f]{32}
    alchemy-key | Alchemy or QuickNode key | alcht_ QN_ | [A-Za-z0-9]{30,}$
    mercury-token | Mercury or Census token | secret-token: | [A-Za-z0-9_:-]{20,}
    brex-token | Brex token | bxt_ | [A-Za-z0-9]{36,}$
    teller-token | Teller token | test_tok_ token_tok_ | [a-z0-9]{16,}$
    ramp-secret | Ramp secret | ramp_sec_ ramp_id_ ramp_business_tok_ ramp_tok_ | [A-Za-z0-9]{40,}$
    shippo-token | Shippo token | shippo_live_ shippo_test_ | [a-fA-F0-9]{40}$
    easypost-key | EasyPost key | EZAK EZTK | [A-Za-z0-9]{54}$
    duffel-token | Duffel token | duffel_test_ duffel_live_ | [A-Za-z0-9_=-]{40,}
    shopify-token | Shopify token | shpat_ shpca_ shppa_ shpss_ shpua_ shptka_ shprt_ shpit_ shpce_ | [A-Za-z0-9]{32,}$
    woocommerce-key | WooCommerce key | ck_ cs_ | [a-f0-9]{40}$
    ebay-key | eBay key | PRD- SBX- | [a-f0-9]{12}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}$
    ebay-token | eBay token | v^1.1# | [A-Za-z0-9^#+/=]{60,}
    lob-key | Lob key | live_pub_ test_pub_ live_ test_ | [a-f0-9]{31,35}$
    clerk-key | WorkOS or Clerk key | sk_example_ | [A-Za-z0-9+/=]{30,}
    stytch-secret | Stytch secret | secret-live- secret-test- | [A-Za-z0-9_=-]{30,}
    persona-key | Persona key | persona_production_ persona_sandbox_ | [A-Za-z0-9_-]{30,}
    onfido-token | Onfido token | api_live. api_sandbox. api_live_us. api_live_ca. api_live_eu. | [A-Za-z0-9_-]{8,12}\.[A-Za-z0-9_-]{30,}
    sumsub-key | Sumsub token | sbx: prd: | [A-Za-z0-9]{20,}\.[A-Za-z0-9]{28,}$
    authress-key | Authress key | sc_ ext_ scauth_ authress_ | [A-Za-z0-9]{5,30}\.[A-Za-z0-9]{4,6}\.(?:[a-z]{3}[_.-])?[A-Za-z0-9_-]{10,32}\.[A-Za-z0-9+/_=-]{30,120}
    okta-token | Okta token | 00 | (?=[a-z0-9_-]*[A-Z])(?=[A-Z0-9_-]*[a-z])[A-Za-z0-9_-]{40}(?![A-Za-z0-9_-])
    descope-key | Descope key | K2 | [A-Za-z0-9]{25}:K2[A-Za-z0-9]{40,}
    zuplo-key | Zuplo or Unkey key | zpka_ unkey_ | [A-Za-z0-9_]{20,}
    bitcoin-key | Extended private key of a wallet | xprv yprv zprv tprv | [1-9A-HJ-NP-Za-km-z]{100,112}$
    nostr-key | Nostr private key | nsec1 | [02-9ac-hj-np-z]{58}$
    """
)

INNER: Final = (
    Inner(
        "facebook-token",
        "Facebook app token",
        "|",
        r"(?<!\d)\d{15,16}",
        r"(?=[A-Z0-9_-]*[a-z])[A-Za-z0-9_-]{27}(?![A-Za-z0-9_-])",
    ),
)
