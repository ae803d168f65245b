"""Texts of configurations, databases, prompts and dumps: what is secret in them goes, and what only looks like it stays."""

from __future__ import annotations

import pytest

from csg_otel.privacy import Scrubber

SECRET = "".join(("hunter", "22x"))
SCRUBBER = Scrubber()

FIELDS = [
    '{"name":"DB_PASSWORD","value":"SECRET"}',
    '{"name": "DB_PASSWORD", "type": "plain", "value": "SECRET"}',
    '{"value":"SECRET","name":"DB_PASSWORD"}',
    "{'value': 'SECRET', 'a': 1, 'name': 'DB_PASSWORD'}",
    "{'name': 'DB_PASSWORD',\n 'value_from': None,\n 'value': 'SECRET'}",
    '{"name":"DB_PASSWORD","description":"the {password}, of it","value":"SECRET"}',
    '{"name":"DB_PASSWORD","meta":{"a":[1]},"value":"SECRET"}',
    '[{"name":"HOST","value":"it\'s"},{"name":"DB_PASSWORD","value":"SECRET"},{"name":"PORT","value":"80"}]',
    '{"value":"db","name":"HOST"},{"value":"SECRET","name":"DB_PASSWORD"}',
    r"{\"name\":\"DB_PASSWORD\",\"type\":\"plain\",\"value\":\"SECRET\"}",
    r'{"log": "- name: DB_PASSWORD\n  value: SECRET\n"}',
    "- name: DB_PASSWORD\n  value: SECRET",
    "env:\n- value: SECRET\n  name: DB_PASSWORD\n",
    "env:\n  - name: A\n    value: b\n  - name: DB_PASSWORD\n    type: x\n    value: 'SECRET'\n",
    '{"ParameterKey":"DbPassword","ParameterValue":"SECRET"}',
    '{"Name":"DB_PASSWORD","Type":"SecureString","Value":"SECRET"}',
    '{"key":"password","value":{"stringValue":"SECRET"}}',
    "[V1EnvVar(name='DB_PASSWORD', value='SECRET', value_from=None)]",
    'struct { name: "DB_PASSWORD", value: Some("SECRET") }',
    "map[type:x name:DB_PASSWORD value:SECRET]",
    'level=info name=DB_PASSWORD type=plain value=SECRET msg="a b"',
    '<add value="SECRET" key="ApiKey"/>',
    '{"field":"password","old":"SECRET","new":"SECRET"}',
]
"""Names and values in fields of their own."""

STATEMENTS = [
    "CREATE USER bob IDENTIFIED BY SECRET",
    "CREATE USER 'bob'@'%' IDENTIFIED WITH mysql_native_password BY 'SECRET'",
    'create user bob identified by "SECRET"',
    "ALTER USER bob IDENTIFIED BY SECRET REPLACE SECRET;",
    "CREATE DATABASE LINK x CONNECT TO bob IDENTIFIED BY SECRET USING 'db'",
    "CREATE USER bob WITH ENCRYPTED PASSWORD 'SECRET'",
    "ALTER ROLE bob WITH PASSWORD $$SECRET$$",
    "ALTER ROLE bob WITH PASSWORD $q$SECRET$q$ VALID UNTIL 'infinity'",
    "INSERT INTO users (name, password) VALUES ('ann','SECRET'), ('it''s, (b)', 'SECRET')",
    "insert into users(password,name) values ('SECRET', 'a, b')",
    "INSERT INTO `users` (`name`, `password`) VALUES ('ann', 'SECRET')",
    "INSERT INTO [dbo].[users] ([name], [password]) VALUES (N'ann', N'SECRET')",
    "REPLACE INTO users (id, api_token, at) VALUES (7, 'SECRET', now()) RETURNING id",
    "INSERT INTO users (name, password) VALUES (upper('ann'), crypt('SECRET', gen_salt('bf')))",
    r'{"sql": "INSERT INTO \"users\" (\"name\", \"password\") VALUES (\'ann\', \'SECRET\')"}',
    "PRAGMA key = 'SECRET'",
    "ATTACH DATABASE 'x.db' AS y KEY 'SECRET'",
    *["AUTH SECRET", "AUTH default SECRET", "redis: AUTH SECRET -> OK", "HELLO 3 AUTH default SECRET SETNAME x"],
    *[
        '1339518083.1 [0 127.0.0.1:60866] "AUTH" "SECRET"',
        '"AUTH" "default" "SECRET"',
        "MIGRATE h 1 k 0 5 AUTH2 bob SECRET",
    ],
    *[
        "CONFIG SET requirepass SECRET",
        "requirepass SECRET",
        "masterauth SECRET",
        "ACL SETUSER bob on >SECRET ~* +@all",
    ],
    "SMTP> AUTH PLAIN AGFubgBSECRET",
]
"""Commands of databases."""

