// GitLab, also below a relative root. https://docs.gitlab.com/install/relative_url/

import { locateGit } from '../core/git-front.mjs';
import { Refusal, Router } from '../core/http.mjs';
import { Shapes } from '../core/validate.mjs';
import { acts } from './acts.mjs';
import * as auth from './auth.mjs';
import { presets, refusal } from './errors.mjs';
import { pushVerdict } from './protection.mjs';
import { headMoved, settle } from './merging.mjs';
import { schemas } from './schemas.mjs';
import approvals from './approvals.mjs';
import commits from './commits.mjs';
import deployments from './deployments.mjs';
import mergeRequests from './merge-requests.mjs';
import notes from './notes.mjs';
import people from './people.mjs';
import projects from './projects.mjs';
import statuses from './statuses.mjs';

export function makeGitLab(world, { root = '' } = {}) {
  const router = new Router();
  for (const part of [people, projects, commits, statuses, mergeRequests, approvals, notes, deployments]) part(router);
  const prefix = `${root}/api/v4`;
  const shapes = new Shapes(schemas, {});

  const forge = {
    name: 'gitlab',
    version: '19.5.0-ee',
    router,
    presets,
    acts,
    webUrl: () => forge.origin + root,
    apiUrl: () => forge.origin + prefix,
    urls: () => ({ web: forge.origin + root, api: forge.origin + prefix }),
    locate(rawPath, query) {
      if (rawPath.startsWith(prefix)) return { kind: 'api', path: rawPath.slice(prefix.length) || '/' };
      const git = rawPath.startsWith(`${root}/`) && locateGit(rawPath.slice(root.length), query);
      return git || { kind: 'web' };
    },
    identify: (req, kind) => auth.identify(world, req, kind),
    admit: auth.admit,
    gitAccess: auth.gitAccess,
    makeToken: (given) => auth.makeToken(world, given),
    pushVerdict: async (project, commands, { user }) => pushVerdict(world, project, commands, user),
    headMoved: (project, request, change) => headMoved(forge, project, request, change),
    settle: (ctx) => settle(forge, ctx),

    check({ route }, { status, body }) {
      if (status === 204) return { problems: body === undefined ? [] : ['it has a body'], body };
      if (status >= 300) return { problems: typeof body === 'string' ? [] : shapes.check('#/error', body), body };
      const name = route.shape;
      if (name === 'raw') return { problems: [], body };
      return { problems: schemas[name] ? shapes.check(`#/${name}`, body) : [`no schema ${name}`], body };
    },
    refuse(kind, ctx, detail) {
      if (kind === 'bad-body')
        return /malformed/i.test(detail)
          ? refusal(400, '400 Bad Request')
          : new Refusal(400, { error: 'The request body is not valid JSON' });
      // https://docs.gitlab.com/api/rest/#unknown-route
      return detail?.length ? refusal(405, '405 Not Allowed') : new Refusal(404, { error: '404 Not Found' });
    },
    decorate: (ctx, headers) => ({
      ...auth.limitHeaders(ctx),
      date: new Date(world.clock.now()).toUTCString(),
      'x-request-id': `FAKE${ctx.entry.n}`,
      'x-gitlab-meta': `{"correlation_id":"FAKE${ctx.entry.n}","version":"1"}`,
      vary: 'Origin',
      ...headers,
    }),
  };
  return forge;
}
