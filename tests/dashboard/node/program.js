// A program in another language with OpenTelemetry's own SDK: two spans, a failure, a log record, metrics.
const { SpanKind, SpanStatusCode, metrics, trace } = require("@opentelemetry/api");
const { SeverityNumber, logs } = require("@opentelemetry/api-logs");
const { NodeSDK } = require("@opentelemetry/sdk-node");

const sdk = new NodeSDK(); // everything else is in the environment
sdk.start();

const tracer = trace.getTracer("checkout", "1.0");
const meter = metrics.getMeter("checkout");
tracer.startActiveSpan("GET /pay", { kind: SpanKind.SERVER, attributes: { "http.route": "/pay", items: [1, 2] } }, (outer) => {
  tracer.startActiveSpan("charge card", { kind: SpanKind.CLIENT }, (inner) => {
    logs.getLogger("checkout").emit({
      severityNumber: SeverityNumber.WARN,
      severityText: "WARN",
      body: "card declined <b>",
      attributes: { attempt: 2 },
    });
    inner.recordException(new Error("declined"));
    inner.setStatus({ code: SpanStatusCode.ERROR, message: "declined" });
    inner.end();
  });
  outer.end();
});
meter.createCounter("orders", { unit: "1", description: "Orders." }).add(3, { channel: "web" });
meter.createHistogram("wait", { unit: "s" }).record(0.3);
sdk.shutdown().then(() => console.log("sent"));
