// The seeded fault script: rules per route, tried in order, the first that fits the request plays.
//
//   {route: "PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge", nth: 1, when: "after", status: 502}
//
// route   a route's name as the log writes it, "git-upload-pack"/"git-receive-pack"/"git-advertise",
//         "METHOD *", or "*"; `match` (a regular expression on the path and query) narrows it
// nth     a number or list, from 1; or `from`/`to`; or `every`; or `chance` (0..1, from the seed)
// when    "before" (default but for cut, trickle and patch; nothing was done), "checked" (the forge looked, but did not write yet;
//         only `act` and `delay` here), "after" (the effect is there, the answer is not)
// what    status/headers/body/json, `preset`, `delay` (ms), `drop`, `cut`, `hang`, `trickle` (ms a
//         byte), `act` (what people do at that moment), `patch` (the answer's fields changed: an
//         unknown enum, a null, a missing field)

/** mulberry32: small, seeded, the same everywhere. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const KNOWN = new Set([
  'id',
  'route',
  'match',
  'token',
  'nth',
  'from',
  'to',
  'every',
  'chance',
  'when',
  'status',
  'headers',
  'body',
  'json',
  'preset',
  'delay',
  'drop',
  'cut',
  'hang',
  'trickle',
  'act',
  'patch',
  'graphql',
]);

export class Faults {
  #rules = [];
  #random = random(1);
  #presets;

  constructor(presets) {
    this.#presets = presets;
  }

  load({ seed = 1, rules = [], add = false }) {
    const loaded = rules.map((rule, i) => {
      const unknown = Object.keys(rule).filter((key) => !KNOWN.has(key));
      if (unknown.length > 0) throw new Error(`a fault rule has no ${unknown.join(', ')}`);
      if (!rule.route && !rule.graphql) throw new Error('a fault rule needs a route');
      const preset = rule.preset === undefined ? {} : this.#presets[rule.preset];
      if (!preset) throw new Error(`no preset ${rule.preset}; there are ${Object.keys(this.#presets).join(', ')}`);
      const when = rule.cut || rule.trickle || rule.patch ? 'after' : 'before';
      return { when, ...preset, ...rule, id: rule.id ?? `fault-${i + 1}`, seen: 0, played: 0 };
    });
    this.#rules = add ? [...this.#rules, ...loaded] : loaded;
    this.#random = random(seed);
  }

  get report() {
    return this.#rules.map(({ id, route, seen, played }) => ({ id, route, seen, played }));
  }

  /** Every rule that fits plays, so that one can delay what another refuses. Counted once a request. */
  choose(request) {
    const chosen = [];
    for (const rule of this.#rules) {
      if (!fits(rule, request)) continue;
      rule.seen += 1;
      if (!turn(rule, this.#random)) continue;
      rule.played += 1;
      chosen.push(rule);
    }
    return chosen;
  }
}

function fits(rule, { route, method, path, token, operation }) {
  if (rule.graphql && rule.graphql !== operation) return false;
  if (rule.token && rule.token !== token) return false;
  if (rule.match && !new RegExp(rule.match).test(path)) return false;
  return !rule.route || rule.route === '*' || rule.route === route || rule.route === `${method} *`;
}

function turn(rule, draw) {
  const { nth, from, to, every, chance, seen } = rule;
  if (nth !== undefined) return [nth].flat().includes(seen);
  if (from !== undefined || to !== undefined) return seen >= (from ?? 1) && seen <= (to ?? Infinity);
  if (every !== undefined) return seen % every === 0;
  if (chance !== undefined) return draw() < chance;
  return true;
}

/** `{"/mergeable_state": "new_value", "/draft": {"$delete": true}}` on a copy of the answer. */
export function patched(body, patch) {
  const copy = structuredClone(body);
  for (const [pointer, value] of Object.entries(patch)) {
    const keys = pointer.split('/').slice(1);
    const last = keys.pop();
    const holder = keys.reduce((at, key) => at?.[key], copy);
    if (holder === undefined || holder === null) continue;
    if (value?.$delete) delete holder[last];
    else holder[last] = value;
  }
  return copy;
}

const HTML_502 =
  '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n';

/** Those that look the same on both forges: what a proxy in front of them says. */
export const PRESETS = {
  'html-502': { status: 502, headers: { 'content-type': 'text/html' }, body: HTML_502 },
  'html-503': {
    status: 503,
    headers: { 'content-type': 'text/html' },
    body: HTML_502.replaceAll('502 Bad Gateway', '503 Service Unavailable'),
  },
  'gateway-timeout': {
    status: 504,
    headers: { 'content-type': 'text/html' },
    body: HTML_502.replaceAll('502 Bad Gateway', '504 Gateway Time-out'),
  },
  drop: { drop: true },
  hang: { hang: true },
  'empty-body': { when: 'after', status: 200, body: '' },
};
