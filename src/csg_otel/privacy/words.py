"""The words of sensitive keys, and the words after which a key is harmless. Data only; `keys` applies them."""

from __future__ import annotations

from typing import Final

from csg_otel.privacy.separate import separate

ALWAYS: Final = frozenset(
    separate(
        """
    password passwords passwd pwd pswd psw passw pword passphrase passphrases passcode passcodes passkey contraseña
    contrasena senha passwort kennwort motdepasse wachtwoord salasana parola hasło haslo пароль 密码 パスワード heslo
    lösenord losenord passord adgangskode jelszó jelszo lozinka geslo slaptažodis şifre sifre palavrapasse
    """
    )
)
"""Words whose value is redacted unless it is a word such as ``none``, a number of fewer than 4 digits, or a placeholder."""

FOREIGN: Final = separate(
    "密码 密碼 口令 パスワード 暗証番号 비밀번호 пароль κωδικός סיסמה รหัสผ่าน contraseña hasło şifre"
)
"""Parts of words that mean a password where words are not separated."""

DIGIT_CODES: Final = frozenset(
    f"{word} code" for word in separate("security verification auth time backup recovery pass sms")
)
"""Pairs of words whose value may be a number and is redacted nonetheless."""

DIGITS: Final = frozenset(
    separate(
        """
    pin otp totp mfa cvv cvc cvv2 cvc2 csc ssn pincode passcode password passwd pwd pan
    """
    )
)
"""Words whose value may be a number and is redacted nonetheless, from 3 digits on."""

STRONG: Final = frozenset(
    separate(
        """
    secret secrets token tokens apikey apikeys authorization authorisation authentication bearer credential credentials
    creds cred cookie cookies jwt jwts jws jwe otp totp mfa pin cvv cvc cvv2 cvc2 csc ssn dsn csrf xsrf csrftoken
    xsrftoken sas psk bearertoken jsessionid phpsessid sessionid sessid sessionkey sessionkeys aspsessionid
    connectionstring connstr connstring privatekey secretkey accesskey signingkey encryptionkey masterkey pincode
    seedphrase mnemonic keytab htpasswd pgpass netrc authtoken accesstoken refreshtoken idtoken webhookurl saspassword
    sastoken clientsecret pkcs12 pfx auth sshkey apitoken secretaccesskey accountkey sharedaccesskey sharedkey
    """
    )
)
"""Words whose value is redacted unless it is a number, a boolean or a short word."""

PHRASES: Final = tuple(
    tuple(phrase.split())
    for phrase in """
    api key|api keys|access key|access keys|private key|private keys|signing key|signing keys|secret key|encryption key|decryption key
    session id|session ids|session key|session cookie|connection string|connection strings|connection uri|conn str|conn string
    webhook url|webhook uri|hook url|webhook endpoint|master key|account key|shared key|shared access signature|license key|licence key|auth key
    service key|ssh key|deploy key|storage key|security code|verification code|auth code|authorization code|backup code|backup codes
    recovery code|recovery codes|recovery phrase|seed phrase|one time code|social security|social security number|pass word|pass phrase|pass code
    mot de passe|pass wd|set cookie|client key|admin key|root key|app key|application key|integration key|publish key|subscription key
    data key|hmac key|jwk key|rsa key|wrapping key|unseal key|unseal keys|signature key|cipher key|aes key|server key|database url|db url
    redis url|mongo url|mongodb uri|mongo uri|amqp url|broker url|celery broker url|jdbc url|user pass|db pass|database pass|smtp pass|ftp pass
    mysql pass|admin pass|root pass|login pass|mail pass|ldap pass|proxy pass|account pass|email pass|my pass|key pass|store pass|connect sid
    session secret|magic link|reset link|pass key|card pin|card cvv|card cvc|security answer|x amz signature|x amz credential|x goog signature
    snmp community|fernet key|sess id|saml assertion|saml response|client assertion|activation key|auth header|authorization header|functions key
    function key|code verifier|device code|stream key|rtmp key|webhook key|bot key|developer key|dev key|partner key|merchant key
    crypt key|crypto key|pgp key|gpg key|ssl key|tls key|cert key|certificate key|jwt key|cookie key|maps key|google key|openai key
    anthropic key|stripe key|sendgrid key|twilio key|datadog key|newrelic key|aws key|azure key|gcp key|github key|slack key|cosmos key
    system key|captcha key|recaptcha key|vapid key|firebase key|fcm key|account secret|otp seed|totp seed|otp uri|totp uri|otpauth uri
    key material|auth value|auth string|auth data|auth pass|auth hash|wifi key|network key|wpa key|pre shared key|preshared key
    serial key|product key|cd key|sign key|salt key|token key|login token|pass token|pin block|track data|magnetic stripe
    api secret|consumer key|instrumentation key|write key|ingest key|ingestion key|org key|project key|vault key|transit key|sas url|sas uri
    """.replace("\n", "|").split("|")
    if phrase.strip()
)
"""Words that are sensitive next to each other."""

