// The kitchen's view: what is to be cooked, and the stock.

import {get, post, put} from './api.js';
import {h, set, setText, sync} from './dom.js';
import {announce, draw, drawSignIn, keepAsking, whoAmI} from './frame.js';
import {Part} from './part.js';
import {dishName, dishes, reasonText, t, timeText} from './texts.js';

const who = await whoAmI();
const acts = who.role === 'kitchen';  // an operator only looks
let restaurant = who.restaurants?.[0] ?? 1;
const cooking = new Part('part.tickets');
const recent = new Part('part.tickets');
const stock = new Part('part.stock');
let refresh = () => {};

async function ask() {
  const query = (more) => new URLSearchParams({restaurant_id: restaurant, ...more});
  const asked = restaurant;
  const answers = await Promise.all([
    get(`/cooks?${query({status: 'TICKET_STATUS_COOKING', page_size: 100})}`),
    get(`/cooks?${query({page_size: 12})}`),
    get(`/restaurants/${restaurant}/stock?page_size=100`),
  ]);
  if (asked !== restaurant) return;
  if (answers.some((answer) => answer.status === 401)) return drawSignIn('kitchen', {}, '--kitchen 1');
  if (answers.some((answer) => answer.status === 403)) return drawSignIn('kitchen', who, '--kitchen 1');
  // The oldest order first: it has waited longest.
  cooking.take(answers[0], (body) => body.tickets.reverse());
  recent.take(answers[1], (body) => body.tickets.filter((x) => x.status !== 'TICKET_STATUS_COOKING'));
  stock.take(answers[2], (body) => stockOf(body.stocks));
  update();
}

// Every dish of the menu, counted or not, and whatever else was counted.
function stockOf(stocks) {
  const known = new Map(dishes.map((id) => [id, {restaurant_menu_id: id, on_hand: 0}]));
  for (const item of stocks) known.set(item.restaurant_menu_id, item);
  return [...known.values()].sort((a, b) => a.restaurant_menu_id - b.restaurant_menu_id);
}

async function finish(ticket, button) {
  set(button, 'aria-disabled', 'true');
  const answer = await post(`/cooks/${ticket.order_id}:finish`, {});
  set(button, 'aria-disabled', null);
  announce(answer.ok ? t('kitchen.finished', dishName(ticket.restaurant_menu_id)) : answer.text);
  await refresh();
}

async function save(id, input) {
  if (!input.reportValidity()) return;
  const answer = await put(`/restaurants/${restaurant}/menus/${id}/stock`, {on_hand: input.valueAsNumber});
  if (answer.ok) delete input.dataset.touched;
  announce(answer.ok ? t('kitchen.saved', dishName(id), answer.body.stock.on_hand) : answer.text);
  await refresh();
}

function makeTicket(ticket) {
  const button = h('button', {type: 'button', class: 'primary', onclick: () => finish(ticket, button)},
    t('kitchen.finish'));
  set(button, 'aria-label', t('kitchen.finish.of', dishName(ticket.restaurant_menu_id), ticket.qty));
  return h('li', {class: 'line', 'data-order': ticket.order_id},
    h('span', {class: 'what'}, t('card.dish', dishName(ticket.restaurant_menu_id), ticket.qty)),
    h('span', {class: 'when'}, `${t('who.customer', ticket.customer_id)} · ${timeText(new Date(ticket.create_date))}`),
    acts ? button : null);
}

function makeRecent(ticket) {
  return h('li', {class: 'line', 'data-order': ticket.order_id},
    h('span', {class: 'what'}, t('card.dish', dishName(ticket.restaurant_menu_id), ticket.qty)),
    h('span', {class: 'when'}), h('span', {class: 'badge'}));
}

function updateRecent(li, ticket) {
  set(li, 'data-status', ticket.status);
  setText(li.querySelector('.badge'), t(`ticket.${ticket.status}`));
  setText(li.querySelector('.when'),
    [timeText(new Date(ticket.modified_date)), reasonText(ticket.reason)].filter(Boolean).join(' · '));
}

function makeStock({restaurant_menu_id: id}) {
  const input = h('input', {
    type: 'number', min: 0, max: 1000000, required: true, inputmode: 'numeric', disabled: !acts,
    'aria-label': t('kitchen.onHand', dishName(id)),
    oninput: () => { input.dataset.touched = 'yes'; },
  });
  return h('li', {},
    h('form', {class: 'line', 'data-menu': id, onsubmit: (event) => {
      event.preventDefault();
      save(id, input);
    }},
    h('span', {class: 'what'}, dishName(id)), input,
    acts ? h('button', {type: 'submit', class: 'quiet', 'aria-label': t('kitchen.save.of', dishName(id))},
      t('kitchen.save')) : null));
}

// What somebody is typing is left alone.
function updateStock(li, item) {
  const input = li.querySelector('input');
  if (input !== document.activeElement && !input.dataset.touched) input.value = item.on_hand;
}

function update() {
  cooking.show((items) => sync(cooking.list, items, (x) => x.order_id, makeTicket, () => {}), 'kitchen.cooking.none');
  recent.show((items) => sync(recent.list, items, (x) => x.order_id, makeRecent, updateRecent), 'kitchen.recent.none');
  stock.show((items) => sync(stock.list, items, (x) => x.restaurant_menu_id, makeStock, updateStock), 'kitchen.stock.none');
}

function content() {
  const change = (id) => {
    restaurant = id || 1;
    for (const part of [cooking, recent, stock]) part.forget();
    update();
    refresh();
  };
  // An operator may look into every kitchen, a kitchen only at its own.
  const choose = who.role === 'operator'
    ? h('input', {id: 'restaurant', type: 'number', min: 1, value: restaurant, inputmode: 'numeric',
      onchange: () => change(choose.valueAsNumber)})
    : h('select', {id: 'restaurant', onchange: () => change(Number(choose.value))},
      ...who.restaurants.map((id) => h('option', {value: id, selected: id === restaurant}, t('restaurant', id))));
  const parts = [
    h('div', {class: 'section-head wide'}, h('h1', {}, t('kitchen.title')),
      who.restaurants.length === 1 ? h('span', {class: 'sub'}, t('restaurant', restaurant))
        : h('div', {class: 'field inline'}, h('label', {for: 'restaurant'}, t('kitchen.restaurant')), choose)),
    h('div', {class: 'columns'},
      h('div', {}, cooking.draw('kitchen.cooking'), recent.draw('kitchen.recent', {quiet: true})),
      stock.draw('kitchen.stock')),
  ];
  update();
  return parts;
}

if (['kitchen', 'operator'].includes(who.role)) {
  draw('kitchen', who, () => t('kitchen.title'), content);
  refresh = keepAsking(ask, 2000);
} else drawSignIn('kitchen', who, '--kitchen 1');