PROMPTS = [
    *["password for bob: SECRET", "[sudo] password for bob: SECRET", "Password for 'https://bob@x.example': SECRET"],
    *["Password for user bob: SECRET", "password of bob is SECRET", "password for bob = SECRET", "pin for bob: SECRET"],
    *['setPassword("SECRET")', "user.set_password('SECRET')", 'x.withPassword("SECRET")', 'client.setApiKey("SECRET")'],
    *["set_password('bob', 'SECRET')", "HTTPBasicAuth('bob','SECRET')", "BasicAuth('bob', 'SECRET', 'utf-8')"],
    *[
        "HTTPDigestAuth('bob', 'SECRET')",
        'server.login("bob", "SECRET")',
        'UsernamePasswordCredentials("bob", "SECRET")',
    ],
    *["http -a bob:SECRET example.com", "['http', '-a', 'bob:SECRET', 'example.com']", "https --auth bob:SECRET GET x"],
    *["password changed from 'SECRET' to \"SECRET\"", 'password was set to "SECRET"'],
]
"""Prompts, calls and messages."""
DUMPS = [
    *['~ password = "SECRET" -> "SECRET"', '  ~ "db_password" = "old1" -> "SECRET" # forces replacement'],
    *['  ~ password = (sensitive value) -> "SECRET"', "password: 'SECRET' => 'SECRET'", '  + password = "SECRET"'],
    *['["password"]=> string(9) "SECRET"', '  ["password"]=>\n  string(9) "SECRET"', "[password] => SECRET"],
    *['["password":protected]=>\n  string(9) "SECRET"', '["password":"User":private]=>\n  string(9) "SECRET"'],
    *["[password:protected] => SECRET", "[password:User:private] => SECRET", 'a:1:{s:8:"password";s:9:"SECRET";}'],
    *["&#x70;assword=SECRET", "&#112;assword=SECRET", "&#112;&#97;&#115;&#115;&#119;&#111;&#114;&#100;=SECRET"],
    *["&lt;password&gt;SECRET&lt;/password&gt;", "&amp;lt;password&amp;gt;SECRET&amp;lt;/password&amp;gt;"],
    *["&quot;password&quot;:&quot;SECRET&quot;", "&#x22;password&#x22;:&#x22;SECRET&#x22;", "password&#61;SECRET"],
    *["&amp;quot;password&amp;quot;:&amp;quot;SECRET&amp;quot;", r'{"\u0070assword":"SECRET"}', "%70assword=SECRET"],
    *[r"\u003cpassword\u003eSECRET\u003c/password\u003e", "%3Cpassword%3ESECRET%3C%2Fpassword%3E"],
    *["clé_api_key=SECRET", "cléapi_key=SECRET", "schlüsselpasswort=SECRET"],
]
"""Plans and dumps of other programs, and words that entities and escapes hide."""
PLACES = [
    *["vault login SECRET", "['vault', 'login', 'SECRET']", "vault login -address=https://v:8200 SECRET"],
    *["echo SECRET | docker login -u ann --password-stdin r.example", "echo 'ann:SECRET' | sudo chpasswd"],
    *["htpasswd -b users ann SECRET", "htpasswd -cbB users ann SECRET", "['htpasswd','-b','users','ann','SECRET']"],
    *["rabbitmqctl add_user ann SECRET", "rabbitmqctl -n node change_password ann SECRET", "setx DB_PASSWORD SECRET"],
    *["ENV DB_PASSWORD SECRET", "npm config set //r.example/:_authToken SECRET", "git config add http.password SECRET"],
    *["*cmd* 'PASS SECRET'", "> PASS SECRET", "send: b'PASS SECRET\\r\\n'", "C: a1 LOGIN ann SECRET"],
    *[
        "upstream refused a1 LOGIN ann SECRET",
        "a1 LOGIN ann SECRET",
        "> b'KEHG1 LOGIN ann \"SECRET\"'",
        "SAMLResponse=SECRETSECRET",
    ],
    "1 validation error for Settings\npassword\n  Input should be valid [type=int, input_value='SECRET', input_type=str]",
    "2 validation errors\ndb.0.api_key\n  Value error, no [type=value_error, input_value=b'SECRET', input_type=bytes]",
]
"""Commands, protocols and validation errors, in which only the place says what a word is."""

