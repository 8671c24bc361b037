// A customer's orders, live: what the server sends, kept up through lost
// connections and restarts by resuming where it ended. While there is no stream
// the list is asked for, ever more seldom.

import {get} from './api.js';

const silence = 40000;  // ms; the server says something every 15 s

// `on.orders(list, complete)`: `complete` replaces what there is, otherwise
// each replaces the order of its id. `on.state()` is 'live'; 'asking' while there
// is no stream but the list can be had; 'lost' while what is shown may be old; or
// 'refused' with an HTTP status, which is final.
export class Live {
  constructor(customer, on) {
    this.customer = customer;
    this.on = on;
    this.token = '';
    this.failures = 0;
    this.state = '';
    addEventListener('online', () => this.source || this.open());
    // Nobody looks: over HTTP/1.1 a browser has six connections for all tabs.
    document.addEventListener('visibilitychange', () =>
      (document.hidden ? this.close() : this.source || this.open()));
    this.open();
  }

  open() {
    this.close();
    const query = new URLSearchParams({customer_id: this.customer});
    if (this.token) query.set('resume_token', this.token);
    this.source = new EventSource(`/mypages:watch?${query}`);
    this.source.onmessage = (event) => this.hear(JSON.parse(event.data));
    // The browser would come back by itself, but without our place in the stream.
    this.source.onerror = () => this.lose();
    this.listen();
  }

  close() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  listen() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.lose(), silence);
  }

  hear(message) {
    if (message.end) {
      // It goes on elsewhere, at once.
      this.close();
      this.timer = setTimeout(() => this.open(), 500 * Math.random());
      return;
    }
    this.listen();
    this.failures = 0;
    if (message.changes) {
      const {mypages = [], complete = false, resume_token: token} = message.changes;
      if (token) this.token = token;
      this.on.orders(mypages, complete);
    }
    this.tell(message.heartbeat?.delayed ? 'lost' : 'live');
  }

  async lose() {
    this.close();
    // 0.25 s, 0.5 s, … 8 s, and never all at once.
    const pause = Math.min(8000, 250 * 2 ** this.failures) * (0.75 + Math.random() / 2);
    this.timer = setTimeout(() => this.open(), pause);
    // What was resumed in vain may be too old.
    if (++this.failures === 3) this.token = '';
    // Once is nothing: a service that stops says so, and another goes on.
    if (this.failures > 1) await this.ask();
  }

  // Also because an EventSource does not say why it failed.
  async ask() {
    const failures = this.failures;
    const query = new URLSearchParams({customer_id: this.customer});
    const answer = await get(`/mypages?${query}`);
    if (answer.status === 401 || answer.status === 403) {
      this.close();
      return this.tell('refused', answer.status);
    }
    if (this.failures < failures) return;  // the stream was quicker
    if (answer.ok) this.on.orders(answer.body.mypages, true);
    this.tell(answer.ok ? 'asking' : 'lost');
  }

  tell(state, status) {
    if (this.state === state) return;
    this.state = state;
    this.on.state(state, status);
  }
}
