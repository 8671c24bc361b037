// The API, as a browser calls it.

import {t} from './texts.js';

export class Answer {
  constructor(status, body, retryAfter) {
    this.status = status;  // 0: no answer
    this.body = body;
    this.retryAfter = retryAfter;  // seconds, 0 if not said
  }
  get ok() { return this.status >= 200 && this.status < 300; }
  get reason() {
    return this.body?.details?.find((d) => d['@type']?.endsWith('/google.rpc.ErrorInfo'))?.reason ?? '';
  }
  // To be tried again after a while, in the same words.
  get busy() { return this.status === 429 || (this.status === 503 && this.retryAfter > 0); }
  // Nobody knows whether it was done.
  get unknown() { return this.status === 0 || this.status === 504 || this.status === 502; }
  // What to tell a person.
  get text() {
    if (this.status === 0) return t('error.offline');
    return t(`error.${this.reason}`, this.body) || t(`error.${this.status}`) || t('error.other');
  }
}

// Requests that change something carry a header that no other site can make a
// browser send: without it the gateway does not take the cookie for a token.
export async function call(method, path, body, headers = {}) {
  const request = {method, headers: {...headers}, cache: 'no-store'};
  if (method !== 'GET') request.headers['X-Requested-By'] = 'page';
  if (body !== undefined) {
    request.headers['Content-Type'] = 'application/json';
    request.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, request);
  } catch {
    return new Answer(0, {}, 0);
  }
  let json = {};
  try {
    json = await response.json();
  } catch {
    // An answer without a body that we can read still has its status.
  }
  return new Answer(response.status, json, Number(response.headers.get('Retry-After')) || 0);
}

export const get = (path) => call('GET', path);
export const post = (path, body, headers) => call('POST', path, body, headers);
export const put = (path, body) => call('PUT', path, body);

// Makes the repeat of a request harmless. (crypto.randomUUID() is not there on
// a plain connection to another machine.)
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
