// Commit statuses, and the pipelines that they make. https://docs.gitlab.com/api/commits/#commit-status

import { badRequest, notFound } from './errors.mjs';
import { paged } from './paging.mjs';
import { pipelineOf, pipelineShape, userShape } from './shapes.mjs';

const ONE = '/projects/{id}';
const STATES = ['pending', 'running', 'success', 'failed', 'canceled', 'skipped'];

export default function statuses(router) {
  router.on('POST', `${ONE}/statuses/{sha}`, { shape: 'status' }, create);
  router.on('GET', `${ONE}/repository/commits/{sha}/statuses`, { shape: 'statuses' }, async (ctx) => {
    const sha = await ctx.project.repo.resolve(ctx.params.sha);
    if (!sha) throw notFound('Commit');
    const all = ctx.query.get('all') === 'true';
    const newest = new Map();
    for (const status of ctx.project.statuses)
      if (status.sha === sha) newest.set(all ? status.id : status.context, status);
    return paged(ctx, [...newest.values()], (status) => statusShape(ctx, status));
  });
  router.on('GET', `${ONE}/pipelines`, { shape: 'pipelines', job: true }, (ctx) => {
    const shas = [...new Set(ctx.project.statuses.map(({ sha }) => sha))].reverse();
    const found = shas
      .map((sha) => pipelineOf(ctx.project, sha))
      .filter(({ sha, ref, status }) =>
        ['sha', 'ref', 'status'].every(
          (key) => !ctx.query.has(key) || { sha, ref, status }[key] === ctx.query.get(key),
        ),
      );
    return paged(ctx, found, (pipeline) => pipelineShape(ctx.forge, ctx.project, pipeline));
  });
  router.on('GET', `${ONE}/merge_requests/{iid}/pipelines`, { shape: 'pipelines' }, (ctx) => {
    const request = ctx.project.requests.get(Number(ctx.params.iid));
    if (!request) throw notFound();
    const pipeline = pipelineOf(ctx.project, request.headSha);
    return paged(ctx, pipeline ? [pipeline] : [], (one) => pipelineShape(ctx.forge, ctx.project, one));
  });
}

async function create(ctx) {
  const { world, project, user, params } = ctx;
  const body = { ...Object.fromEntries(ctx.query), ...ctx.body };
  const sha = /^[0-9a-f]{40}$/.test(params.sha) ? await project.repo.resolve(params.sha) : null;
  if (!sha) throw notFound('Commit');
  if (!STATES.includes(body.state)) throw badRequest('state does not have a valid value');
  const context = body.name ?? body.context ?? 'default';
  if (context.length > 255) throw badRequest({ name: ['is too long (maximum is 255 characters)'] });
  // Without `ref` GitLab takes a branch that has the commit.
  const ref = body.ref ?? project.repo.branches.find(([, oid]) => oid === sha)?.[0] ?? project.defaultBranch;
  const open = project.statuses.findLast(
    (status) => status.sha === sha && status.context === context && ['pending', 'running'].includes(status.state),
  );
  // A state machine, so a second "running" is an error.
  if (open?.state === body.state)
    throw badRequest(
      `Cannot transition status via :${body.state === 'running' ? 'run' : 'enqueue'} from :${body.state} (Reason(s): Status cannot transition via "${body.state === 'running' ? 'run' : 'enqueue'}")`,
    );
  const now = world.clock.iso();
  const given = {
    state: body.state,
    description: body.description ?? null,
    targetUrl: body.target_url ?? null,
    by: user,
    updatedAt: now,
  };
  const known = pipelineOf(project, sha);
  const status = open
    ? Object.assign(open, given)
    : { id: world.id(), sha, context, ref, createdAt: now, pipeline: known?.id ?? world.id(), ...given };
  if (!open) project.statuses.push(status);
  ctx.effect('status', `${project.path} ${sha} ${context} ${body.state}`);
  return { status: 201, body: statusShape(ctx, status) };
}

function statusShape(
  { forge },
  { id, sha, ref, state, context, targetUrl, description, createdAt, updatedAt, by, pipeline },
) {
  const word = { failure: 'failed', error: 'failed' }[state] ?? state;
  const done = ['success', 'failed', 'canceled'].includes(word);
  return {
    id,
    sha,
    ref,
    status: word,
    name: context,
    target_url: targetUrl,
    description,
    created_at: createdAt,
    started_at: word === 'pending' ? null : createdAt,
    finished_at: done ? updatedAt : null,
    allow_failure: false,
    coverage: null,
    author: userShape(forge, by),
    pipeline_id: pipeline ?? null,
  };
}
