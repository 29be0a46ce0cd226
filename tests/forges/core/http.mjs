// The HTTP side: routes, requests, answers. No framework: a forge's odd answers (cut bodies, dropped
// connections, slow bytes) need the bare socket.

import http from 'node:http';
import https from 'node:https';
import { gunzipSync } from 'node:zlib';

/** Thrown anywhere below a handler: the answer that the forge gives instead. */
export class Refusal extends Error {
  constructor(status, body, headers = {}) {
    super(`${status} ${JSON.stringify(body)}`);
    Object.assign(this, { status, body, headers });
  }
}

export class Router {
  #routes = [];

  /** `{name}` is one path segment (so a slash in it must come as %2F), `{name...}` is any number. */
  on(method, pattern, options, handler) {
    const names = [];
    const source = pattern.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{(\w+)((?:\\\.){3})?\}/g, (_, name, many) => {
      names.push(name);
      return many ? '(.+?)' : '([^/]+)';
    });
    const name = `${method} ${pattern.replaceAll('...}', '}')}`;
    this.#routes.push({ ...options, method, pattern, name, names, regex: new RegExp(`^${source}/?$`), handler });
  }

  get names() {
    return this.#routes.map((route) => route.name);
  }

  /** The first route that fits, or `{allowed}` with the methods that the path would take. */
  find(method, path) {
    const allowed = [];
    for (const route of this.#routes) {
      const match = route.regex.exec(path);
      if (!match) continue;
      if (route.method !== method) {
        allowed.push(route.method);
        continue;
      }
      const params = {};
      route.names.forEach((name, i) => (params[name] = decodeURIComponent(match[i + 1])));
      return { route, params };
    }
    return { allowed };
  }
}

export async function readBody(req) {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const raw = Buffer.concat(chunks);
  return req.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
}

/** JSON or a form, as both forges take them; `actions[][path]=x` becomes a list of objects. */
export function parseBody(raw, contentType = '') {
  if (raw.length === 0) return undefined;
  if (contentType.includes('application/x-www-form-urlencoded')) return parseForm(raw.toString());
  return JSON.parse(raw.toString());
}

export function parseForm(text) {
  const body = {};
  for (const [key, value] of new URLSearchParams(text)) {
    const [, name, rest] = /^([^[]+)(.*)$/.exec(key) ?? [null, key, ''];
    if (rest === '') body[name] = value;
    else if (rest === '[]') (body[name] ??= []).push(value);
    else {
      const field = /^\[\]\[(.+)\]$/.exec(rest)?.[1] ?? rest.slice(1, -1);
      const list = (body[name] ??= []);
      // Rack's rule: a repeated field begins the next object.
      // https://github.com/rack/rack/blob/main/lib/rack/query_parser.rb
      if (list.length === 0 || field in list.at(-1)) list.push({});
      list.at(-1)[field] = value;
    }
  }
  return body;
}

/** Listens on a free loopback port; with `tls` (`{cert, key}`) speaks HTTPS. */
export async function listen(handle, { tls, port = 0 } = {}) {
  const server = tls ? https.createServer(tls, handle) : http.createServer(handle);
  server.keepAliveTimeout = 60_000;
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  const origin = `${tls ? 'https' : 'http'}://127.0.0.1:${server.address().port}`;
  return { server, origin };
}

/** What goes over the wire: a Buffer as it is, a string as text, everything else as JSON. */
export function encode(answer) {
  const headers = Object.fromEntries(Object.entries(answer.headers ?? {}).map(([k, v]) => [k.toLowerCase(), v]));
  let body = answer.body;
  if (body === undefined || body === null) body = Buffer.alloc(0);
  else if (Buffer.isBuffer(body)) headers['content-type'] ??= 'application/octet-stream';
  else if (typeof body === 'string') {
    headers['content-type'] ??= 'text/plain';
    body = Buffer.from(body);
  } else {
    headers['content-type'] ??= 'application/json; charset=utf-8';
    body = Buffer.from(JSON.stringify(body));
  }
  if (answer.status !== 204 && answer.status !== 304) headers['content-length'] = body.length;
  return { status: answer.status, headers, body };
}

/** One page of `items`, by the `page` and `per_page` that both forges use. */
export function page(items, query, { perPage = 30, most = 100 } = {}) {
  const size = Math.min(Math.max(Number.parseInt(query.get('per_page') ?? perPage, 10) || perPage, 1), most);
  const number = Math.max(Number.parseInt(query.get('page') ?? 1, 10) || 1, 1);
  const last = Math.max(Math.ceil(items.length / size), 1);
  return { items: items.slice((number - 1) * size, number * size), size, number, last, total: items.length };
}

/** RFC 8288, https://www.rfc-editor.org/rfc/rfc8288 */
export function linkHeader(url, pages) {
  const links = Object.entries(pages).map(([rel, changes]) => {
    const target = new URL(url);
    for (const [key, value] of Object.entries(changes)) target.searchParams.set(key, value);
    return `<${target}>; rel="${rel}"`;
  });
  return links.join(', ');
}
