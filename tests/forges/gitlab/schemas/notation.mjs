// A short notation for JSON Schemas.

export const int = { type: 'integer' };
export const str = { type: 'string' };
export const bool = { type: 'boolean' };
export const date = { type: 'string', format: 'date-time' };
export const uri = { type: 'string', format: 'uri' };
export const sha = { type: 'string', pattern: '^[0-9a-f]{40}$' };
export const any = {};
export const or = (type) => ({ anyOf: [type, { type: 'null' }] });
export const list = (items) => ({ type: 'array', items });
export const one = (...values) => ({ enum: values });
export const see = (name) => ({ $ref: `#/${name}` });

/** `of`: where the fields are from. Nothing is allowed that is not listed. */
export const object = (of, required, optional = {}) => ({
  $comment: of,
  type: 'object',
  properties: { ...required, ...optional },
  required: Object.keys(required),
  additionalProperties: false,
});