TABLES = [
    *["user,password\nann,SECRET\nbob,SECRET\n", "user;password;n\r\nann;SECRET;1\r\n", "user\tpassword\nann\tSECRET"],
    *['"user","password"\n"ann, x","SECRET"', 'password,user\n"SECRET",ann', "user|password\nann|SECRET"],
    "failed: user,password\nann,SECRET",
    " name | password  \n------+-----------\n ann  | SECRET\n bob  | SECRET\n(2 rows)",
    "+------+-----------+\n| name | password  |\n+------+-----------+\n| ann  | SECRET |\n+------+-----------+",
    "| name | api_token |\n|---|---|\n| ann | SECRET |",
]
"""Tables with a header."""


@pytest.mark.parametrize("text", [*TABLES, *FIELDS, *STATEMENTS, *PROMPTS, *DUMPS, *PLACES])
def test_a_secret_goes(text: str) -> None:
    """Each form loses its secret, alone and among other lines, and a second look changes nothing."""
    for raw in (text.replace("SECRET", SECRET), f"it's 3 (of 4)\n{text.replace('SECRET', SECRET)}\ndone"):
        clean = SCRUBBER.text(raw)

        assert SECRET not in clean
        assert SCRUBBER.text(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        *['{"name":"token_count","value":"12"}', '{"name":"auth.tokens","unit":"1","value":"12"}', "value: 5"],
        *['{"name":"auth","mode":"static","value":"oidc"}', '{"name":"password_reset","to":"ann","value":"sent"}'],
        '{"name":"DB_PASSWORD","valueFrom":{"secretKeyRef":{"name":"db-credentials","key":"password"}}}',
        "- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef:\n      name: db\n- name: HOST\n  value: db7.internal",
        *['[{"name":"DB_PASSWORD"},{"value":"db7.internal"}]', '{"value":"db7.internal"},{"name":"DB_PASSWORD"}'],
        *['{"value":"abc123def","meta":{"name":"token"}}', '{"labels":{"name":"token"},"value":"abc123def"}'],
        *["name: token refresh job\nvalue: abc123def", "name=token_cache level=info\nother line value=abc123def"],
        *["- name: secret-volume\n  value: tmpfs", '{"key":"auth_method","old":"password","new":"oidc"}'],
        '{"field":"password","error":"must not be empty","value":"***"}',
        "- name: token\n  items:\n    - a\nvalue: abc123def",
    ],
)
def test_names_and_values_that_do_not_belong_together_stay(text: str) -> None:
    """Numbers, states and references under sensitive names, and values of another object, are kept."""
    assert SCRUBBER.text(text) is text


@pytest.mark.parametrize(
    "text",
    [
        *[
            "PASS src/a2.test.js",
            "> PASS tests/x2.js 12 ms",
            "USER LOGIN FAILED code 12345678",
            "at web1 LOGIN ann was done2day",
            "info: LOGIN ann done2 now",
        ],
        *["vault login failed after 3 attempts", "vault login -method=oidc role=dev", "echo done2 | tee log-stdin"],
        *[
            "git config set user.name Ann2Smith3",
            "ENV PATH /usr/bin:/bin",
            "setx HOME_2 x7y8z9w0",
            "htpasswd -c file ann",
        ],
        *["ENV TOKEN_TTL 3600seconds", "rabbitmqctl add_user ann", "rabbitmqctl list_queues name messages"],
        "name\n  Input should be valid [type=x, input_value='blue42x7', input_type=str]",
        "password\n  Field required [type=missing, input_value={'user': 'x'}, input_type=dict]",
        "password\n  Input should be a string [type=string_type, input_value=None, input_type=NoneType]",
        "token_count\n  Input should be a number [type=int, input_value='abc12345', input_type=str]",
    ],
)
def test_words_at_other_places_stay(text: str) -> None:
    """Reports of tests, commands without a password, and values of other fields are kept."""
    assert SCRUBBER.text(text) is text


