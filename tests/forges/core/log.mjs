// The log proves at-most-once effects and the absence of storms: every request with its route, the
// token's name (never its value), what it changed and how it was answered.

/** The key of a status: what was there already is the same thing, while red after green after red is news. */
export function wordKey(before, { state, description, targetUrl }, what, id) {
  const same = before?.state === state && before.description === description && before.targetUrl === targetUrl;
  return same && before.key ? before.key : `${what} ${state} ${id}`;
}

export class Log {
  entries = [];
  effects = [];
  violations = [];
  /** Requests that GitHub's or GitLab's description does not allow, whatever the answer was. */
  warnings = [];

  begin(clock, req, path) {
    const entry = {
      n: this.entries.length + 1,
      at: clock.now(),
      clock: Math.round(performance.now()),
      method: req.method,
      path,
      route: null,
      token: null,
      actor: null,
      project: null,
      effects: [],
      fault: null,
      status: null,
      agent: req.headers['user-agent'] ?? null,
    };
    this.entries.push(entry);
    return entry;
  }

  /**
   * `key` says what is the same thing twice: `comment:acme/root#4:<body>`. A client that sends a
   * write again without looking shows up in `repeated`.
   */
  effect(entry, kind, key, detail = {}) {
    const effect = { request: entry?.n ?? null, by: entry ? 'client' : 'control', kind, key, ...detail };
    this.effects.push(effect);
    entry?.effects.push(`${kind} ${key}`);
    return effect;
  }

  violation(entry, where, problems, answer) {
    this.violations.push({ request: entry?.n ?? null, route: entry?.route ?? null, where, problems, answer });
  }

  counters() {
    const byKind = {};
    const byKey = {};
    for (const { by, kind, key } of this.effects) {
      if (by !== 'client') continue;
      byKind[kind] = (byKind[kind] ?? 0) + 1;
      byKey[`${kind} ${key}`] = (byKey[`${kind} ${key}`] ?? 0) + 1;
    }
    const repeated = Object.fromEntries(Object.entries(byKey).filter(([, count]) => count > 1));
    const byRoute = {};
    const byStatus = {};
    for (const { route, status } of this.entries) {
      byRoute[route] = (byRoute[route] ?? 0) + 1;
      byStatus[status] = (byStatus[status] ?? 0) + 1;
    }
    return { byKind, repeated, byRoute, byStatus, requests: this.entries.length };
  }

  /**
   * The busiest window: how many requests, and how many writes, came within `window` real
   * milliseconds; and for every route that was refused, how soon it was tried again.
   */
  storms(window = 1000) {
    const busiest = (entries) => {
      let most = 0;
      for (let first = 0, last = 0; last < entries.length; last++) {
        while (entries[last].clock - entries[first].clock > window) first++;
        most = Math.max(most, last - first + 1);
      }
      return most;
    };
    const retries = {};
    const refused = new Map();
    for (const { route, status, clock, path, method } of this.entries) {
      const key = `${method} ${path}`;
      if (refused.has(key)) (retries[route] ??= []).push(clock - refused.get(key));
      if (status === null || status >= 400) refused.set(key, clock);
      else refused.delete(key);
    }
    const writes = this.entries.filter((entry) => entry.method !== 'GET' && entry.method !== 'HEAD');
    return { window, requests: busiest(this.entries), writes: busiest(writes), retries };
  }

  clear() {
    for (const list of [this.entries, this.effects, this.violations, this.warnings]) list.length = 0;
  }
}
