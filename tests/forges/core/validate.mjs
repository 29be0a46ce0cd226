// Answers against JSON Schemas: completed with neutral values where the schema demands a field that
// the forge does not model (a repository has some ninety), then checked, fields nobody knows included.

import Ajv from 'ajv';
import addFormats from 'ajv-formats';

export class Shapes {
  #root;
  #ajv;
  #compiled = new Map();
  #neutral;

  /** `root` holds what `#/...` points at; `neutral`: `{url(), time()}` for required fields. */
  constructor(root, neutral) {
    this.#root = root;
    this.#neutral = neutral;
  }

  resolve(schema) {
    for (let at = schema; ;) {
      if (!at?.$ref) return at;
      at = at.$ref
        .slice(2)
        .split('/')
        .reduce((node, key) => node[key.replaceAll('~1', '/').replaceAll('~0', '~')], this.#root);
    }
  }

  /** `pointer` as in `#/components/schemas/x`; a list of problems, empty if all is well. */
  check(pointer, value) {
    let validate = this.#compiled.get(pointer);
    if (!validate) {
      if (!this.#ajv) {
        // Their own schemas are loose with keywords (`"type": "date"`, examples, OpenAPI's own).
        this.#ajv = new Ajv({ strict: false, allErrors: true, validateSchema: false, logger: false });
        addFormats(this.#ajv);
        this.#ajv.addFormat('repo.nwo', true);
        this.#ajv.addSchema(this.#root, 'root');
      }
      validate = this.#ajv.compile({ $ref: `root${pointer}` });
      this.#compiled.set(pointer, validate);
    }
    if (validate(value)) return [];
    return validate.errors
      .slice(0, 8)
      .map((error) => `${error.instancePath || '/'} ${error.message} ${JSON.stringify(error.params)}`);
  }

  /** A copy of `value` with required fields added; `unknown` collects fields that are in no schema. */
  complete(schema, value, unknown, where = '') {
    const known = this.resolve(schema);
    if (Array.isArray(value)) {
      const items = known && this.#variant(known, value)?.items;
      return items ? value.map((item, i) => this.complete(items, item, unknown, `${where}/${i}`)) : value;
    }
    if (value === null || typeof value !== 'object' || !known) return value;
    const { properties, required, open } = this.#object(known, value);
    const result = {};
    for (const [key, held] of Object.entries(value)) {
      if (held === undefined) continue;
      if (properties[key]) result[key] = this.complete(properties[key], held, unknown, `${where}/${key}`);
      else {
        if (!open) unknown.push(`${where}/${key}`);
        result[key] = held;
      }
    }
    for (const key of required)
      if (!(key in result)) result[key] = this.#default(properties[key] ?? {}, key, unknown, `${where}/${key}`);
    return result;
  }

  /** Of `oneOf`/`anyOf` the one that knows most of the value's fields. */
  #variant(schema, value) {
    const choices = schema.oneOf ?? schema.anyOf;
    if (!choices) return schema;
    const fits = choices
      .map((choice) => this.resolve(choice))
      .filter((choice) => {
        const type = [choice.type].flat();
        return Array.isArray(value)
          ? type.includes('array')
          : !type.includes('array') && !type.includes('null') && !type.includes('string');
      });
    const score = (choice) => {
      const { properties, required } = this.#object(choice, value);
      const wrong = Object.entries(properties).some(
        ([key, { enum: values }]) => values && key in value && !values.includes(value[key]),
      );
      return (
        (wrong ? -1000 : 0) +
        Object.keys(value).filter((key) => key in properties).length * 10 -
        required.filter((key) => !(key in value)).length
      );
    };
    return Array.isArray(value) ? fits[0] : fits.sort((a, b) => score(b) - score(a))[0];
  }

  #object(schema, value) {
    const found = { properties: {}, required: [], open: false };
    const add = (part) => {
      const known = this.resolve(part);
      if (!known) return;
      Object.assign(found.properties, known.properties);
      found.required.push(...(known.required ?? []));
      if (known.additionalProperties && known.additionalProperties !== false) found.open = true;
      (known.allOf ?? []).forEach(add);
      if (known.oneOf || known.anyOf) add(this.#variant({ oneOf: known.oneOf ?? known.anyOf }, value) ?? {});
    };
    add(schema);
    if (Object.keys(found.properties).length === 0) found.open = true;
    return found;
  }

  #default(schema, key, unknown, where) {
    const known = this.resolve(schema);
    const types = [known.type].flat();
    if (known.const !== undefined) return known.const;
    if (types.includes('null') || (known.anyOf ?? known.oneOf ?? []).some((choice) => choice.type === 'null'))
      return null;
    if (known.enum) return known.enum[0];
    if (types.includes('string')) {
      if (known.format === 'date-time') return this.#neutral.time();
      if (known.format === 'uri' || /(^|_)(url|href)$/.test(key)) return this.#neutral.url();
      return key === 'node_id' ? 'node' : '';
    }
    if (types.includes('integer') || types.includes('number')) return 0;
    if (types.includes('boolean')) return false;
    if (types.includes('array')) return [];
    if (known.properties || known.allOf || types.includes('object')) return this.complete(known, {}, unknown, where);
    const first = (known.oneOf ?? known.anyOf)?.[0];
    return first ? this.#default(first, key, unknown, where) : null;
  }
}
