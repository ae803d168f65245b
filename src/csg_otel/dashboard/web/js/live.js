// Live updates by server-sent events: reconnects, notices a process that hangs, is silent while the tab is hidden,
// and delivers at most twice a second.

import { get } from "./api.js";

const SPACING_MS = 500;
const QUIET_MS = 10000;
const RETRIES_MS = [300, 1000, 2000, 4000];
const NAMES = ["hello", "status", "health", "traces", "logs", "metrics", "alerts"];

export class Live {
  /** `deliver(events)` gets a list of [name, document]; `changed()` is called when `lostAt` or `problem` changes. */
  constructor(deliver, changed) {
    this.deliver = deliver;
    this.changed = changed;
    this.topics = "";
    this.lostAt = null;
    this.problem = null;
    this.source = null;
    this.retries = 0;
    this.waiting = [];
    this.flushTimer = 0;
    this.flushedAt = 0;
    this.heardAt = Date.now();
    this.retryTimer = 0;
    document.addEventListener("visibilitychange", () => this.connect());
    setInterval(() => this.probe(), QUIET_MS / 2);
  }

  /** Listen to `topics`, a list. Return false where the present stream has them already. */
  listen(topics) {
    const text = topics.join(",");
    if (text === this.topics && this.source) return false;
    this.topics = text;
    this.connect();
    return true;
  }

  connect() {
    clearTimeout(this.retryTimer);
    clearTimeout(this.flushTimer);
    // What waits is older than what the next stream's `hello` makes the page fetch.
    this.flushTimer = 0;
    this.waiting = [];
    this.source?.close();
    this.source = null;
    if (document.hidden || !this.topics) return;
    const source = new EventSource(`/api/v1/events?topics=${this.topics}`);
    this.source = source;
    for (const name of NAMES) source.addEventListener(name, (event) => this.take(source, name, event));
    source.onerror = () => source === this.source && this.fail();
  }

  take(source, name, event) {
    if (source !== this.source) return;
    this.heard();
    this.waiting.push([name, JSON.parse(event.data)]);
    if (this.flushTimer) return;
    const wait = Math.max(0, this.flushedAt + SPACING_MS - Date.now());
    this.flushTimer = setTimeout(() => this.flush(), wait);
  }

  flush() {
    this.flushTimer = 0;
    this.flushedAt = Date.now();
    const events = this.waiting;
    this.waiting = [];
    this.deliver(events);
  }

  heard() {
    this.heardAt = Date.now();
    this.retries = 0;
    if (this.lostAt === null && this.problem === null) return;
    this.lostAt = null;
    this.problem = null;
    this.changed();
  }

  /** The stream broke: try again after a pause, and find out whether it is the login. */
  fail() {
    this.source?.close();
    this.source = null;
    const wait = RETRIES_MS[Math.min(this.retries, RETRIES_MS.length - 1)];
    this.retries += 1;
    if (this.retries > 1) this.lose();
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => this.connect(), wait);
    if (this.retries > 1) get("session").then(() => undefined, (error) => this.diagnose(error));
  }

  diagnose(error) {
    if (error.status !== 401 || this.problem === 401) return;
    this.problem = 401;
    this.changed();
  }

  lose() {
    if (this.lostAt !== null) return;
    this.lostAt = this.heardAt / 1000;
    this.changed();
  }

  /** A stream that is silent may be a process that hangs: ask it something small. */
  async probe() {
    if (document.hidden || !this.source || Date.now() - this.heardAt < QUIET_MS) return;
    try {
      await get("session");
      if (this.source?.readyState === EventSource.OPEN) this.heard();
    } catch (error) {
      this.lose();
      this.diagnose(error);
      this.fail();
    }
  }
}
