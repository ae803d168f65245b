// One document that a pane shows: fetched on demand, the newest answer wins, an error keeps the old document.

import { get } from "./api.js";
import { draw } from "./app.js";

export class Loaded {
  constructor() {
    this.doc = null;
    this.error = null;
    this.busy = false;
    this.again = false;
    this.abort = null;
    this.query = "";
    this.subject = null;
  }

  /**
   * Fetch `path`. A request for something else is given up; one for the same is awaited, then it is made again. The old
   * document stays until the new one is there, unless it is about another `subject`.
   */
  async load(path, parameters = {}, subject = path) {
    const query = JSON.stringify([path, parameters]);
    if (this.busy && query === this.query) {
      this.again = true;
      return;
    }
    this.abort?.abort();
    const abort = (this.abort = new AbortController());
    if (subject !== this.subject) this.doc = null;
    this.subject = subject;
    this.query = query;
    this.busy = true;
    this.again = false;
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
    if (this.again && abort === this.abort && !document.hidden) this.load(path, parameters, subject);
  }

  close() {
    this.abort?.abort();
    this.abort = null;
  }
}