@pytest.mark.parametrize(
    "text",
    [
        *[
            "AUTH failed",
            "NOAUTH Authentication required.",
            "AUTH PLAIN LOGIN CRAM-MD5",
            "AUTH TLS",
            "AUTH SCRAM-SHA-256",
        ],
        *[
            "AUTH OK",
            "AUTH: failed for user bob",
            "AUTH service2 started",
            "AUTH 2.0 flow",
            "AUTH-SERVICE listening on 80",
        ],
        *["requirepass is not set", "no requirepass configured", "masterauth not set", "ACL SETUSER bob on nopass ~*"],
        *["user identified by email", "device identified by 8a7b6c5d", "each is identified by order_id."],
        *["failed to create user identified by 8a7b6c5d", "CREATE USER app IDENTIFIED BY ?", "grant identified"],
        *["CREATE USER app IDENTIFIED EXTERNALLY", "CREATE USER app IDENTIFIED WITH auth_socket"],
        *["ALTER USER bob PASSWORD EXPIRE", "ALTER ROLE bob WITH PASSWORD $1", "CREATE TABLE u (password varchar(40))"],
        "INSERT INTO users (name, password) VALUES (?, ?)",
        "INSERT INTO users (name, password) VALUES (%(name)s, %(password)s), ($1, NULL)",
        "INSERT INTO users (name, password) VALUES ('ann', crypt($1, gen_salt('bf')))",
        "INSERT INTO tokens (id, user_id, expires) VALUES (7, 'abc123def', now())",
        "INSERT INTO users (password, name) VALUES (NULL, 'hunter22x')",
        "INSERT INTO t (name, password) SELECT name, '8a7b6c5d' FROM u",
        "SELECT name, password FROM users WHERE id IN (7, '8a7b')",
    ],
)
def test_commands_without_a_secret_stay(text: str) -> None:
    """Answers, names of methods, prose, placeholders and other columns are kept."""
    assert SCRUBBER.text(text) is text


@pytest.mark.parametrize(
    "text",
    [
        *[
            "verification code: 482913",
            "your one-time code is 482913",
            "Your verification code is: 482913",
            "OTP 482913",
        ],
        *[
            "MFA code 482913",
            "one-time passcode 482913",
            "482913 is your Acme verification code",
            "security code: 482913",
        ],
        *["G-482913 is your verification code", "OTP for login is 482913", "Your login code is 482913"],
    ],
)
def test_codes_for_a_login_go(text: str) -> None:
    """A number is secret behind the name of a code that lets someone in."""
    assert "482913" not in SCRUBBER.text(text)


@pytest.mark.parametrize(
    "text",
    [
        *["password for the user was reset", "password for user bob: required", "Password for bob: changed"],
        *["password for bob expired: 3 days ago", "no password for user: bob", "[sudo] password for bob: "],
        *["Failed password for bob: 3 attempts", "password of 8 chars: too short", "password for host: db-1.internal"],
        *[
            "code: 200",
            "status code 404812",
            "error code: 482913",
            "exit code: 137",
            "country code: 49",
            "code is 482913",
        ],
        *[
            "verification code sent to bob",
            "verification code expires in 3000 seconds",
            "OTP 300000 ms",
            "access code 4010",
        ],
        *["OTP expired after 3000 seconds", "Erlang/OTP 27 [erts-15.1]", "GPIO pin 4829", "login code 1045"],
        *["set_password(password)", "setPassword(user.getPassword())", 'set_password("")', 'setToken("cancel")'],
        *[
            "get_secret('db-credentials')",
            "getPassword('db')",
            "set_token_count('1234')",
            "set_cookie('lang', 'de-DE2')",
        ],
        *["HTTPBasicAuth(user, password)", "HTTPBasicAuth('bob', password)", "login('bob', 'admin')"],
        *["http --auth-type basic", "https -A bearer", "http -v example.com:8080"],
        *["~ password = (sensitive value)", "~ password = (known after apply)", '~ type = "t3.micro" -> "t3.large"'],
        *['  ~ secret_name = "a-1" -> "b-2"', "password: required -> optional", '["count"]=> string(1) "2"'],
        *['["password"]=>\n  string(0) ""', 'a:1:{s:5:"token";N;}', '{s:4:"name";s:9:"orders22x";}'],
        *["&lt;b&gt;orders22x&lt;/b&gt;", "&#x41;bc=orders22x", "a &amp; b", "%41bc=orders22x", "&#39;token&#39;"],
        "Tom &amp; Jerry: password &lt;required&gt;",
    ],
)
def test_what_only_looks_like_a_prompt_a_call_or_a_dump_stays(text: str) -> None:
    """States, other codes, variables, getters and planned values are kept."""
    assert SCRUBBER.text(text) is text


