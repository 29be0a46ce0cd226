// Commit statuses: jobs that somebody else runs, each in a pipeline. https://docs.gitlab.com/api/commits/#commit-status
// What their page leaves open is as in the source:
// https://gitlab.com/gitlab-org/gitlab/-/blob/master/app/services/ci/create_commit_status_service.rb

import { wordKey } from '../core/log.mjs';
import { badRequest, notFound } from './errors.mjs';
import { paged } from './paging.mjs';
import { judged, makePipeline, pipelineShape } from './pipelines.mjs';
import { userShape } from './shapes.mjs';

const ONE = '/projects/{id}';
const STATES = ['pending', 'running', 'success', 'failed', 'canceled', 'skipped'];

export default function statuses(router) {
  router.on('POST', `${ONE}/statuses/{sha}`, { shape: 'status' }, create);
  router.on('GET', `${ONE}/repository/commits/{sha}/statuses`, { shape: 'statuses' }, listed);
  const pipelines = (ctx, fits) => {
    const found = ctx.project.pipelines.map((pipeline) => judged(ctx.project, pipeline)).filter(fits);
    return paged(ctx, found.reverse(), (pipeline) => pipelineShape(ctx.forge, ctx.project, pipeline));
  };
  router.on('GET', `${ONE}/pipelines`, { shape: 'pipelines', job: true }, (ctx) =>
    pipelines(ctx, ({ sha, ref, status, source }) =>
      Object.entries({ sha, ref, status, source }).every(
        ([key, value]) => !ctx.query.has(key) || value === ctx.query.get(key),
      ),
    ),
  );
  router.on('GET', `${ONE}/merge_requests/{iid}/pipelines`, { shape: 'pipelines' }, (ctx) => {
    const request = ctx.project.requests.get(Number(ctx.params.iid));
    if (!request) throw notFound();
    return pipelines(ctx, ({ sha }) => sha === request.headSha);
  });
}

async function listed(ctx) {
  const { project, query, params } = ctx;
  const sha = await project.repo.resolve(params.sha);
  if (!sha) throw notFound('Commit');
  const fits = (status) =>
    status.sha === sha &&
    (!query.get('name') || status.context === query.get('name')) &&
    (!query.get('ref') || status.ref === query.get('ref')) &&
    (!query.get('pipeline_id') || status.pipeline === Number(query.get('pipeline_id')));
  // "Latest only": one of each name in each pipeline.
  const newest = new Map();
  for (const status of project.statuses.filter(fits))
    newest.set(query.get('all') === 'true' ? status.id : `${status.pipeline} ${status.context}`, status);
  const found = [...newest.values()].sort((a, b) => a.id - b.id);
  if (query.get('sort') === 'desc') found.reverse();
  return paged(ctx, found, (status) => statusShape(ctx, status));
}

async function create(ctx) {
  const { world, project, user, params } = ctx;
  const body = { ...Object.fromEntries(ctx.query), ...ctx.body };
  const sha = /^[0-9a-f]{40}$/.test(params.sha) ? await project.repo.resolve(params.sha) : null;
  if (!sha) throw notFound('Commit');
  if (!STATES.includes(body.state)) throw badRequest('state does not have a valid value');
  const context = body.name ?? body.context ?? 'default';
  const { description, target_url } = body;
  for (const [name, text] of Object.entries({ name: context, description, target_url }))
    if (text?.length > 255) throw badRequest({ [name]: ['is too long (maximum is 255 characters)'] });
  // The newest pipeline of the commit that fits; where there is none, an external one.
  const known = project.pipelines.findLast(
    (pipeline) =>
      pipeline.sha === sha &&
      (body.ref === undefined || pipeline.ref === body.ref) &&
      (body.pipeline_id === undefined || pipeline.id === Number(body.pipeline_id)),
  );
  if (body.pipeline_id !== undefined && !known) throw notFound('Pipeline for pipeline_id, sha and ref');
  const ref = body.ref ?? known?.ref ?? (await project.repo.branchWith(sha));
  if (!ref) throw notFound('References for commit');
  const pipeline = known ?? makePipeline(world, project, { sha, ref });
  const open = project.statuses.findLast(
    (status) =>
      status.pipeline === pipeline.id &&
      status.context === context &&
      status.by === user &&
      ['pending', 'running'].includes(status.state),
  );
  // A state machine, so a second "pending" or "running" is an error.
  if (open?.state === body.state) throw badRequest(stuck(body.state));
  if (open && body.state === 'pending') throw badRequest(stuck('pending', open.state));
  const now = world.clock.iso();
  const given = {
    state: body.state,
    description: body.description ?? null,
    targetUrl: body.target_url ?? null,
    by: user,
    updatedAt: now,
  };
  const before = project.statuses.findLast((one) => one.pipeline === pipeline.id && one.context === context);
  given.key = wordKey(before, given, `${project.path} ${sha} ${pipeline.id} ${context}`, world.id());
  const status = open
    ? Object.assign(open, given)
    : { id: world.id(), sha, context, ref, createdAt: now, pipeline: pipeline.id, ...given };
  if (!open) project.statuses.push(status);
  ctx.effect('status', given.key);
  return { status: 201, body: statusShape(ctx, status) };
}

function stuck(to, from = to) {
  const event = to === 'running' ? 'run' : 'enqueue';
  return `Cannot transition status via :${event} from :${from} (Reason(s): Status cannot transition via "${event}")`;
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
