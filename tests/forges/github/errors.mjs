// GitHub's refusals. https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api

import { Refusal } from '../core/http.mjs';

const DOCS = 'https://docs.github.com/rest';

export function refusal(status, message, headers = {}, more = {}) {
  return new Refusal(status, { message, documentation_url: DOCS, status: String(status), ...more }, headers);
}

export const notFound = () => refusal(404, 'Not Found');

/** 422. `errors`: `{resource, field, code, message?}`. */
export function invalid(message, errors) {
  return new Refusal(422, { message, ...(errors ? { errors } : {}), documentation_url: DOCS, status: '422' });
}

export function failed(resource, field, code, message) {
  return invalid('Validation Failed', [{ resource, field, code, ...(message ? { message } : {}) }]);
}

const json = (status, body, headers) => ({ status, headers, json: body });
const secondary = {
  message:
    'You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach out to GitHub Support for help, please include the request ID.',
  documentation_url:
    'https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits',
};

/**
 * Bad days. Both limits, with and without `retry-after`, and GraphQL's way of saying so with 200.
 * https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
 * https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
 */
export const presets = {
  'secondary-limit': json(403, secondary, { 'retry-after': '60' }),
  'secondary-limit-soon': json(403, secondary, { 'retry-after': '1' }),
  'secondary-limit-bare': json(403, secondary),
  'secondary-limit-429': json(429, secondary, { 'retry-after': '60' }),
  'primary-limit': {
    status: 403,
    headers: (forge) => ({
      'x-ratelimit-limit': '5000',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-used': '5000',
      'x-ratelimit-reset': String(forge.world.clock.seconds() + 600),
      'x-ratelimit-resource': 'core',
    }),
    json: {
      message: 'API rate limit exceeded for user ID 1.',
      documentation_url: 'https://docs.github.com/rest/overview/rate-limits-for-the-rest-api',
    },
  },
  'graphql-limit': {
    status: 200,
    headers: (forge) => ({
      'x-ratelimit-limit': '5000',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': String(forge.world.clock.seconds() + 600),
      'x-ratelimit-resource': 'graphql',
    }),
    json: { errors: [{ type: 'RATE_LIMITED', message: 'API rate limit exceeded for user ID 1.' }] },
  },
  'server-error': json(500, { message: 'Server Error' }),
  'base-modified': json(405, {
    message: 'Base branch was modified. Review and try the merge again.',
    documentation_url: DOCS,
  }),
  'graphql-timeout': {
    status: 502,
    headers: { 'content-type': 'application/json' },
    json: {
      data: null,
      errors: [
        {
          message:
            'Something went wrong while executing your query. This may be the result of a timeout, or it could be a GitHub bug. Please include `0000:0000` when reporting this issue.',
        },
      ],
    },
  },
};