def test_arguments_in_bytes_lose_their_passwords() -> None:
    """A list of bytes is looked at as one of texts, and stays one of bytes."""
    assert SCRUBBER.value("note", [b"mysql", b"-p" + SECRET.encode()]) == [b"mysql", b"-p[redacted:key]"]
    assert SCRUBBER.value("note", [b"curl", b"-u", b"ann:" + SECRET.encode()]) == [
        b"curl",
        b"-u",
        b"ann:[redacted:key]",
    ]
    assert SCRUBBER.value("note", [b"app", b"--password", SECRET.encode()]) == [
        b"app",
        b"--password",
        b"[redacted:key]",
    ]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("phone: 0170 1234567, x", "phone: [redacted:phone], x"),
        ("Mobile Phone: 0228/12 34 56", "Mobile Phone: [redacted:phone]"),
        ('{"telefon": "0170 1234567"}', '{"telefon": "[redacted:phone]"}'),
        ("phone number: (0228) 123456 called", "phone number: [redacted:phone] called"),
        ("geburtsdatum: 12.03.1981", "geburtsdatum: [redacted:birth-date]"),
        ("date of birth: 1981-03-12", "date of birth: [redacted:birth-date]"),
        ("dob=12 March 1981 ok", "dob=[redacted:birth-date] ok"),
        ("account number: 12345678", "account number: [redacted:identity-number]"),
        ("zip code: 53111", "zip code: [redacted:postal-address]"),
        ("postcode: SW1A 1AA", "postcode: [redacted:postal-address]"),
        ("street: Main Street 12, Bonn", "street: [redacted:postal-address], Bonn"),
        ("nachname=Meier", "nachname=[redacted:person-name]"),
        ("{name:phone, value:01701234567}", "{name:phone, value:[redacted:phone]}"),
        (
            "INSERT INTO t (id, phone) VALUES (7, '0170 1234567')",
            "INSERT INTO t (id, phone) VALUES (7, '[redacted:phone]')",
        ),
    ],
)
def test_personal_data_behind_a_key_or_a_label_goes(text: str, clean: str) -> None:
    """The whole value goes, also where it has spaces in it, and nothing else."""
    assert SCRUBBER.text(text) == clean
    assert SCRUBBER.text(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        *["phone: 3 calls", "phone: unknown", "phone: v1.2.3456789", "phone: 2026-11-27 08:25:34", "mobile: 1280x720"],
        *["mobile: 2026-11-27T08:25:34Z", "mobile: 0.7512345", "phone: 00:03:20 on hold", "fax: 1234567 bytes"],
        *["zip: 12 files", "zip: 3.0", "zip: 4.2 MB compressed", "birthday: 12 jobs", "dob: invalid", "street: 5"],
        *[
            "address: 10.0.0.1:8080",
            "address: 0x7ffd5e8a3c10",
            "tel: 1.2.3.4567",
            "order number: 12345678",
            "handy: 12",
        ],
        *["code: 12345678", "line number: 12345678", "telemetry: 12345678", "hotel=12345678", "part no: 12345678"],
    ],
)
def test_what_has_not_the_form_of_personal_data_stays(text: str) -> None:
    """Counts, times, versions and addresses of machines under such keys are kept."""
    assert SCRUBBER.text(text) is text


@pytest.mark.parametrize(
    "text",
    [
        *["user,password\nretrying, failed", "a,token,b\n1,2,3", "token,count\nabc123def", "token_count,n\n12x34,5"],
        *["a user,password\nann,hunter22x", "user,password\nann,hunter22x,7", "token,secret\n(none found),x1"],
        *[
            "key,session\nready,open",
            " name | password\n------+----------\n ann  | NULL\n",
            "user,password\nuser,password",
        ],
    ],
)
def test_lines_with_commas_that_are_no_table_stay(text: str) -> None:
    """Rows of another width, prose, counts and empty cells are kept."""
    assert SCRUBBER.text(text) is text
