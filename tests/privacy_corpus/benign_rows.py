"""Harmless telemetry as programs send it: attributes of the semantic conventions with real values, one a line, and log lines."""

from __future__ import annotations

from typing import Final

ATTRIBUTES: Final = r"""
http.request.method = PATCH
http.request.method_original = propfind
http.response.status_code = 503
http.route = /api/v2/customers/{customer_id}/orders
http.route = /auth/token
http.route = /users/:id/password/reset
http.request.body.size = 48213
http.response.body.size = 1048576
http.request.resend_count = 2
http.request.header.content_type = application/json; charset=utf-8
http.request.header.accept = text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8
http.request.header.accept_encoding = gzip, deflate, br, zstd
http.request.header.accept_language = de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7
http.request.header.cache_control = no-cache, no-store, must-revalidate
http.request.header.if_none_match = W/"33a64df551425fcc55e4d42a148795d9f25f89d4"
http.request.header.traceparent = 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
http.request.header.tracestate = congo=t61rcWkgMzE,rojo=00f067aa0ba902b7
http.request.header.x_request_id = 7b1f9c1e-2d0e-4b0c-9a3f-6d3f2a1c5e77
http.request.header.x_forwarded_proto = https
http.response.header.etag = "5f3c1d2e-1a2b3"
http.response.header.last_modified = Fri, 27 Nov 2026 08:12:31 GMT
http.response.header.server = nginx/1.27.3
http.response.header.strict_transport_security = max-age=63072000; includeSubDomains; preload
http.response.header.www_authenticate = Bearer realm="api", error="invalid_token"
http.response.header.content_security_policy = default-src 'none'; script-src 'self'; connect-src 'self'
http.response.header.vary = Accept-Encoding, Origin, Cookie
url.full = https://shop.example.com/products/4711?color=red&size=xl&page=2
url.full = https://api.example.com/v1/orders?status=open&sort=-created_at&limit=50
url.full = https://cdn.example.com/assets/app.3f2c9b7e.js?v=2.14.0
url.full = http://127.0.0.1:8080/healthz
url.full = https://login.example.com/realms/acme/protocol/openid-connect/token
url.full = https://docs.example.com/guide/token-bucket#password-policy
url.path = /api/v1/sessions/current
url.path = /static/js/vendors~main.b91c2d4e.chunk.js
url.query = q=observability+pipelines&lang=en&from=0
url.query = page=3&per_page=100&order=desc
url.scheme = https
url.domain = example.co.uk
url.fragment = section-4.2
server.address = orders-db.internal.example.com
server.address = 10.42.7.19
server.port = 5432
client.address = 192.168.178.23
client.address = fd12:3456:789a:1::7
client.port = 51234
network.peer.address = 172.16.254.3
network.peer.port = 443
network.local.address = 127.0.0.1
network.local.address = ::1
network.protocol.name = http
network.protocol.version = 1.1
network.transport = tcp
network.type = ipv6
network.connection.type = wifi
network.carrier.name = Example Mobile
network.interface.name = eth0
network.io.direction = transmit
destination.address = 10.0.0.255
source.address = 169.254.10.20
user_agent.original = Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36
user_agent.original = Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1
user_agent.original = Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0
user_agent.original = Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.6723.117 Safari/537.36 Edg/130.0.2849.80
user_agent.original = kube-probe/1.31
user_agent.original = Prometheus/3.1.0
user_agent.original = curl/8.11.0
user_agent.original = python-requests/2.32.3
user_agent.original = aws-sdk-go-v2/1.32.4 os/linux lang/go#1.23.3 md/GOOS#linux md/GOARCH#arm64 api/s3#1.66.3
user_agent.original = grpc-python/1.68.0 grpc-c/45.0.0 (linux; chttp2)
user_agent.original = Googlebot/2.1 (+http://www.google.com/bot.html)
user_agent.name = Safari
user_agent.version = 14.1.2
user_agent.os.version = 10.15.7
db.system.name = postgresql
db.namespace = shop|public
db.collection.name = customer_orders
db.operation.name = findAndModify
db.operation.batch.size = 50
db.response.status_code = 08P01
db.response.returned_rows = 812
db.query.summary = SELECT orders JOIN customers
db.query.text = SELECT id, name, status FROM orders WHERE customer_id = $1 AND created_at > $2 ORDER BY id LIMIT 50
db.query.text = INSERT INTO audit_log (actor_id, action, at) VALUES (?, ?, ?)
db.query.text = UPDATE sessions SET last_seen = now() WHERE id = %(id)s
db.query.text = SELECT password_hash, salt FROM users WHERE email = ?
db.query.text = DELETE FROM tokens WHERE expires_at < now() - interval '30 days'
db.query.text = CREATE TABLE api_keys (id uuid PRIMARY KEY, token_hash bytea NOT NULL, created timestamptz)
db.query.text = SELECT count(*) FROM secrets WHERE secret_type = 'tls' AND status = 'active'
db.query.text = WITH recent AS (SELECT * FROM events WHERE ts > '2026-11-27 08:00:00+00') SELECT kind, count(*) FROM recent GROUP BY kind
db.query.text = HGETALL user:4711:cart
db.query.text = SET lock:orders:17 ? NX PX 30000
db.query.text = db.orders.find({"status": "open", "total": {"$gt": 100}}).limit(20)
db.query.parameter.0 = 42
db.client.connection.pool.name = orders-rw
db.client.connection.state = idle
db.stored_procedure.name = refresh_totals
db.elasticsearch.node.name = instance-0000000001
db.cosmosdb.consistency_level = BoundedStaleness
cassandra.consistency.level = local_quorum
messaging.system = kafka
messaging.destination.name = orders.created.v2
messaging.destination.partition.id = 11
messaging.destination.template = /customers/{customerId}
messaging.operation.name = ack
messaging.operation.type = process
messaging.message.id = 452a7c7c7c7048c2f887f61572b18fc2
messaging.message.conversation_id = MyConversationId
messaging.message.body.size = 2738
messaging.batch.message_count = 100
messaging.client.id = orders-consumer-5d8c7f9b4-x2k7q
messaging.consumer.group.name = billing-v3
messaging.kafka.offset = 928371
messaging.kafka.message.tombstone = true
messaging.rabbitmq.message.delivery_tag = 123
messaging.rocketmq.message.tag = tagA
messaging.servicebus.message.delivery_count = 2
messaging.eventhubs.message.enqueued_time = 1732694400
messaging.gcp_pubsub.message.ordering_key = ordering-key-eu
rpc.system = grpc
rpc.service = opentelemetry.proto.collector.trace.v1.TraceService
rpc.method = Export
rpc.grpc.status_code = 14
rpc.jsonrpc.request_id = 10
rpc.jsonrpc.version = 2.0
rpc.connect_rpc.error_code = unavailable
rpc.message.type = SENT
k8s.cluster.name = prod-eu-central-1
k8s.cluster.uid = 218fc5a9-a5f1-4b54-aa05-46717d0ab26d
k8s.namespace.name = payments
k8s.node.name = ip-10-42-7-19.eu-central-1.compute.internal
k8s.node.uid = 1eb3a0c6-0477-4080-a9cb-0cb7db65c6a2
k8s.pod.name = orders-api-7c9d8b6f5d-qx4zj
k8s.pod.uid = 275ecb36-5aa8-4c2a-9c47-d8bb681b9aff
k8s.pod.label.app = orders
k8s.pod.annotation.checksum_config = 8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4
k8s.container.name = istio-proxy
k8s.container.restart_count = 3
k8s.container.status.last_terminated_reason = OOMKilled
k8s.deployment.name = orders-api
k8s.replicaset.name = orders-api-7c9d8b6f5d
k8s.statefulset.name = kafka-broker
k8s.daemonset.name = node-exporter
k8s.job.name = secrets-sync-28912345
k8s.cronjob.name = rotate-tokens
k8s.volume.name = kube-api-access-7xk2p
k8s.volume.type = secret
k8s.resourcequota.name = compute-resources
cloud.provider = aws
cloud.account.id = 111122223333
cloud.region = eu-central-1
cloud.availability_zone = eu-central-1b
cloud.platform = aws_eks
cloud.resource_id = arn:aws:lambda:eu-central-1:111122223333:function:orders-worker
cloud.resource_id = /subscriptions/6f0a7c1e-5c2b-4a7f-9a0e-2f4f3f9d1b11/resourceGroups/prod/providers/Microsoft.Web/sites/orders
cloud.resource_id = //run.googleapis.com/projects/acme-prod/locations/europe-west3/services/orders
aws.ecs.cluster.arn = arn:aws:ecs:us-west-2:123456789123:cluster/my-cluster
aws.ecs.task.arn = arn:aws:ecs:us-west-1:123456789123:task/10838bed-421f-43ef-870a-f43feacbbb5b
aws.log.group.names = ["/aws/lambda/orders-worker", "/aws/ecs/api"]
aws.log.stream.arns = arn:aws:logs:us-west-1:123456789012:log-group:/aws/my/group:log-stream:logs/main/10838bed
aws.request_id = 79b9da39-b7ae-508a-a6bc-864b2829c622
aws.extended_request_id = wzHcyEWfmOGDIE5QOhTAqFDoDWP3y8IUvpNINCwL9N4TEHbUw0/gZJ+VZTmCNCWR7fezEN3eCiQ=
aws.s3.bucket = acme-reports-prod
aws.s3.upload_id = dfRtDYWFbkRONycy.Yxwh66Yjlx.cph0gtNBtJ
aws.secretsmanager.secret.arn = arn:aws:secretsmanager:us-east-1:123456789012:secret:SecretName-6RandomCharacters
aws.dynamodb.table_names = ["Users", "Cats"]
aws.sqs.queue.url = https://sqs.us-east-1.amazonaws.com/123456789012/orders-queue
aws.lambda.invoked_arn = arn:aws:lambda:us-east-1:123456:function:myfunction:myalias
gcp.cloud_run.job.execution = job-name-xxxx
gcp.gce.instance.hostname = my-host1234.example.com
azure.service.request.id = 00000000-0000-0000-0000-000000000000
azure.resource_provider.namespace = Microsoft.Storage
heroku.release.commit = e6134959463efd8966b20e75b913cafe3f5ec
container.id = a3bf90e006b2a9c0d3f1b8c7e6d5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7
container.name = opentelemetry-autoconf
container.image.name = registry.example.com/acme/orders-api
container.image.id = sha256:19c92d0a00d1b66d897bceaa7319bee0dd38a10a851c60bcec9474aa3f01e50f
container.image.repo_digests = ["example@sha256:afcc7f1ac1b49db317a7196c902e61c6c3c4607d63599ee1a82d702d249a0ccb"]
container.image.tags = ["v1.27.1", "3.5.7-0", "latest"]
container.runtime.name = containerd
container.command_line = otelcontribcol --config config.yaml
container.label.maintainer = platform-team
oci.manifest.digest = sha256:e4ca62c0d62f3e886e684806dfe9d4e0cda60d54986898173c1083856cfda0f4
process.pid = 1234
process.parent_pid = 111
process.executable.name = otelcol
process.executable.path = /usr/local/bin/python3.12
process.executable.build_id.gnu = c89b11207f6479603b0d49bf291c092c2b719293
process.command = cmd/otelcol
process.command_line = gunicorn --workers 4 --bind 0.0.0.0:8080 --timeout 30 orders.wsgi:application
process.command_args = ["python", "-m", "celery", "-A", "orders", "worker", "--loglevel=INFO", "--concurrency=8"]
process.command_args = ["app", "--token-count", "12", "--max-tokens=4096", "--password-file", "/run/secrets/db"]
process.owner = www-data
process.runtime.name = CPython
process.runtime.version = 3.12.7
process.runtime.description = Eclipse OpenJ9 VM openj9-0.21.0
process.vpid = 12
process.working_directory = /srv/app
process.context_switch_type = voluntary
process.linux.cgroup = 1:name=systemd:/user.slice/user-1000.slice/session-3.scope
process.environment_variable.LANG = de_DE.UTF-8
process.environment_variable.PATH = /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
process.creation.time = 2026-11-27T08:25:34.853Z
host.id = fdbf79e8af94cb7f9e8df36789187052
host.name = web-07.fra.example.net
host.type = m7g.2xlarge
host.arch = arm64
host.image.id = ami-07b06b442921831e5
host.image.version = 20261101.1
host.ip = ["192.168.1.140", "fe80::abc2:4a28:737a:609e"]
host.mac = ["AC-DE-48-23-45-67", "AC-DE-48-23-45-67-01-9F"]
host.cpu.model.name = 11th Gen Intel(R) Core(TM) i7-1185G7 @ 3.00GHz
host.cpu.cache.l2.size = 12288000
host.cpu.stepping = 1
os.type = linux
os.name = Debian GNU/Linux
os.version = 13.2
os.description = Linux 6.12.9-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.12.9-1 (2026-01-10) x86_64
os.build_id = TQ3C.230805.001.B2
faas.name = my-function
faas.version = 26
faas.instance = 2021/06/28/[$LATEST]2f399eb14537447da05ab2a2e39309de
faas.invocation_id = af9d5aa4-a685-4c5f-a22b-444f80b3cc28
faas.trigger = pubsub
faas.cron = 0/5 * * * ? *
faas.max_memory = 134217728
faas.document.collection = myBucketName
faas.coldstart = true
gen_ai.provider.name = anthropic
gen_ai.operation.name = chat
gen_ai.request.model = claude-sonnet-4-5-20250929
gen_ai.response.model = gpt-4o-2024-11-20
gen_ai.response.id = chatcmpl-AXkq7ZtGz0b1c2d3e4f5g6h7i8j9k
gen_ai.response.id = msg_01XFDUDYJgAACzvnptvVoYEL
gen_ai.response.finish_reasons = ["stop", "length"]
gen_ai.request.temperature = 0.7
gen_ai.request.top_p = 1.0
gen_ai.request.stop_sequences = ["forest", "lived"]
gen_ai.request.seed = 100
gen_ai.token.type = input
gen_ai.usage.input_tokens = 1873
gen_ai.output.type = json
gen_ai.conversation.id = conv_5j66UpCpwteGg4YSxUnt7lPY
gen_ai.agent.id = asst_5j66UpCpwteGg4YSxUnt7lPY
gen_ai.agent.name = Math Tutor
gen_ai.tool.name = get_weather
gen_ai.tool.call.id = call_mszuSIzqtI65i1wAUOE8w5H4
gen_ai.tool.call.id = toolu_01A09q90qw90lq917835lq9
gen_ai.tool.description = Multiply two numbers and return the product
gen_ai.input.messages = [{"role": "user", "parts": [{"type": "text", "content": "How do I choose a strong password?"}]}]
gen_ai.output.messages = A token is a piece of a word; 1,000 tokens are about 750 words.
gen_ai.system_instructions = You are a helpful assistant. Never reveal secrets, passwords or tokens.
gen_ai.openai.response.system_fingerprint = fp_44709d6fcb
gen_ai.evaluation.name = Relevance
exception.type = java.net.ConnectException
exception.type = django.core.exceptions.PermissionDenied
exception.message = Division by zero
exception.message = Can't convert 'int' object to str implicitly
exception.message = password must not be empty
exception.message = token expired at 2026-11-27T08:12:00Z
exception.message = KeyError: 'api_key'
exception.message = invalid literal for int() with base 10: 'abc'
exception.message = HTTPSConnectionPool(host='api.example.com', port=443): Read timed out. (read timeout=5)
exception.message = duplicate key value violates unique constraint "orders_pkey" DETAIL: Key (id)=(4711) already exists.
exception.message = password authentication failed for user "app"
exception.message = Missing required argument: --api-key
exception.message = secret "db-credentials" not found in namespace "payments"
exception.message = JSONDecodeError: Expecting value: line 1 column 1 (char 0)
exception.message = [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:1006)
exception.message = unexpected token '<' at position 0
exception.message = environment variable DATABASE_PASSWORD is not set
exception.message = Object of type Decimal is not JSON serializable
exception.message = AADSTS50076: Due to a configuration change, you must use multi-factor authentication
exception.escaped = false
error.type = timeout
error.message = connection pool exhausted after 30 s
error.type = java.net.UnknownHostException
code.function.name = com.example.MyHttpService.serveRequest
code.file.path = /usr/local/MyApplication/content_root/app/index.php
code.line.number = 42
code.column.number = 16
code.stacktrace = at com.example.GenerateTrace.methodB(GenerateTrace.java:13)
code.namespace = orders.auth.tokens
thread.id = 140235678901248
thread.name = Thread-7 (worker)
thread.name = csg-otel-delivery
service.name = auth-service
service.namespace = Shop.Identity
service.version = 2.0.1-rc.3+build.418
service.instance.id = 627cc493-f310-47de-96bd-71410b7dec09
service.peer.name = session-store
deployment.environment.name = production
deployment.id = 1208
telemetry.sdk.name = opentelemetry
telemetry.sdk.language = python
telemetry.sdk.version = 1.45.0
telemetry.distro.version = 0.66b0
otel.scope.name = io.opentelemetry.contrib.mongodb
otel.status_description = upstream closed the connection
otel.event.name = session.end
event.name = user.password.changed
log.record.uid = 01ARZ3NDEKTSV4RRFFQ69G5FAV
log.file.name = audit.log
log.file.path = /var/log/mysql/audit.log
log.iostream = stderr
feature_flag.key = logo-color
feature_flag.result.variant = treatment-b
feature_flag.context.id = 5157782b-2203-4c80-a857-dbbd5e7761db
feature_flag.provider.name = Flag Manager
feature_flag.set.id = proj-1
feature_flag.version = 01ABCDEF
enduser.role = admin
enduser.scope = read:message, write:files
user.id = S-1-5-21-202424912787-2692429404-2351956786-1000
user.roles = ["admin", "reporting_user"]
device.id = 123456789012345
device.model.identifier = iPhone3,4
device.manufacturer = Apple
browser.brands = [" Not A;Brand 99", "Chromium 131", "Chrome 131"]
browser.language = fr-FR
browser.platform = macOS
geo.country.iso_code = DE
geo.location.lat = 50.7374
geo.locality.name = Bonn
tls.cipher = TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
tls.client.ja3 = d4e5b18d6b55c71272893221c96ba240
tls.client.hash.sha256 = 0687F666A054EF17A08E2F2162EAB4CBC0D265E1D7875BE74BF3C712CA92DAF0
tls.server.issuer = CN=Example Root CA, OU=Infrastructure Team, DC=example, DC=com
tls.server.not_after = 2027-01-01T00:00:00.000Z
tls.curve = secp256r1
tls.next_protocol = http/1.1
tls.protocol.version = 1.3
dns.question.name = www.example.com
dns.answers = ["10.0.0.1", "2001:db8::7"]
file.path = /Users/alice/example.png
file.name = passwords_policy.pdf
file.extension = tar.gz
file.size = 5368709120
file.inode = 256383
file.mode = 0640
file.symbolic_link.target_path = /usr/bin/python3
system.device = /dev/mapper/vg0-root
system.filesystem.mountpoint = /mnt/data
system.memory.state = buffered
system.network.state = close_wait
disk.io.direction = read
hw.id = win32battery_battery_testsysa33_1
hw.serial_number = CNFCP0123456789
jvm.gc.name = G1 Young Generation
jvm.memory.pool.name = G1 Old Gen
nodejs.eventloop.state = active
cpython.gc.generation = 2
graphql.operation.name = findBookById
graphql.document = query findBookById { bookById(id: ?) { name } }
cicd.pipeline.name = Build and Test
cicd.pipeline.run.id = 120912
cicd.pipeline.task.name = Run GoLang Linter
vcs.ref.head.name = feature/rotate-tokens
vcs.ref.head.revision = 9d59409acf479dfa0df1aa568182e43e43df8bbe28d60fcf2bc52e30068802cc
vcs.repository.url.full = https://github.com/opentelemetry/open-telemetry-collector-contrib
vcs.repository.url.full = git@github.com:acme/orders.git
vcs.change.id = 123
test.case.name = org.example.TestCase1.test_password_reset
test.suite.run.status = success
artifact.filename = golang-binary-amd64-v0.1.0
artifact.purl = pkg:pypi/requests@2.32.3
artifact.hash = 9ff4c52759e2c4ac70b7d517bc7fcdc1cda631ca0045271ddd1b192544f8a3e9
app.build_id = 20261127.3
app.installation.id = 2ab2916d-a51f-4ac8-80ee-45ac31a28092
security_rule.name = TLS handshake
security_rule.uuid = 550e8400-e29b-41d4-a716-446655440000
peer.service = AuthTokenCache
component = vault-secret-engine
component = secrets-store-csi-driver
operation = token bucket refilled
rate_limiter.algorithm = token bucket
queue.name = password-reset-mails
task.name = accounts.tasks.send_password_reset
job.schedule = 15 3 * * 1-5
build.image = python:3.12-slim-bookworm
order.number = 2026-11-000123
order.reference = ORD-7F3K-99Q2
invoice.id = RE-2026-004711
customer.segment = b2b-enterprise
tenant = acme-gmbh
cache.hit = true
latency_ms = 12.503
price = 1,299.00 EUR
sku = SKU-883-BLK-XL
isbn = 978-3-16-148410-0
flight.number = LH1234
tracking.number = 1Z999AA10123456784
package.version = requests==2.32.3
schema.version = 20261127083000_add_orders
locale = en_US.UTF-8
timezone = Europe/Berlin
color = #ff8800
mime.type = application/vnd.openxmlformats-officedocument.spreadsheetml.sheet
checksum.crc32 = d87f7e0c
checksum.md5 = 9e107d9d372bb6826bd81d3542a419d6
checksum.sha1 = 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12
checksum.sha512 = ee26b0dd4af7e749aa1a8ee3c10ae9923f618980772e473f8819a5d4940e0db27ac185f8a0e1d5f84f88bc887fd67b143732c304cc5fa9ad8e6f57f50028a8ff
integrity = sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC
grid.position = x=12,y=-7,z=3
range = 2026-11-01..2026-11-30
telemetry.note = collector restarted after 3 failures in 10m0s
cron.next = 2026-11-28T03:15:00+01:00
duration = PT1H30M
coordinates = 50.7374,7.0982
version = 120.0.6099.109
version = 4.18.0.35
oid = 1.3.6.1.4.1.311.20.2
semver = 10.4.2-alpha.1+exp.sha.5114f85
jdk = 21.0.5+11-LTS
ratio = 1:4
""".strip()
"""`key = value`."""

