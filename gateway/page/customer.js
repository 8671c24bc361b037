// A customer's orders: place one, see how it gets on, cancel it.

import {newKey, post} from './api.js';
import {h, set, setText, sync} from './dom.js';
import {announce, countdown, draw, drawSignIn, whoAmI} from './frame.js';
import {Live} from './live.js';
import {dishName, dishes, exactTimeText, reasonText, t, timeText} from './texts.js';

const shown = 20;            // orders
const patience = 5000;       // ms until we say that the kitchen has not heard of it

const who = await whoAmI();
const orders = new Map();    // by id, as last heard
const heard = new Map();     // the stage of each order when it was last heard of
let loaded = false;
let lastHeard = null;        // when
let liveState = '';
const form = {restaurant: 1, dish: 1, qty: 1};

// Where an order is, in one word.
function stageOf(view) {
  if (view.order_status === 'ORDER_STATUS_REJECTED' || view.cook_status === 'TICKET_STATUS_REJECTED') return 'soldout';
  if (view.order_status === 'ORDER_STATUS_CANCELLED' || view.cook_status === 'TICKET_STATUS_CANCELLED') return 'cancelled';
  if (view.delivery_status === 'DELIVERY_STATUS_DELIVERED' || view.order_status === 'ORDER_STATUS_COMPLETED') return 'delivered';
  if (view.order_status === 'ORDER_STATUS_CANCEL_PENDING') return 'pending';
  return progressOf(view);
}

// How far it has come, whatever was asked for meanwhile.
function progressOf(view) {
  if (view.delivery_status === 'DELIVERY_STATUS_DELIVERED') return 'delivered';
  if (view.delivery_status === 'DELIVERY_STATUS_STARTED') return 'onway';
  if (view.cook_status === 'TICKET_STATUS_COOKED') return 'cooked';
  if (view.cook_status === 'TICKET_STATUS_COOKING') return 'cooking';
  return 'ordered';
}

const way = ['ordered', 'cooking', 'cooked', 'onway', 'delivered'];
const over = ['delivered', 'cancelled', 'soldout'];

// The steps to show, each done, now, ended or ahead.
function stepsOf(view, stage) {
  if (stage === 'soldout') return [['ordered', 'done'], ['soldout', 'ended']];
  if (stage === 'cancelled') {
    const cooking = view.timeline.some((entry) => entry.status === 'COOKING');
    return [['ordered', 'done'], ...(cooking ? [['cooking', 'done']] : []), ['cancelled', 'ended']];
  }
  const now = way.indexOf(progressOf(view));
  return way.map((name, i) =>
    [name, i < now || stage === 'delivered' ? 'done' : i === now ? 'now' : 'ahead']);
}

const placedAt = (view) => new Date(view.create_date ?? view.timeline[0]?.at ?? Date.now());

function makeCard(view) {
  const id = view.order_id;
  return h('li', {class: 'card', 'data-order': id, 'aria-labelledby': `t-${id}`},
    h('div', {class: 'card-head'},
      h('h2', {id: `t-${id}`}), h('span', {class: 'badge'})),
    h('p', {class: 'from'}),
    h('p', {class: 'headline'}),
    h('ol', {class: 'steps', 'aria-label': t('card.progress')}),
    h('div', {class: 'card-foot'},
      h('details', {},
        h('summary', {}, t('card.timeline')),
        h('ol', {class: 'timeline'}),
        h('p', {class: 'number'})),
      h('button', {type: 'button', class: 'quiet cancel', onclick: () => askCancel(id)}, t('card.cancel'))));
}

function updateCard(card, view) {
  const stage = stageOf(view);
  const find = (selector) => card.querySelector(selector);
  const dish = dishName(view.restaurant_menu_id);
  set(card, 'data-stage', stage);
  set(card, 'data-over', over.includes(stage));  // nothing more will happen
  setText(find('h2'), t('card.dish', dish, view.qty));
  setText(find('.from'), t('card.from', t('restaurant', view.restaurant_id), timeText(placedAt(view))));
  setText(find('.badge'), stage === 'pending' ? t('badge.pending') : t(`step.${stage}`));
  const late = stage === 'ordered' && Date.now() - placedAt(view) > patience;
  setText(find('.headline'), t(`stage.${late ? 'waiting' : stage}`));
  sync(find('.steps'), stepsOf(view, stage), ([name]) => name,
    () => h('li', {}, h('span', {class: 'step'}), ' ', h('span', {class: 'unseen'})),
    (li, [name, state]) => {
      set(li, 'data-state', state);
      set(li, 'aria-current', (state === 'now' || state === 'ended') && 'step');
      setText(li.firstElementChild, t(`step.${name}`));
      setText(li.lastElementChild, state === 'done' ? t('step.done') : state === 'now' ? t('step.now') : '');
    });
  sync(find('.timeline'), view.timeline, (entry) => `${entry.status} ${entry.at}`,
    () => h('li', {}, h('time'), h('span', {class: 'what'}), h('span', {class: 'why'})),
    (li, entry) => {
      const [time, what, why] = li.children;
      const at = new Date(entry.at);
      set(time, 'datetime', entry.at);
      setText(time, exactTimeText(at));
      setText(what, t(`event.${entry.status}`) || entry.status);
      setText(why, [t(`by.${entry.by}`) || entry.by, reasonText(entry.reason)].filter(Boolean).join(' · '));
    });
  setText(find('.number'), t('card.number', view.order_id));
  set(find('.cancel'), 'hidden', !(view.order_status === 'ORDER_STATUS_ORDERED' &&
    ['ordered', 'cooking'].includes(stage)));
}

