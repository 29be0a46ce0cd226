// GitHub: github.com's layout (the API at its own root) or GitHub Enterprise Server's (/api/v3,
// /api/graphql). https://docs.github.com/en/enterprise-server@3.19/rest/using-the-rest-api/getting-started-with-the-rest-api

import { locateGit } from '../core/git-front.mjs';
import { Router } from '../core/http.mjs';
import { Shapes } from '../core/validate.mjs';
import { acts } from './acts.mjs';
import * as auth from './auth.mjs';
import { presets, refusal } from './errors.mjs';
import { pushVerdict } from './gates.mjs';
import { settle, headMoved } from './merging.mjs';
import { description } from './spec.mjs';
import checks from './checks.mjs';
import commits from './commits.mjs';
import deployments from './deployments.mjs';
import gitData from './git-data.mjs';
import graphql from './graphql.mjs';
import issues from './issues.mjs';
import people from './people.mjs';
import pulls from './pulls.mjs';
import repos from './repos.mjs';
import reviews from './reviews.mjs';

export function makeGitHub(world, { layout = 'dotcom', ghes = '3.19' } = {}) {
  const router = new Router();
  for (const part of [people, repos, gitData, checks, commits, pulls, reviews, issues, deployments, graphql])
    part(router);
  const prefix = layout === 'ghes' ? '/api/v3' : '';
  const flavour = layout === 'ghes' ? `ghes-${ghes}` : 'api.github.com';
  let spec;
  const described = () => (spec ??= description(flavour, router.names));
  let made;

  const forge = {
    name: 'github',
    layout,
    version: layout === 'ghes' ? `${ghes}.0` : null,
    router,
    presets,
    acts,
    webUrl: () => forge.origin,
    apiUrl: () => forge.origin + prefix,
    urls: () => ({
      web: forge.origin,
      api: forge.origin + prefix,
      graphql: forge.origin + (layout === 'ghes' ? '/api/graphql' : '/graphql'),
      flavour,
    }),

    locate(rawPath, query) {
      const git = locateGit(rawPath, query);
      if (git) return git;
      if (layout === 'ghes' && rawPath === '/api/graphql') return { kind: 'api', path: '/graphql' };
      if (!rawPath.startsWith(prefix)) return { kind: 'web' };
      const path = rawPath.slice(prefix.length) || '/';
      // Every route of a repository also answers under its number; links between pages use that.
      const byId = /^\/repositories\/(\d+)(\/.*)?$/.exec(path);
      const project = byId && world.projectById(byId[1]);
      return { kind: 'api', path: project ? `/repos/${project.path}${byId[2] ?? ''}` : path };
    },

    identify: (req) => auth.identify(world, req),
    gitAccess: auth.gitAccess,
    makeToken: (given) => auth.makeToken(world, given),
    pushVerdict: async (project, commands, { user }) => pushVerdict(world, project, commands, user),
    headMoved: (project, request, change) => headMoved(forge, project, request, change),
    settle: (ctx) => settle(forge, ctx),

    admit(ctx) {
      if (!ctx.route.own && !described().operations[ctx.route.name]) throw refusal(404, 'Not Found');
      auth.admit(ctx);
    },

    /** What GitHub's description does not allow in this request. */
    problemOf({ route, body, entry }) {
      const operation = described().operations[route.name];
      if (!operation?.body) return null;
      const problems = shapes().check(`${pointer(route.name)}/body`, body ?? {});
      if (problems.length > 0) return problems.join('; ');
      const unknown = [];
      shapes().complete(operation.body, body ?? {}, unknown);
      if (unknown.length > 0) world.log.warnings.push({ request: entry.n, route: route.name, unknown });
      return null;
    },

    check(ctx, { status, body }) {
      const name = ctx.route?.name;
      const operation = described().operations[name];
      if (ctx.route?.own && status < 300) return { problems: [], body };
      const documented = operation?.answers[status];
      if (documented === undefined && status < 300)
        return { problems: [`${status} is not an answer of ${name}`], body };
      if (status === 204 || (documented === null && status < 300))
        return { problems: body === undefined ? [] : ['it has a body'], body: undefined };
      const unknown = [];
      const at = documented ? `${pointer(name)}/answers/${status}` : '#/components/schemas/basic-error';
      const schema = documented ?? { $ref: at };
      const whole = shapes().complete(schema, body, status < 300 ? unknown : []);
      return {
        problems: [...unknown.map((field) => `${field} is in no schema`), ...shapes().check(at, whole)],
        body: whole,
      };
    },

    refuse(kind, ctx, detail) {
      return kind === 'bad-body' ? refusal(400, 'Problems parsing JSON') : refusal(404, 'Not Found');
    },

    decorate: (ctx, headers) => ({
      ...auth.limitHeaders(ctx),
      date: new Date(world.clock.now()).toUTCString(),
      'x-github-request-id': `FAKE:${ctx.entry.n}`,
      'x-github-media-type': 'github.v3; format=json',
      'x-github-api-version-selected': ctx.req.headers['x-github-api-version'] ?? '2022-11-28',
      ...(layout === 'ghes' ? { 'x-github-enterprise-version': `${ghes}.0` } : {}),
      ...headers,
    }),
  };

  function shapes() {
    return (made ??= new Shapes(described(), {
      url: () => `${forge.origin}/not-modelled`,
      time: () => world.clock.iso(),
    }));
  }
  return forge;
}

function pointer(name) {
  return `#/operations/${encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'))}`;
}
