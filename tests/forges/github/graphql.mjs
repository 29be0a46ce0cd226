// GraphQL, executed against GitHub's own schema (npm @octokit/graphql-schema), so that a query which
// GitHub would refuse is refused. Errors carry GitHub's `type`, which is in no schema.
// https://docs.github.com/en/graphql/guides/forming-calls-with-graphql

import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { mutations } from './mutations.mjs';
import { queries } from './queries.mjs';

let engine;

/** Reading the schema takes a third of a second, so only who uses GraphQL pays for it. */
async function load() {
  if (engine) return engine;
  const graphql = await import('graphql');
  const file = path.join(path.dirname(fileURLToPath(import.meta.resolve('@octokit/graphql-schema'))), 'schema.graphql');
  const schema = graphql.buildSchema(fs.readFileSync(file, 'utf8'), { assumeValid: true });
  return (engine = { ...graphql, schema });
}

export default function graphql(router) {
  router.on('POST', '/graphql', { own: true, user: true }, answer);
}

async function answer(ctx) {
  const { query, variables, operationName } = ctx.body ?? {};
  if (typeof query !== 'string')
    return {
      status: 400,
      body: {
        message: 'A query attribute must be specified and must be a string.',
        documentation_url: 'https://docs.github.com/graphql',
      },
    };
  const { schema, parse, validate, execute, GraphQLError } = await load();
  let document;
  try {
    document = parse(query);
  } catch (error) {
    return {
      status: 200,
      body: { errors: [{ message: `Parse error: ${error.message}`, locations: error.locations }] },
    };
  }
  const mistakes = validate(schema, document);
  if (mistakes.length > 0) {
    ctx.world.log.warnings.push({
      request: ctx.entry.n,
      route: ctx.entry.route,
      unknown: mistakes.map(({ message }) => message),
    });
    return {
      status: 200,
      body: {
        errors: mistakes.map(({ message, locations }) => ({
          message,
          locations,
          path: ['query'],
          extensions: { code: 'invalid' },
        })),
      },
    };
  }
  ctx.fail = (type, message) => {
    throw new GraphQLError(message, { extensions: { type } });
  };
  const result = await execute({
    schema,
    document,
    rootValue: { ...queries, ...mutations },
    contextValue: ctx,
    variableValues: variables,
    operationName,
    typeResolver: ({ __typename }) => __typename,
    fieldResolver: modelled,
  });
  const body = { ...(result.data === undefined ? {} : { data: result.data }) };
  if (result.errors) body.errors = result.errors.map((error) => told(ctx, error));
  return { status: 200, body };
}

/** Null would be a lie about a field that the fake does not have. */
function modelled(source, args, ctx, { fieldName, parentType }) {
  if (!(fieldName in source)) throw new Error(`the fake has no ${parentType.name}.${fieldName}`);
  return typeof source[fieldName] === 'function' ? source[fieldName](args, ctx) : source[fieldName];
}

/** A field that the schema requires and the fake does not have is the fake's failure, not an answer. */
function told(ctx, error) {
  const { message, locations, path, extensions } = error;
  const planned = extensions?.type !== undefined || !path;
  if (!planned)
    ctx.world.log.violation(ctx.entry, `GraphQL ${path?.join('.')}`, [error.originalError?.stack ?? message]);
  return {
    ...(extensions?.type ? { type: extensions.type } : {}),
    ...(path ? { path } : {}),
    locations,
    message: planned ? message : `the fake does not model this: ${message}`,
  };
}
