// One document that a pane shows: fetched on demand, the newest answer wins, an error keeps the old document.

import { get } from "./api.js";
import { draw } from "./app.js";

export class Loaded {
  constructor() {
    this.doc = null;
    this.error = null;
    this.busy = false;
    this.abort = null;
    this.query = "";
    this.subject = null;
  }

  /**
   * Fetch `path`; a request for something else is given up, one for the same is awaited. The old document stays until
   * the new one is there, unless it is about another `subject`.
   */
  async load(path, parameters = {}, subject = path) {
    const query = JSON.stringify([path, parameters]);
    if (this.busy && query === this.query) return;
    this.abort?.abort();
    const abort = (this.abort = new AbortController());
    if (subject !== this.subject) this.doc = null;
    this.subject = subject;
    this.query = query;
    this.busy = true;
    try {
      const doc = await get(path, parameters, abort.signal);
      if (abort !== this.abort) return;
      this.doc = doc;
      this.error = null;
    } catch (error) {
      if (abort !== this.abort) return;
      this.error = error;
    } finally {
      if (abort === this.abort) this.busy = false;
    }
    draw();
  }

  close() {
    this.abort?.abort();
    this.abort = null;
  }
}
