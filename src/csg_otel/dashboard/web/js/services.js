// The programs that send to a dashboard (`--otlp`): how they do, or how one begins to send.

import { h } from "./dom.js";
import { link } from "./app.js";
import { plural } from "./format.js";
import { ago, count, quantity } from "./widgets.js";

/** What stands first where other programs fill the page; null for a program's own. */
export function receives(status) {
  if (status.workers > 0) return null;
  return h("section", { key: "problems", class: "problems" }, status.services.length ? table(status.services) : hint(status.receives_at));
}

function hint(addresses) {
  return [
    h("h2", null, "No program has sent anything yet"),
    h("p", { class: "dim" }, "OpenTelemetry in any language sends here, by one of these:"),
    h("pre", null, Object.entries(addresses).map(([protocol, address]) =>
      `OTEL_EXPORTER_OTLP_PROTOCOL=${protocol} OTEL_EXPORTER_OTLP_ENDPOINT=${address}`).join("\n")),
  ];
}

function table(services) {
  const head = ["Program", "Per second", "Spans", "Failed", "Newest"];
  return [
    h("h2", null, `${plural(services.length, "program")} ${services.length === 1 ? "sends" : "send"} here`, h("span", { class: "dim" }, " spans of the last 5 minutes")),
    h("table", { class: "programs" },
      h("thead", null, h("tr", null, head.map((text, index) => h("th", { class: index ? "right" : "" }, text)))),
      h("tbody", null, services.map(row))),
  ];
}

function row(one) {
  return h("tr", { key: one.name, "data-service": one.name },
    h("td", { title: one.name }, h("a", { href: link("traces", "", { service: one.name }) }, one.name), one.language && h("span", { class: "dim" }, ` ${one.language}`)),
    h("td", { class: "right" }, quantity(one.rate, "1/s")),
    h("td", { class: "right" }, count(one.spans)),
    h("td", { class: `right ${one.errors ? "s-critical" : ""}` },
      one.errors ? h("a", { href: link("traces", "", { service: one.name, error: "true" }) }, count(one.errors)) : "0"),
    h("td", { class: "right dim" }, ago(one.last)));
}
