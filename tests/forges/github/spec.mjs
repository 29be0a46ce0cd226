// GitHub's own description of its REST API (npm @octokit/openapi, from github/rest-api-description),
// cut to the routes that the fake serves. The whole file takes 13 MB and 0.2 s to read, so the cut
// is kept beside the package, named after everything that it depends on.

import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);
const FORMAT = '3';

/** `flavour`: "api.github.com" or "ghes-3.19" and so on; `names`: "GET /repos/{owner}/{repo}". */
export function description(flavour, names) {
  const packageFile = require.resolve('@octokit/openapi/package.json');
  const { version } = JSON.parse(fs.readFileSync(packageFile));
  const key = createHash('sha256')
    .update([FORMAT, flavour, version, ...names].join('\n'))
    .digest('hex')
    .slice(0, 16);
  const cache = path.join(path.dirname(packageFile), '..', '..', '.cache', 'pinrail-forges');
  const file = path.join(cache, `${flavour}-${key}.json`);
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  const whole = JSON.parse(fs.readFileSync(path.join(path.dirname(packageFile), 'generated', `${flavour}.json`)));
  const cut = cutOut(whole, names);
  fs.mkdirSync(cache, { recursive: true });
  // Other instances may be doing the same: written aside, then renamed.
  fs.writeFileSync(`${file}.${process.pid}`, JSON.stringify(cut));
  fs.renameSync(`${file}.${process.pid}`, file);
  return cut;
}

/** `{operations: {name: {body, answers: {status: schema | null}}}, components: {schemas}}` */
function cutOut(whole, names) {
  const deref = (node) =>
    node?.$ref
      ? deref(
          node.$ref
            .slice(2)
            .split('/')
            .reduce((at, key) => at[key.replaceAll('~1', '/')], whole),
        )
      : node;
  const operations = {};
  for (const name of names) {
    const [method, route] = name.split(' ');
    const operation = whole.paths[route]?.[method.toLowerCase()];
    if (!operation) continue;
    const answers = {};
    for (const [status, response] of Object.entries(operation.responses)) {
      const content = deref(response).content ?? {};
      answers[status] = (content['application/json'] ?? Object.values(content)[0])?.schema ?? null;
    }
    const body = deref(operation.requestBody)?.content?.['application/json']?.schema ?? null;
    operations[name] = { body, answers };
  }
  const schemas = {};
  const pending = ['basic-error', 'validation-error', 'validation-error-simple'];
  const collect = (node) => {
    if (node === null || typeof node !== 'object') return;
    if (typeof node.$ref === 'string') pending.push(node.$ref.split('/').at(-1));
    Object.values(node).forEach(collect);
  };
  collect(operations);
  while (pending.length > 0) {
    const name = pending.pop();
    if (schemas[name]) continue;
    schemas[name] = whole.components.schemas[name];
    collect(schemas[name]);
  }
  return plain({ operations, components: { schemas } });
}

/** OpenAPI 3.0's `nullable` as JSON Schema says it; texts and examples left out. */
function plain(node) {
  if (Array.isArray(node)) return node.map(plain);
  if (node === null || typeof node !== 'object') return node;
  const { nullable, ...rest } = node;
  const result = {};
  for (const [key, value] of Object.entries(rest)) {
    const text =
      ['description', 'example', 'examples', 'externalDocs', 'title'].includes(key) &&
      (typeof value === 'string' || key.startsWith('example'));
    if (!text) result[key] = plain(value);
  }
  // A URL whose default is "" is "" when nobody gave one.
  if (result.format === 'uri' && result.default === '') delete result.format;
  if (nullable !== true || isMap(node))
    return nullable !== undefined && isMap(node) ? { ...result, nullable: plain(nullable) } : result;
  if (result.enum && !result.enum.includes(null)) result.enum.push(null);
  if (result.type) return { ...result, type: [...new Set([result.type, 'null'].flat())] };
  return { anyOf: [{ type: 'null' }, result] };
}

/** A map of properties may have one that is called `nullable`. */
function isMap(node) {
  return typeof node.nullable === 'object';
}
