// What GitLab's answers look like: the facts of its own published JSON Schemas, written down anew in
// one notation. Each says in `of` which file it restates, below
// https://gitlab.com/gitlab-org/gitlab-foss/-/tree/master/spec/fixtures/api/schemas/public_api/v4
// or, where there is none, which page of https://docs.gitlab.com/api/ names the fields. Stricter than
// theirs: no field is allowed that is not listed, and where theirs lag behind the documentation
// (`"type": "date"` is no JSON Schema), the documentation wins.

import { list, str } from './schemas/notation.mjs';
import people from './schemas/people.mjs';
import projects from './schemas/projects.mjs';
import requests from './schemas/requests.mjs';
import runs from './schemas/runs.mjs';

export const schemas = {
  ...people,
  ...projects,
  ...requests,
  ...runs,
  /** Errors: a text, an array of texts, or texts by field; or OAuth's form. https://docs.gitlab.com/api/rest/troubleshooting/#status-code-400 */
  error: {
    anyOf: [
      {
        type: 'object',
        required: ['message'],
        properties: { message: { anyOf: [str, list(str), { type: 'object', additionalProperties: list(str) }] } },
        additionalProperties: false,
      },
      {
        type: 'object',
        required: ['error'],
        properties: { error: str, error_description: str, scope: str },
        additionalProperties: false,
      },
    ],
  },
};
