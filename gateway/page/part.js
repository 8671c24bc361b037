// A list that some service answers for: what it said last, and since when it is
// silent. One that is away takes nothing else with it.

import {h, set, setText} from './dom.js';
import {t, timeText} from './texts.js';

export class Part {
  // `name` is the key of the text that names the service.
  constructor(name) {
    this.name = name;
    this.forget();
  }

  forget() {
    this.items = null;
    this.asOf = null;
    this.away = false;
  }

  take(answer, itemsOf) {
    this.away = !answer.ok;
    if (!answer.ok) return;
    this.items = itemsOf(answer.body);
    this.asOf = new Date();
  }

  // A panel with the title of key `title`.
  draw(title, {quiet = false} = {}) {
    this.list = h('ul', {class: 'lines'});
    this.empty = h('p', {class: 'empty'});
    this.notice = h('p', {class: 'notice', role: 'status', 'data-notice': this.name});
    this.quiet = quiet;
    return h('section', {class: 'panel', 'data-part': title}, h('h2', {}, t(title)),
      this.notice, this.empty, this.list);
  }

  // `fill(items)` makes the list what it should be.
  show(fill, none) {
    fill(this.items ?? []);
    setText(this.empty, this.items ? t(none) : t('orders.loading'));
    set(this.empty, 'hidden', (this.items ?? []).length > 0 || this.away);
    setText(this.notice, !this.away || this.quiet ? '' : this.asOf
      ? t('away', t(this.name), timeText(this.asOf)) : t('away.never', t(this.name)));
  }
}