// What is drawn anew in another language.
let list, empty, liveText, notice, formNotice, submit, qtyField;

function update() {
  const views = [...orders.values()]
    .sort((a, b) => (a.order_id < b.order_id ? 1 : -1)).slice(0, shown);
  sync(list, views, (view) => view.order_id, makeCard, updateCard);
  setText(empty, loaded ? t('orders.none') : t('orders.loading'));
  set(empty, 'hidden', views.length > 0 || (!loaded && liveState === 'lost'));
  setText(liveText, liveState === 'live' ? t('live.on') : liveState ? t('live.off') : '');
  set(liveText, 'data-state', liveState);
  const down = liveState === 'lost';
  setText(notice, !down ? '' : lastHeard ? t('live.down', timeText(lastHeard)) : t('live.never'));
}

function announceStage(view, stage) {
  announce(`${dishName(view.restaurant_menu_id)}: ${t(`stage.${stage}`)}`, {quietly: true});
}

function hear(views, complete) {
  const known = new Map(orders);
  if (complete) {
    orders.clear();
    // What was ordered here a moment ago may not be in the list yet.
    for (const [id, view] of known) if (view.unheard) orders.set(id, view);
  }
  for (const told of views) {
    // Whatever way it came: nothing older than what is known.
    const old = known.get(told.order_id);
    const view = old?.version > told.version ? old : told;
    const before = heard.get(view.order_id);
    orders.set(view.order_id, view);
    const stage = stageOf(view);
    heard.set(view.order_id, stage);
    if (before && before !== stage) announceStage(view, stage);
  }
  loaded = true;
  lastHeard = new Date();
  update();
}

// Placing. The same order keeps its key until there is a definite answer, so
// that a repeat after silence cannot order twice.
let asked = {text: '', key: ''};
let sending = false;
let stopCountdown = null;
let wait = null;             // {text, left} while nothing can be ordered

async function place(event) {
  event.preventDefault();
  if (sending || wait?.left) return;
  sending = true;
  wait = null;
  updateForm();
  const {restaurant, dish, qty} = form;
  const order = {customer_id: who.customer, restaurant_id: restaurant, restaurant_menu_id: dish, qty};
  const orderText = JSON.stringify(order);
  if (asked.text !== orderText) asked = {text: orderText, key: newKey()};
  const answer = await post('/orders', order, {'Idempotency-Key': asked.key});
  sending = false;
  if (!answer.busy && !answer.unknown) asked = {text: '', key: ''};
  if (answer.ok) {
    form.qty = 1;
    qtyField.value = 1;
    announce(t('order.placed', dishName(dish), qty));
    seen(answer.body.order);
  } else if (answer.busy) {
    const text = answer.status === 429 ? 'order.busy' : 'order.closed';
    stopCountdown?.();
    stopCountdown = countdown(answer.retryAfter || 1, (left) => {
      const first = !wait?.left;
      wait = {text: left ? t(text, left) : t('order.free'), left};
      updateForm();
      // Once at the beginning and once at the end, not every second.
      if (first || !left) announce(wait.text, {quietly: true});
    });
  } else {
    wait = {text: answer.unknown ? t('order.unknown') : answer.text, again: answer.unknown};
    announce(wait.text, {quietly: true});
  }
  updateForm();
}

// Our own write is seen at once, also while the live view is away; what the
// stream says replaces it. The stream may also have been quicker than the answer.
function seen(order) {
  const known = orders.get(order.order_id);
  if (known) {
    const stage = stageOf(known);
    if (stage !== 'ordered') announceStage(known, stage);
    return;
  }
  orders.set(order.order_id, {
    ...order, order_status: order.status, unheard: true, timeline: [{status: 'ORDERED', at: order.create_date, by: 'customer', reason: ''}],
  });
  heard.set(order.order_id, 'ordered');
  update();
}

function updateForm() {
  set(submit, 'aria-disabled', sending || Boolean(wait?.left) ? 'true' : null);
  setText(submit, sending ? t('order.sending') : wait?.again ? t('order.again') : t('order.submit'));
  setText(formNotice, wait?.text ?? '');
}

