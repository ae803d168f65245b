// A live list, newest first: new rows slide in while the reader is at its top and does not point into it; otherwise
// they wait behind a button that says how many.

import { h } from "./dom.js";
import { draw } from "./app.js";
import { ApiError, get } from "./api.js";
import { failed, loading } from "./widgets.js";

const MOST = 1000;

/** Rows slide in where they come alone: a busy list that never stands still costs much, and cannot be read. */
const FEW = 3;
const CALM_MS = 2000;
const SLIDE = [{ opacity: 0, transform: "translateY(-6px)" }, {}];

export class LiveList {
  /** `path` is the document's, `field` its list; `key(row)` identifies a row, `order(row)` sorts, the largest first. */
  constructor({ path, field, key, order, limit = 100 }) {
    Object.assign(this, { path, field, key, order, limit });
    this.parameters = {};
    this.rows = [];
    this.waiting = [];
    this.next = null;
    this.page = null;
    this.error = null;
    this.abort = null;
    this.pointed = false;
    this.element = null;
    this.fetchedMore = false;
    this.drawn = new WeakMap();
    this.arrivedAt = 0;
    this.sliding = false;
  }

  /** Fetch the newest rows that match `parameters`. */
  async load(parameters) {
    this.parameters = parameters;
    this.abort?.abort();
    const abort = (this.abort = new AbortController());
    try {
      const page = await get(this.path, { ...parameters, limit: this.limit }, abort.signal);
      this.page = page;
      this.rows = page[this.field];
      this.next = page.next;
      this.waiting = [];
      this.error = null;
    } catch (error) {
      if (!(error instanceof ApiError)) return;
      this.error = error;
    }
    draw();
  }

  /** Fetch older rows. */
  async more() {
    const { next } = this;
    if (next === null || this.fetchedMore) return;
    this.fetchedMore = true;
    try {
      const page = await get(this.path, { ...this.parameters, limit: this.limit, before: next }, this.abort?.signal);
      if (this.next === next) {
        this.merge(page[this.field]);
        this.next = page.next;
      }
    } catch (error) {
      if (error instanceof ApiError) this.error = error;
    }
    this.fetchedMore = false;
    draw();
  }

  /** Take new and changed rows that match. A changed row is replaced in its place at once. */
  add(rows) {
    const places = new Map(this.rows.map((row, index) => [this.key(row), index]));
    const fresh = rows.filter((row) => {
      const at = places.get(this.key(row));
      if (at !== undefined) this.rows[at] = row;
      return at === undefined;
    });
    if (fresh.length === 0) return;
    const isCalm = fresh.length <= FEW && performance.now() - this.arrivedAt > CALM_MS;
    this.arrivedAt = performance.now();
    if (this.mustWait()) {
      this.waiting = this.unique([...this.waiting, ...fresh]);
      return;
    }
    this.sliding = isCalm && !matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.merge(fresh);
  }

  mustWait() {
    const { element } = this;
    if (!element) return false;
    const selected = !getSelection().isCollapsed && element.contains(getSelection().anchorNode);
    return this.pointed || selected || element.scrollTop > 4;
  }

  unique(rows) {
    return [...new Map(rows.map((row) => [this.key(row), row])).values()];
  }

  merge(rows) {
    if (rows.length === 0) return;
    this.rows = this.unique([...this.rows, ...rows]).sort((a, b) => this.order(b) - this.order(a));
    const older = this.rows.length > MOST && this.element?.scrollTop <= 4;
    if (older) this.rows = this.rows.slice(0, MOST);
  }

  flush() {
    const rows = this.waiting;
    this.waiting = [];
    this.merge(rows);
  }

  /** Show what waits, from the top. */
  catchUp() {
    this.flush();
    if (this.element) this.element.scrollTop = 0;
    draw();
  }

  settle() {
    if (this.waiting.length && !this.mustWait()) {
      this.flush();
      draw();
    }
  }

  close() {
    this.abort?.abort();
  }

  /** The description of a row, made again only if the row or `look`, all else that it depends on, is another one. */
  once(row, look, describe) {
    const last = this.drawn.get(row);
    if (last?.look === look) return last.node;
    const node = describe(row);
    if (this.sliding && !last) node.props.mount = (el) => el.animate(SLIDE, { duration: 160, easing: "ease-out" });
    this.drawn.set(row, { look, node });
    return node;
  }

  /** The list; `row(item)` describes one whose `look(item)` has changed, `nothing()` what stands in place of none. */
  view(head, row, look, nothing, retry) {
    if (!this.page) return this.error ? failed(this.error, retry) : loading();
    const count = this.waiting.length;
    const rows = this.rows.map((item) => this.once(item, look(item), row));
    this.sliding = false;
    return h("div", {
      class: "listing", key: "listing",
      onpointerenter: (event) => event.pointerType === "mouse" && (this.pointed = true),
      onpointerleave: () => ((this.pointed = false), this.settle()),
    },
      h("div", { class: "new-rows" }, count > 0 && h("button", { onclick: () => this.catchUp() }, `${count} new`)),
      h("div", { class: "scroll list", mount: (el) => (this.element = el), onscroll: () => this.scrolled() },
        this.error && h("p", { class: "s-critical pad", role: "alert" }, this.error.message),
        head,
        h("div", { class: "rows", role: "list" }, rows),
        this.rows.length === 0 && nothing(),
        this.next !== null && this.rows.length > 0 && h("button", { class: "more", onclick: () => this.more() }, "Older")));
  }

  scrolled() {
    const { element } = this;
    this.settle();
    if (element.scrollTop + element.clientHeight > element.scrollHeight - 400) this.more();
  }
}
