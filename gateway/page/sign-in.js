// Turns the token of a sign-in link into a cookie. The token is in the fragment
// of the address, which browsers do not send and servers do not log, and it is
// out of the address before anything else happens.

import {call} from './api.js';
import {draw, home, identity} from './frame.js';
import {h, setText} from './dom.js';
import {t} from './texts.js';

let state = '';
const text = h('p', {role: 'status'});

function show(key) {
  state = key;
  setText(text, t(state));
}

async function signIn() {
  const token = location.hash.slice(1);
  if (!token) return;
  history.replaceState(null, '', location.pathname);
  show('signIn.working');
  const answer = await call('POST', '/session', undefined, {Authorization: `Bearer ${token}`});
  if (answer.ok) location.replace(home(identity(answer.body)));
  else show(answer.status === 401 ? 'signIn.failed' : 'signIn.offline');
}

draw('sign-in', {}, () => t('signIn.title'), () => {
  show(state);
  return [h('section', {class: 'panel narrow'},
    h('h1', {}, t('signIn.title')), text,
    h('p', {}, t('signIn.how')),
    h('p', {}, h('code', {}, 'scripts/token --link --customer 42')))];
});
// The next link may be opened while this page is still there.
addEventListener('hashchange', signIn);
signIn();
