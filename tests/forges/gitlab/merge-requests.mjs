// Merge requests. https://docs.gitlab.com/api/merge_requests/

import { close, hasConflicts, noticeChanges, openRequest, recheck, touch } from '../core/requests.mjs';
import { mergeCommit } from '../core/merge.mjs';
import { ROLES } from '../core/world.mjs';
import { badRequest, forbidden, needs, notFound, refusal, unauthorized } from './errors.mjs';
import { accept, board, cancelAutoMerge, mergeStatus, truthy } from './merging.mjs';
import { paged } from './paging.mjs';
import { pipelineOf, pipelineShape } from './pipelines.mjs';
import { mayChange } from './protection.mjs';
import { commitShape, mergeRequestShape, projectUrl, userShape } from './shapes.mjs';

const LIST = '/projects/{id}/merge_requests';
const ONE = `${LIST}/{iid}`;
const DESCRIPTION = 1_048_576;

export default function mergeRequests(router) {
  router.on('GET', LIST, { shape: 'mergeRequests', job: true }, list);
  router.on('POST', LIST, { shape: 'mergeRequest' }, create);
  router.on('GET', ONE, { shape: 'mergeRequest', job: true }, async (ctx) => ({
    status: 200,
    body: await whole(ctx, requestOf(ctx), true),
  }));
  router.on('PUT', ONE, { shape: 'mergeRequest' }, update);
  router.on('PUT', `${ONE}/merge`, { shape: 'mergeRequest' }, async (ctx) => {
    const request = requestOf(ctx);
    await accept(ctx, request, { ...Object.fromEntries(ctx.query), ...ctx.body });
    return { status: 200, body: await whole(ctx, request) };
  });
  // Whoever may merge it, or opened it, may. The answer is the service's own result, not the request, and
  // says 201 where there was nothing to cancel.
  // https://gitlab.com/gitlab-org/gitlab/-/blob/master/lib/api/merge_requests.rb
  router.on('POST', `${ONE}/cancel_merge_when_pipeline_succeeds`, { shape: 'cancelled' }, (ctx) => {
    const { world, project, user } = ctx;
    const request = requestOf(ctx);
    if (!mayChange(world, project, request.base, user, 'merge') && request.author !== user) throw unauthorized();
    return cancelAutoMerge(ctx, project, request)
      ? { status: 201, body: { status: 'success' } }
      : { status: 201, body: { message: "Can't cancel the automatic merge", http_status: 406, status: 'error' } };
  });
  router.on('PUT', `${ONE}/rebase`, { shape: 'rebase' }, rebase);
  router.on('GET', `${ONE}/commits`, { shape: 'commits' }, async (ctx) => {
    const request = requestOf(ctx);
    const base = request.state === 'merged' ? request.baseSha : ctx.project.repo.branch(request.base);
    return paged(ctx, await ctx.project.repo.log([request.headSha, ...(base ? [`^${base}`] : [])]), (commit) =>
      commitShape(ctx.forge, ctx.project, commit),
    );
  });
  router.on('GET', `${ONE}/reviewers`, { shape: 'reviewers' }, (ctx) => {
    const request = requestOf(ctx);
    const state = (user) =>
      ({ APPROVED: 'approved', CHANGES_REQUESTED: 'requested_changes', COMMENTED: 'reviewed' })[
        request.reviews.findLast((review) => review.user === user && !review.dismissed)?.state
      ] ?? 'unreviewed';
    return {
      status: 200,
      body: request.reviewers.map((user) => ({
        user: userShape(ctx.forge, user),
        state: state(user),
        created_at: request.createdAt,
      })),
    };
  });

  // Merge trains. https://docs.gitlab.com/api/merge_trains/
  router.on('GET', '/projects/{id}/merge_trains', { shape: 'trains' }, (ctx) =>
    paged(ctx, ctx.project.queue, (car) => carShape(ctx, car)),
  );
  const car = '/projects/{id}/merge_trains/merge_requests/{iid}';
  router.on('GET', car, { shape: 'train' }, (ctx) => {
    const found = ctx.project.queue.find(({ number }) => number === requestOf(ctx).number);
    if (!found) throw notFound();
    return { status: 200, body: carShape(ctx, found) };
  });
  router.on('POST', car, { shape: 'trains' }, async (ctx) => {
    const request = requestOf(ctx);
    if (!ctx.project.settings.mergeTrains) throw forbidden();
    if (ctx.body?.sha && ctx.body.sha !== request.headSha)
      throw refusal(409, `SHA does not match HEAD of source branch: ${request.headSha}`);
    if ((await mergeStatus(ctx.world, ctx.project, request)) !== 'mergeable') throw badRequest('Failed to merge');
    return { status: 201, body: [carShape(ctx, board(ctx, ctx.project, request, ctx.user))] };
  });
}

