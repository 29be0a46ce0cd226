// GitLab's refusals. https://docs.gitlab.com/api/rest/troubleshooting/

import { Refusal } from '../core/http.mjs';

export const refusal = (status, message, headers) => new Refusal(status, { message }, headers);
export const unauthorized = () => refusal(401, '401 Unauthorized');
export const forbidden = (why) => refusal(403, why ? `403 Forbidden - ${why}` : '403 Forbidden');
export const notFound = (what) => refusal(404, what ? `404 ${what} Not Found` : '404 Not found');
export const badRequest = (message) => refusal(400, message);
export const notAllowed = () => refusal(405, '405 Method Not Allowed');

/** Grape's own check of parameters. */
export const missing = (...names) => new Refusal(400, { error: names.map((name) => `${name} is missing`).join(', ') });

export function needs(body, ...names) {
  const absent = names.filter((name) => body?.[name] === undefined);
  if (absent.length > 0) throw missing(...absent);
}

/** https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#response-headers */
const limit = (forge, wait) => ({
  'content-type': 'text/plain',
  'ratelimit-limit': '2000',
  'ratelimit-name': 'throttle_authenticated_api',
  'ratelimit-observed': '2001',
  'ratelimit-remaining': '0',
  'ratelimit-reset': String(forge.world.clock.seconds() + wait),
});

export const presets = {
  'rate-limit': {
    status: 429,
    headers: (forge) => ({ ...limit(forge, 60), 'retry-after': '60' }),
    body: 'Retry later\n',
  },
  'rate-limit-soon': {
    status: 429,
    headers: (forge) => ({ ...limit(forge, 1), 'retry-after': '1' }),
    body: 'Retry later\n',
  },
  'rate-limit-bare': { status: 429, headers: { 'content-type': 'text/plain' }, body: 'Retry later\n' },
  'server-error': { status: 500, json: { message: '500 Internal Server Error' } },
};
