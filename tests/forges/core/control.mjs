// The control plane: what a test does to the forge and asks of it. JSON over HTTP on its own port.

import { encode, readBody } from './http.mjs';
import { acts } from './acts.mjs';

export function controls(forge) {
  const { world } = forge;
  const all = { ...acts, ...forge.acts };
  /** One thing that people do, `{do: "push", …}`. Does not take the lock: faults act in mid-request. */
  forge.act = async (step) => {
    const act = all[step.do];
    if (!act) throw new Error(`nobody can do "${step.do}"; there are ${Object.keys(all).sort().join(', ')}`);
    const result = (await act(forge, step)) ?? {};
    await forge.settle({ world, forge });
    return result;
  };

  const routes = {
    'GET /': () => ({ kind: forge.name, ...forge.urls(), acts: Object.keys(all).sort(), routes: forge.router.names }),
    'POST /act': async (body) => {
      const results = [];
      for (const step of [body].flat()) results.push(await world.lock.run(() => forge.act(step)));
      return Array.isArray(body) ? results : results[0];
    },
    'POST /clock': (body) => world.clock.set(body),
    'POST /settings': (body) => Object.assign(world.settings, body),
    'POST /faults': (body) => (forge.faults.load(body), { loaded: forge.faults.report.length }),
    'GET /faults': () => forge.faults.report,
    'GET /log': (_, query) =>
      world.log.entries.filter((entry) => [...query].every(([key, value]) => String(entry[key]) === value)),
    'DELETE /log': () => (world.log.clear(), {}),
    'GET /effects': () => world.log.effects,
    'GET /counters': () => world.log.counters(),
    'GET /storms': (_, query) => world.log.storms(Number(query.get('window') ?? 1000)),
    'GET /violations': () => world.log.violations,
    'GET /warnings': () => world.log.warnings,
    'GET /events': (_, query) => project(world, query).events,
    'GET /state': (_, query) => state(project(world, query)),
  };

  return async (req, res) => {
    const [path, query = ''] = req.url.split('?');
    const route = routes[`${req.method} ${path}`];
    let answer;
    try {
      const raw = await readBody(req);
      if (!route)
        answer = {
          status: 404,
          body: { error: `no ${req.method} ${path}; there are ${Object.keys(routes).join(', ')}` },
        };
      else answer = { status: 200, body: await route(raw.length ? JSON.parse(raw) : {}, new URLSearchParams(query)) };
    } catch (error) {
      answer = { status: 400, body: { error: error.message, stack: error.stack } };
    }
    const { status, headers, body } = encode(answer);
    res.writeHead(status, headers).end(body);
  };
}

function project(world, query) {
  const found = world.project(query.get('project'));
  if (!found) throw new Error(`no project ${query.get('project')}`);
  return found;
}

/** The truth about a project, apart from any forge's way of telling it. */
function state(found) {
  const login = (user) => user?.login ?? null;
  const requests = [...found.requests.values()].map((request) => ({
    ...request,
    source: request.source.path,
    author: login(request.author),
    closedBy: login(request.closedBy),
    mergedBy: login(request.mergedBy),
    reviewers: request.reviewers.map(login),
    assignees: request.assignees.map(login),
    autoMerge: request.autoMerge && { ...request.autoMerge, by: login(request.autoMerge.by) },
    reviews: request.reviews.map((review) => ({ ...review, user: login(review.user) })),
    comments: request.comments.map((comment) => ({ ...comment, author: login(comment.author) })),
  }));
  return {
    id: found.id,
    path: found.path,
    dir: found.repo.dir,
    branches: Object.fromEntries(found.repo.branches),
    requests,
    statuses: found.statuses.map((status) => ({ ...status, by: login(status.by) })),
    pipelines: found.pipelines,
    deployments: found.deployments.map(({ creator, ...rest }) => ({ ...rest, creator: login(creator) })),
    environments: found.environments,
    queue: found.queue.map(({ number }) => number),
  };
}