export function requestOf({ project, params }) {
  const request = project.requests.get(Number(params.iid));
  if (!request) throw notFound();
  return request;
}

export async function whole(ctx, request, poll = false) {
  const { forge, world, project, user } = ctx;
  const { repo } = project;
  const base = request.state === 'merged' ? request.baseSha : repo.branch(request.base);
  const from = base && (await repo.mergeBase(base, request.headSha));
  const pipeline = pipelineShape(forge, project, pipelineOf(project, request.headSha));
  const status = await mergeStatus(world, project, request, { poll });
  return {
    ...mergeRequestShape(forge, project, request, status),
    subscribed: false,
    changes_count: from ? String((await repo.diff(from, request.headSha)).length) : null,
    latest_build_started_at: null,
    latest_build_finished_at: null,
    first_deployed_to_production_at: null,
    pipeline,
    head_pipeline: pipeline,
    diff_refs: from ? { base_sha: from, head_sha: request.headSha, start_sha: base } : null,
    merge_error: null,
    user: { can_merge: world.role(project, user) >= ROLES.developer },
    ...(ctx.query.get('include_diverged_commits_count')
      ? { diverged_commits_count: await repo.count(`${request.headSha}..${base}`) }
      : {}),
    ...(ctx.query.get('include_rebase_in_progress') ? { rebase_in_progress: false } : {}),
    first_contribution: false,
  };
}

async function list(ctx) {
  const { world, forge, project, query } = ctx;
  const state = { opened: 'open', closed: 'closed', merged: 'merged' }[query.get('state')];
  const labels = query.get('labels')?.split(',') ?? query.getAll('labels[]');
  const iids = query.getAll('iids[]');
  const wanted = (request) =>
    (!state || request.state === state) &&
    (!query.get('source_branch') || request.head === query.get('source_branch')) &&
    (!query.get('target_branch') || request.base === query.get('target_branch')) &&
    (!query.get('author_username') || request.author.login === query.get('author_username')) &&
    (iids.length === 0 || iids.includes(String(request.number))) &&
    labels.every((label) => request.labels.includes(label)) &&
    // "On or after": https://docs.gitlab.com/api/merge_requests/#list-project-merge-requests
    !(Date.parse(request.createdAt) < Date.parse(query.get('created_after') ?? '')) &&
    (!query.get('search') ||
      `${request.title} ${request.body ?? ''}`.toLowerCase().includes(query.get('search').toLowerCase()));
  const found = [...project.requests.values()].filter((request) => {
    if (request.listsLeft > 0) {
      request.listsLeft -= 1;
      return false;
    }
    return wanted(request);
  });
  const key = query.get('order_by') === 'updated_at' ? 'updatedAt' : 'createdAt';
  found.sort((a, b) => a[key].localeCompare(b[key]) || a.number - b.number);
  if (query.get('sort') !== 'asc') found.reverse();
  // A list asks for no check; what is not known yet stays so. https://docs.gitlab.com/api/merge_requests/#list-all-merge-requests
  const poll = truthy(query.get('with_merge_status_recheck'));
  return paged(ctx, found, async (request) =>
    mergeRequestShape(forge, project, request, await mergeStatus(world, project, request, { poll })),
  );
}

async function create(ctx) {
  const { world, project, user, body } = ctx;
  needs(body, 'source_branch', 'target_branch', 'title');
  const { source_branch: head, target_branch: base } = body;
  checkDescription(body.description);
  const { repo } = project;
  const problems = [];
  if (!repo.branch(head)) problems.push(`Source branch "${head}" does not exist`);
  if (!repo.branch(base)) problems.push(`Target branch "${base}" does not exist`);
  if (head === base) problems.push("You can't use same project/branch for source and target");
  if (problems.length > 0) throw refusal(422, problems);
  const twin = [...project.requests.values()].find(
    (other) => other.state === 'open' && other.head === head && other.base === base,
  );
  // The number of the other one is only in this text.
  if (twin) throw refusal(409, [`Another open merge request already exists for this source branch: !${twin.number}`]);
  const request = openRequest(world, project, {
    title: body.title,
    body: body.description ?? null,
    head,
    base,
    author: user,
  });
  request.removeSource = truthy(body.remove_source_branch) || (project.settings.removeSourceBranch ?? false);
  request.squash = body.squash === undefined ? project.settings.squashOption === 'default_on' : truthy(body.squash);
  people(ctx, request, body);
  request.labels = labelsOf(body.labels ?? []);
  ctx.effect('request', `${project.path} ${head} -> ${base}`, { number: request.number });
  return { status: 201, body: await whole(ctx, request) };
}

