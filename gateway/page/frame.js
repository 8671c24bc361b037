// What all views have around them: who is signed in, the way to the other views,
// the language, and one voice for what happens.

import {call, get} from './api.js';
import {h, set, setText} from './dom.js';
import {chooseLanguage, currentLanguage, languages, t} from './texts.js';

const views = {customer: '/', kitchen: '/kitchen', courier: '/courier'};

// Said to those who listen rather than look.
const voice = h('div', {class: 'unseen', role: 'status', 'aria-live': 'polite'});

// Shown for a few seconds to those who look.
const toast = h('div', {class: 'toast', 'aria-hidden': 'true'});
let toastTimer = 0;

export function announce(text, {quietly = false} = {}) {
  // The same words again are news too.
  voice.replaceChildren(h('p', {}, text));
  if (quietly) return;
  setText(toast, text);
  toast.classList.add('shown');
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => toast.classList.remove('shown'), 5000);
}

// Who is signed in: {role, customer, restaurants}; {} if nobody is.
export async function whoAmI() {
  const answer = await get('/session');
  return answer.ok ? identity(answer.body) : {};
}

export function identity({role = '', sub, restaurants = []}) {
  return {role, customer: role === 'customer' ? Number(sub) : 0, restaurants};
}

export const home = (who) => views[who.role] ?? (who.role === 'operator' ? '/kitchen' : '/');

function header(view, who, render) {
  const links = Object.entries(views)
    .filter(([name]) => name === view || !who.role || who.role === 'operator')
    .map(([name, path]) => h('a', {href: path, 'aria-current': name === view && 'page'},
      t(`nav.${name}`)));
  const choose = h('div', {class: 'languages', role: 'group', 'aria-label': t('language')},
    ...Object.entries(languages).map(([name, text]) => h('button', {
      type: 'button', lang: name, 'aria-pressed': String(name === currentLanguage()),
      onclick: () => {
        chooseLanguage(name);
        render();
        document.querySelector(`.languages [lang=${name}]`).focus();
      },
    }, text)));
  const person = () => h('span', {class: 'who'},
    t(`who.${who.role}`, who.role === 'kitchen' ? who.restaurants.join(', ') : who.customer));
  const leave = () => h('button', {
    type: 'button', class: 'quiet', onclick: async () => {
      await call('DELETE', '/session');
      location.reload();
    },
  }, t('signOut'));
  return h('header', {},
    h('a', {class: 'skip', href: '#main'}, t('skip')),
    h('div', {class: 'bar'},
      h('span', {class: 'brand'}, h('img', {src: icon(), alt: '', width: 28, height: 28}), t('brand')),
      links.length > 1 ? h('nav', {'aria-label': t('nav')}, ...links) : null,
      who.role ? h('div', {class: 'me'}, person(), leave()) : null,
      choose));
}

const icon = () => document.querySelector('link[rel=icon]').href;

// Draws the frame with what `content()` returns inside, and again when another
// language is chosen.
export function draw(view, who, title, content) {
  const render = () => {
    document.title = `${title()} · ${t('brand')}`;
    const main = h('main', {id: 'main', tabindex: -1}, ...content());
    document.body.replaceChildren(header(view, who, render), main, voice, toast);
    set(document.body, 'data-view', view);
    performance.mark('drawn');
  };
  render();
}

// Instead of a view, for whoever may not see it.
export function drawSignIn(view, who, flag) {
  draw(view, who, () => t('signIn.title'), () => [
    h('section', {class: 'panel narrow'},
      h('h1', {}, who.role ? t('signIn.wrong') : t('signIn.needed')),
      h('p', {}, t('signIn.how')),
      h('p', {}, h('code', {}, `scripts/token --link ${flag}`))),
  ]);
}

// Seconds until something may be tried again: `tick(left)` every second, with 0
// at the end. Returns a function that stops it.
export function countdown(seconds, tick) {
  const end = Date.now() + seconds * 1000;
  const step = () => {
    const left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
    tick(left);
    if (left === 0) clearInterval(timer);
  };
  const timer = setInterval(step, 250);
  step();
  return () => clearInterval(timer);
}

// Calls `ask()` now and every `pause` ms while somebody looks, one at a time.
// Returns a function that asks at once: whatever is being asked is older.
export function keepAsking(ask, pause) {
  let running = null;
  const run = async () => {
    await running;
    running = ask();
    try {
      await running;
    } finally {
      running = null;
    }
  };
  const look = () => document.hidden || running || run();
  setInterval(look, pause);
  document.addEventListener('visibilitychange', look);
  run();
  return run;
}