function orderForm() {
  qtyField = h('input', {
    id: 'qty', type: 'number', min: 1, max: 100, required: true, value: form.qty, inputmode: 'numeric',
    oninput: () => { form.qty = qtyField.valueAsNumber || 1; },
  });
  const change = (by) => {
    form.qty = Math.min(100, Math.max(1, form.qty + by));
    qtyField.value = form.qty;
  };
  const restaurant = h('input', {
    id: 'restaurant', type: 'number', min: 1, max: 2147483647, required: true, value: form.restaurant, inputmode: 'numeric',
    oninput: () => { form.restaurant = restaurant.valueAsNumber || 1; },
  });
  submit = h('button', {type: 'submit', class: 'primary'}, t('order.submit'));
  formNotice = h('p', {class: 'notice', 'data-notice': 'order'});
  const element = h('form', {class: 'panel order', onsubmit: place},
    h('h2', {}, t('order.title')),
    h('fieldset', {class: 'dishes'},
      h('legend', {}, t('order.dish')),
      ...dishes.map((id) => h('label', {},
        h('input', {type: 'radio', name: 'dish', value: id, checked: id === form.dish,
          onchange: () => { form.dish = id; }}),
        h('span', {}, dishName(id))))),
    h('div', {class: 'row'},
      h('div', {class: 'field'},
        h('label', {for: 'qty'}, t('order.qty')),
        h('div', {class: 'stepper'},
          h('button', {type: 'button', 'aria-label': t('order.less'), onclick: () => change(-1)}, '−'),
          qtyField,
          h('button', {type: 'button', 'aria-label': t('order.more'), onclick: () => change(1)}, '+'))),
      h('div', {class: 'field'},
        h('label', {for: 'restaurant'}, t('order.restaurant')), restaurant)),
    submit, formNotice);
  updateForm();
  return element;
}

// Cancelling.
function askCancel(id) {
  const view = orders.get(id);
  const dish = dishName(view.restaurant_menu_id);
  const reason = h('textarea', {id: 'why', rows: 2, maxlength: 200});
  const text = h('p', {class: 'notice', role: 'alert'});
  const yes = h('button', {type: 'button', class: 'danger', onclick: () => send()}, t('cancel.yes'));
  let stop = null;
  const dialog = h('dialog', {'aria-labelledby': 'cancel-title', onclose: () => {
    stop?.();
    dialog.remove();
    // The button that opened it may be gone.
    const card = document.querySelector(`[data-order="${CSS.escape(id)}"]`);
    const target = card?.querySelector('.cancel:not([hidden])') ?? card?.querySelector('summary');
    target?.focus();
  }},
  h('h2', {id: 'cancel-title'}, t('cancel.title')),
  h('p', {}, t('card.dish', dish, view.qty)),
  h('label', {for: 'why'}, t('cancel.reason')), reason, text,
  h('div', {class: 'buttons'},
    h('button', {type: 'button', class: 'quiet', onclick: () => dialog.close()}, t('cancel.no')), yes));

  async function send() {
    if (yes.getAttribute('aria-disabled')) return;
    set(yes, 'aria-disabled', 'true');
    const answer = await post(`/orders/${id}:cancel`, {reason: reason.value.trim()});
    if (answer.busy) {
      stop = countdown(answer.retryAfter || 1, (left) => {
        setText(text, left ? t('cancel.busy', left) : '');
        if (!left) set(yes, 'aria-disabled', null);
      });
      return;
    }
    set(yes, 'aria-disabled', null);
    if (!answer.ok && !answer.unknown) {
      setText(text, answer.text);
      yes.hidden = true;
      return;
    }
    dialog.close();
    if (answer.unknown) return announce(t('cancel.unknown'));
    const {order} = answer.body;
    const present = orders.get(id);
    // Until the stream says the same, and more.
    if (present && present.order_version < order.version) {
      hear([{...present, order_status: order.status, order_version: order.version}], false);
    }
    announce(t(order.status === 'ORDER_STATUS_CANCELLED' ? 'cancel.done' : 'cancel.pending', dish));
  }
  document.body.append(dialog);
  dialog.showModal();
}

function content() {
  list = h('ol', {class: 'orders'});
  empty = h('p', {class: 'empty'});
  liveText = h('span', {class: 'live', role: 'status'});
  notice = h('p', {class: 'notice', role: 'status', 'data-notice': 'live'});
  const parts = [
    orderForm(),
    h('section', {class: 'mine', 'aria-labelledby': 'mine'},
      h('div', {class: 'section-head'}, h('h1', {id: 'mine'}, t('orders.title')), liveText),
      notice, empty, list),
  ];
  update();
  return parts;
}

if (who.customer) {
  draw('customer', who, () => t('nav.customer'), content);
  new Live(who.customer, {
    orders: hear,
    state: (state, status) => {
      if (state === 'refused') return drawSignIn('customer', status === 401 ? {} : who, '--customer 42');
      liveState = state;
      update();
    },
  });
  // What was said about waiting changes as time passes.
  setInterval(update, 2000);
} else drawSignIn('customer', who, '--customer 42');