function checkDescription(text) {
  if (text && [...text].length > DESCRIPTION)
    throw badRequest({ description: [`is too long (${[...text].length}). The maximum size is ${DESCRIPTION}.`] });
}

function labelsOf(given) {
  return [...new Set((Array.isArray(given) ? given : given.split(',')).map((label) => label.trim()).filter(Boolean))];
}

/** Ids that nobody has, or that may not read the project, are left out without a word. */
function people({ world, project }, request, body) {
  const found = (ids) =>
    [ids]
      .flat()
      .map((id) => world.users.find((user) => user.id === Number(id)))
      .filter((user) => user && world.role(project, user) >= ROLES.guest);
  if (body.assignee_ids !== undefined) request.assignees = found(body.assignee_ids);
  if (body.assignee_id !== undefined) request.assignees = found(body.assignee_id);
  if (body.reviewer_ids !== undefined) request.reviewers = found(body.reviewer_ids);
}

async function update(ctx) {
  const { world, project, user, body = {} } = ctx;
  const request = requestOf(ctx);
  checkDescription(body.description);
  if (body.target_branch !== undefined && body.target_branch !== request.base) {
    if (!project.repo.branch(body.target_branch))
      throw refusal(422, [`Target branch "${body.target_branch}" does not exist`]);
    request.base = body.target_branch;
    recheck(world, request);
  }
  if (body.title !== undefined) {
    request.title = body.title;
    request.draft = false;
  }
  if (body.description !== undefined) request.body = body.description;
  if (body.labels !== undefined) request.labels = labelsOf(body.labels);
  if (body.add_labels !== undefined) request.labels = [...new Set([...request.labels, ...labelsOf(body.add_labels)])];
  if (body.remove_labels !== undefined)
    request.labels = request.labels.filter((label) => !labelsOf(body.remove_labels).includes(label));
  if (body.squash !== undefined) request.squash = truthy(body.squash);
  if (body.remove_source_branch !== undefined) request.removeSource = truthy(body.remove_source_branch);
  people(ctx, request, body);
  if (body.state_event === 'close' && request.state === 'open') close(world, request, user);
  if (body.state_event === 'reopen' && request.state === 'closed') {
    const twin = [...project.requests.values()].find(
      (other) => other.state === 'open' && other.head === request.head && other.base === request.base,
    );
    if (twin) throw refusal(409, [`Another open merge request already exists for this source branch: !${twin.number}`]);
    Object.assign(request, {
      state: 'open',
      closedAt: null,
      closedBy: null,
      headSha: project.repo.branch(request.head) ?? request.headSha,
    });
    recheck(world, request);
  }
  touch(world, request);
  ctx.effect('request-update', `${project.path}!${request.number} ${JSON.stringify(body)}`);
  return { status: 200, body: await whole(ctx, request) };
}

/** In the background; done by the time of the next look. https://docs.gitlab.com/api/merge_requests/#rebase-a-merge-request */
async function rebase(ctx) {
  const { forge, project, user, token, entry, world } = ctx;
  const request = requestOf(ctx);
  if (request.state !== 'open' || (await hasConflicts(project, request)))
    throw refusal(
      409,
      'Failed to enqueue the rebase operation, possibly due to a long-lived transaction. Try again later.',
    );
  const base = project.repo.branch(request.base);
  const sha = await mergeCommit(project.repo, {
    base,
    head: request.headSha,
    method: 'rebase',
    message: '',
    author: user,
    date: world.clock.seconds(),
  });
  if (sha && (await project.repo.swap(`refs/heads/${request.head}`, sha, request.headSha)))
    await noticeChanges(forge, project, { user, token, via: 'api', entry });
  return { status: 202, body: { rebase_in_progress: true } };
}

function carShape({ forge, project }, { id, number, by, at }) {
  const request = project.requests.get(number);
  const { title, body, createdAt, updatedAt } = request;
  return {
    id,
    user: userShape(forge, by),
    pipeline: null,
    created_at: at,
    updated_at: at,
    target_branch: request.base,
    status: 'fresh',
    merged_at: null,
    duration: null,
    merge_request: {
      id: request.id,
      iid: number,
      project_id: project.id,
      title,
      description: body,
      state: 'opened',
      created_at: createdAt,
      updated_at: updatedAt,
      web_url: `${projectUrl(forge, project)}/-/merge_requests/${number}`,
    },
  };
}