URLS: Final = frozenset(
    phrase
    for phrase in PHRASES
    if phrase[-1] in ("url", "uri") and "webhook" not in phrase and "hook" not in phrase and "sas" not in phrase
)
"""Phrases of addresses, which are read as text: only their credentials go."""

BENIGN_AFTER: Final = frozenset(
    separate(
        """
    count counts counter type types kind name names status state duration durations total totals length len size sizes
    limit limits age expiry expires expire expired expiration exp ttl enabled disabled enable disable policy policies
    engine engines path paths file files filename folder dir directory version versions arn url uri urls endpoint host
    hostname port method methods mode provider providers issuer audience scope scopes format algorithm alg algo
    algorithms strength required optional present valid validity invalid is has rate ratio usage used remaining budget
    index position offset created updated rotated at time timestamp date since until days hours minutes seconds ms s ns
    us bytes chars characters min max avg mean sum p50 p95 p99 quantile bucket buckets cached cost price attempts
    attempt retries retry failures failure failed errors error success reset resets strategy source store storage
    backend manager ref reference refs exists missing set unset rotation rule rules validation validator validated
    verified check checks changed change changes hint label labels description desc title domain samesite secure
    httponly parser parse prefix suffix class module function event events action operation op level service server
    region zone namespace project stage quota throughput per location field fields column header headers param parameter
    parameters env config configuration setting settings option options less fingerprint thumbprint family group groups
    role roles owner bits curve schema table requests responses flow grant exchange issued reuse lifetime consent banner
    warning message reason managers scanning scan scanner leak leaks detector detection tracker tracking metadata
    latency identity match matches logprob logprobs scheme kid stdin driver dialect kind level reason outcome result step
    stage phase window interval period delay timeout timeouts deadline threshold percent percentage score weight
    priority order queue topic tag tags checksum iterations rounds template docs doc locale lang language ids bias
    callback handler listener factory provider_name interceptor middleware decorator resolver encoder decoder helper util
    utils test tests spec doc comment subject issuers principal tenant cluster country vendor brand tier plan quality entropy history lock locks locked
    lockout unlock visible visibility supported support requests denied allowed granted valid_until
    """
    )
)
"""Words after which a key holds no secret: ``token.count``, ``secret_name``, ``cookie.enabled``."""

COUNTED_TOKENS: Final = frozenset(
    separate(
        """
    input output prompt completion total max min num number n avg average mean used usage cached cache reasoning
    thinking audio image text video context new generated remaining per request response budget llm model ai prediction
    accepted rejected estimated sampled read creation write consumed available bucket of candidates thoughts tool count
    """
    )
)
"""Words before ``tokens`` that make it a count."""

ACTIONS: Final = frozenset(separate("reset change forgot verify check validate update rotate set_up show hide"))
"""Words before a sensitive one that make it an action, whose value is a state: ``reset_password=requested``."""

PAGES: Final = frozenset(
    separate(
        """
    eos bos pad unk stop special sep mask cls page next previous prev continuation pagination cursor sync resume paging
    cancellation cancel syntax lexer parser
    """
    )
)
"""Words before ``token`` that make it a place in a list or a part of a text."""

BENIGN_BEFORE: Final = frozenset(
    separate(
        """
    no has is requires require needs use uses missing invalid expired without public
    """
    )
)
"""Words before a sensitive one that make it a statement: ``has_password``, ``public_key``."""

GLUED: Final = separate(
    """
    password passwd passphrase passcode pwd secret token apikey secretkey accesskey privatekey signingkey encryptionkey
    masterkey accountkey sessionid sessid sessionkey credential cookie connectionstring connstr connstring authorization
    csrf xsrf jwt cvv passwort webhookurl userpass dbpass mysqlpass adminpass rootpass ftppass smtppass keypass
    storepass loginpass userpin cardpin authkey sharedkey appkey sshkey licensekey clientkey hmackey deploykey
    """
)
"""Sensitive words that stand at the end of a longer one: ``dbpassword``, ``stripeapikey``."""

SHORT_WORDS: Final = frozenset(
    separate(
        """
    none null nil true false yes no on off ok enabled disabled enable disable required optional set unset missing empty
    invalid valid expired active inactive revoked rotated changed unchanged hidden masked redacted filtered default
    unknown undefined n/a na any all present absent provided bearer basic digest negotiate ntlm oauth oauth2 oidc saml
    ldap kerberos jwt token tokens password passwd secret secrets cookie cookies session apikey api_key api-key key keys
    auth header query body env file vault aws gcp azure kubernetes k8s static dynamic managed anonymous public private
    internal external user users string str int integer bytes bool text prompt reset success failure failed error denied
    ok. pending created deleted updated accepted rejected verified unverified mfa totp sms email push webauthn passkey
    hs256 rs256 es256 lax strict sha256 opaque refresh access id csrf strong weak medium mismatch object array number
    boolean varchar name value configured not must should cannot may is was are has the and for from with wrong incorrect
    amd64 arm64 armhf i386 x86_64 aarch64
    """
    )
)
"""Values that are words of a configuration, not secrets."""
