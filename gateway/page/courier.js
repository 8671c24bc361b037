// The courier's view: what is on the way, and what was handed over.

import {get, post} from './api.js';
import {h, set, sync} from './dom.js';
import {announce, draw, drawSignIn, keepAsking, whoAmI} from './frame.js';
import {Part} from './part.js';
import {dishName, t, timeText} from './texts.js';

const who = await whoAmI();
const open = new Part('part.deliveries');
const done = new Part('part.deliveries');
let refresh = () => {};

async function ask() {
  const answers = await Promise.all([
    get('/deliveries?status=DELIVERY_STATUS_STARTED&page_size=100'),
    get('/deliveries?status=DELIVERY_STATUS_DELIVERED&page_size=12'),
  ]);
  if (answers.some((answer) => answer.status === 401)) return drawSignIn('courier', {}, '--courier');
  if (answers.some((answer) => answer.status === 403)) return drawSignIn('courier', who, '--courier');
  open.take(answers[0], (body) => body.deliveries.reverse());
  done.take(answers[1], (body) => body.deliveries);
  update();
}

async function complete(delivery, button) {
  set(button, 'aria-disabled', 'true');
  const answer = await post(`/deliveries/${delivery.order_id}:complete`, {});
  set(button, 'aria-disabled', null);
  announce(answer.ok ? t('courier.completed', dishName(delivery.restaurant_menu_id)) : answer.text);
  await refresh();
}

function makeDelivery(delivery, ...more) {
  return h('li', {class: 'line', 'data-order': delivery.order_id},
    h('span', {class: 'what'}, t('card.dish', dishName(delivery.restaurant_menu_id), delivery.qty)),
    h('span', {class: 'when'},
      `${t('restaurant', delivery.restaurant_id)} · ${t('courier.to', delivery.customer_id)} · ${timeText(new Date(delivery.modified_date))}`),
    ...more);
}

function makeOpen(delivery) {
  const button = h('button', {type: 'button', class: 'primary', onclick: () => complete(delivery, button)},
    t('courier.complete'));
  set(button, 'aria-label', t('courier.complete.of', dishName(delivery.restaurant_menu_id), delivery.customer_id));
  // An operator only looks.
  return makeDelivery(delivery, who.role === 'courier' ? button : null);
}

function update() {
  const nothing = () => {};
  open.show((items) => sync(open.list, items, (x) => x.order_id, makeOpen, nothing), 'courier.open.none');
  done.show((items) => sync(done.list, items, (x) => x.order_id, (x) => makeDelivery(x), nothing), 'courier.done.none');
}

function content() {
  const parts = [
    h('div', {class: 'section-head wide'}, h('h1', {}, t('courier.title'))),
    h('div', {class: 'columns'}, open.draw('courier.open'), done.draw('courier.done', {quiet: true})),
  ];
  update();
  return parts;
}

if (['courier', 'operator'].includes(who.role)) {
  draw('courier', who, () => t('courier.title'), content);
  refresh = keepAsking(ask, 2000);
} else drawSignIn('courier', who, '--courier');