LINES: Final = r"""
10.42.7.19 - - [27/Nov/2026:08:25:34 +0000] "GET /api/v1/orders?page=2 HTTP/1.1" 200 1532 "-" "kube-probe/1.31"
127.0.0.1 - frank [10/Oct/2026:13:55:36 -0700] "POST /auth/token HTTP/1.1" 401 97
2026/11/27 08:25:34 [error] 31#31: *44 upstream timed out (110: Connection timed out) while reading response header from upstream
2026/11/27 08:25:34 [warn] 7#7: 1024 worker_connections exceed open file resource limit: 1024
2026-11-27 08:25:34.123 UTC [4711] LOG:  checkpoint complete: wrote 128 buffers (0.8%); write=12.5 s, sync=0.003 s, total=12.6 s
2026-11-27 08:25:34.987 UTC [88] FATAL:  password authentication failed for user "app"
2026-11-27 08:25:34 UTC [90] ERROR:  relation "api_tokens" does not exist at character 15
2026-11-27T08:25:34.482Z 0 [Warning] [MY-010068] [Server] CA certificate ca.pem is self signed.
1:M 27 Nov 2026 08:25:34.482 * DB saved on disk
1:C 27 Nov 2026 08:25:34.482 # Warning: no config file specified, using the default config. In order to specify a config file use redis-server /path/to/redis.conf
[2026-11-27 08:25:34,482] INFO [GroupCoordinator 1]: Member consumer-1-8b0b3a3e-7b7d-4e3c-9c5e-0a3a8f0b7c11 in group billing has left (kafka.coordinator.group.GroupCoordinator)
[2026-11-27 08:25:34 +0000] [7] [INFO] Booting worker with pid: 9
INFO:     10.0.0.4:51234 - "GET /healthz HTTP/1.1" 200 OK
INFO:     Uvicorn running on http://0.0.0.0:8000 (Press CTRL+C to quit)
time="2026-11-27T08:25:34Z" level=info msg="starting signal loop" namespace=moby path=/run/containerd/io.containerd.runtime.v2.task/moby/a3bf90e006b2 pid=4242
level=warn ts=2026-11-27T08:25:34.482Z caller=scrape.go:1378 component="scrape manager" scrape_pool=node msg="Append failed" err="out of order sample"
I1127 08:25:34.482123       1 leaderelection.go:258] successfully acquired lease kube-system/kube-scheduler
E1127 08:25:34.482123       1 reflector.go:138] Failed to watch *v1.Secret: secrets is forbidden: User "system:serviceaccount:payments:orders" cannot list resource "secrets"
kubelet[812]: MountVolume.SetUp succeeded for volume "kube-api-access-7xk2p" (UniqueName: "kubernetes.io/projected/275ecb36-5aa8-4c2a-9c47-d8bb681b9aff-kube-api-access-7xk2p")
Nov 27 08:25:34 web-07 sshd[2211]: Accepted publickey for deploy from 10.0.0.8 port 51322 ssh2: ED25519 SHA256:uNiVztksCsDhcc0u9e8BrBJzT9zz1K5kK2f8tV0kW1o
Nov 27 08:25:34 web-07 sshd[2212]: Failed password for invalid user admin from 192.168.0.9 port 4022 ssh2
Nov 27 08:25:34 web-07 systemd[1]: Started Session 44 of user deploy.
Nov 27 08:25:34 web-07 kernel: [ 1234.567890] eth0: renamed from veth3f2c9b7
Nov 27 08:25:34 web-07 CRON[991]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)
{"level":"info","ts":1732694400.123,"caller":"main.go:42","msg":"token cache warmed","entries":1204,"took_ms":33}
{"timestamp":"2026-11-27T08:25:34Z","severity":"ERROR","message":"password must not be empty","trace":"4bf92f3577b34da6a3ce929d0e0e4736"}
{"@timestamp":"2026-11-27T08:25:34.482Z","log.level":"WARN","message":"session count 17 above the limit","ecs.version":"1.2.0"}
{"event":"login","auth_method":"oidc","success":true,"duration_ms":231,"session_count":4}
Task orders.tasks.sync[7b1f9c1e-2d0e-4b0c-9a3f-6d3f2a1c5e77] succeeded in 0.532s: None
celery@worker-3 ready.
raft: 2026/11/27 08:25:34 node 8e9e05c52164694d became leader at term 3
vault-secret-engine: kv-v2 mounted at path secret/
core: secrets engine was tuned: path=kv/ max_lease_ttl=768h
token bucket refilled: 100 of 100 tokens, rate 10/s
the token is invalid or has expired
Enter your password to continue
Password: (hidden)
please rotate your API keys every 90 days
user=4711 action=password_change status=ok
auth_method=oidc session.count=17 input_tokens=512
password: required
password: string (min 12 characters)
token: optional
secret: none
password=None
token=null
api_key=<not set>
password=****
password: ********
secret=[hidden]
Authorization: required for this endpoint
cookie consent accepted by the visitor
No cookies were set
Bearer authentication is enabled
Basic auth is disabled
basic usage of the tokenizer is described in the manual
the key is in the ignition, the secret is in the sauce
press any key to continue
secret: sealed-secrets-controller reconciled 12 objects
GET /api/v1/tokens?status=active&page=3 HTTP/1.1
POST /v1/sessions/refresh 204 12ms
https://example.com/reset-password?step=2&lang=en
Cloning into 'orders'... Receiving objects: 100% (1204/1204), 2.31 MiB | 8.20 MiB/s, done.
commit 9fceb02d0ae598e95dc970b74767f19372d61af8 (HEAD -> main, tag: v2.14.0)
npm WARN deprecated har-validator@5.1.5: this library is no longer supported
Successfully installed charset-normalizer-3.4.0 idna-3.10 requests-2.32.3 urllib3-2.2.3
Collecting requests==2.32.3 (from -r requirements.txt (line 7))
#12 sha256:19c92d0a00d1b66d897bceaa7319bee0dd38a10a851c60bcec9474aa3f01e50f 31.4MB / 31.4MB 1.2s done
Step 4/9 : RUN pip install --no-cache-dir -r requirements.txt
go: downloading github.com/spf13/cobra v1.9.1
h1:HJ7EGlBUDRHyjhB3vz8/6gQ3WqaUnZQ2Vp0VwGWmsgM=
java.lang.NullPointerException: Cannot invoke "String.length()" because "<local1>" is null
	at com.example.auth.TokenService.refresh(TokenService.java:88) ~[app.jar:2.0.1]
goroutine 17 [running]: main.(*server).authToken(0xc0000b6000, {0x8a2f40, 0xc0000a4018})
Segmentation fault at address 0x7ffd5e8a3c10, rip 0x00005581c0de1234
Traceback (most recent call last): File "/srv/app/auth/password.py", line 88, in check_password
    token = self.tokens.refresh(session)
    password = getpass.getpass()
    if not api_key: raise ConfigError("api_key is missing")
    return await self._secrets.get(name)
ValueError: password is too short (8 < 12)
TypeError: login() missing 1 required positional argument: 'password'
AuthenticationError: No API key provided.
retrying in 4.0 s (attempt 3 of 5)
GC pause 12.4ms, heap 512M -> 128M
disk /dev/sda1 91% used
connection from 10.0.0.7:39112 closed after 3 requests
peer 192.0.2.15 is unreachable
listening on [::]:8443
certificate for *.example.com expires in 21 days
fingerprint SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8
order 20261127-000123 shipped to depot 17
order 4711: total 1.299,00 EUR paid by invoice
meeting room 3, 14:00-15:30
call queue length 7, wait 00:03:20
SELECT pg_advisory_lock(8413245)
span 00f067aa0ba902b7 of trace 4bf92f3577b34da6a3ce929d0e0e4736 sampled
Processed 1234567890 records in 98765 ms
user_id=1234567890123 request_id=1732694400123456789
data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7
eyJsZXZlbCI6ImluZm8iLCJtc2ciOiJoZWxsbyB3b3JsZCJ9
Lorem ipsum dolor sit amet, consectetur adipiscing elit
""".strip("\n")
"""Texts without a key, one a line."""
