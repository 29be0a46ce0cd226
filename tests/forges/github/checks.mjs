// Commit statuses; the fake has no check runs of its own. https://docs.github.com/en/rest/commits/statuses

import { wordKey } from '../core/log.mjs';
import { invalid, notFound } from './errors.mjs';
import { statusesOf } from './gates.mjs';
import { paged, repoUrl, smallRepo, userShape } from './shapes.mjs';

const REPO = '/repos/{owner}/{repo}';

export default function checks(router) {
  router.on('POST', `${REPO}/statuses/{sha}`, { needs: 'statuses:write' }, async (ctx) => {
    const { world, project, user, params, body } = ctx;
    const sha = await project.repo.resolve(params.sha);
    if (!sha) throw invalid(`No commit found for SHA: ${params.sha}`);
    const context = body.context ?? 'default';
    if ([...(body.description ?? '')].length > 140)
      throw invalid('Validation Failed: description is too long (maximum is 140 characters)');
    if (project.statuses.filter((status) => status.sha === sha && status.context === context).length >= 1000)
      throw invalid('Validation Failed: This SHA and context has reached the maximum number of statuses.');
    const now = world.clock.iso();
    const status = {
      id: world.id(),
      sha,
      context,
      state: body.state,
      description: body.description ?? null,
      targetUrl: body.target_url ?? null,
      by: user,
      createdAt: now,
      updatedAt: now,
    };
    status.key = wordKey(statusesOf(project, sha).get(context), status, `${project.path} ${sha} ${context}`, status.id);
    project.statuses.push(status);
    ctx.effect('status', status.key);
    return { status: 201, body: statusShape(ctx, status) };
  });
  router.on('GET', `${REPO}/commits/{ref...}/statuses`, { needs: 'statuses:read' }, async (ctx) => {
    const sha = await ctx.project.repo.resolve(ctx.params.ref);
    if (!sha) throw notFound();
    return paged(ctx, ctx.project.statuses.filter((status) => status.sha === sha).reverse(), (status) =>
      statusShape(ctx, status),
    );
  });
  router.on('GET', `${REPO}/commits/{ref...}/status`, { needs: 'statuses:read' }, async (ctx) => {
    const { forge, project } = ctx;
    const sha = await project.repo.resolve(ctx.params.ref);
    if (!sha) throw notFound();
    const newest = [...statusesOf(project, sha).values()];
    const bad = newest.some(({ state }) => state === 'failure' || state === 'error');
    const state = bad
      ? 'failure'
      : newest.length > 0 && newest.every((one) => one.state === 'success')
        ? 'success'
        : 'pending';
    const url = `${repoUrl(forge, project)}/commits/${sha}`;
    return {
      status: 200,
      body: {
        state,
        statuses: newest.map((one) => small(statusShape(ctx, one))),
        sha,
        total_count: newest.length,
        repository: smallRepo(forge, project),
        commit_url: url,
        url: `${url}/status`,
      },
    };
  });
  // Actions' own results would be here; a gate on them is played with statuses.
  router.on('GET', `${REPO}/commits/{ref...}/check-runs`, { needs: 'checks:read' }, async (ctx) => {
    if (!(await ctx.project.repo.resolve(ctx.params.ref))) throw notFound();
    return { status: 200, body: { total_count: 0, check_runs: [] } };
  });
}

function statusShape(
  { forge, project },
  { id, sha, context, state, description, targetUrl, by, createdAt, updatedAt },
) {
  return {
    id,
    node_id: `SC_${id}`,
    url: `${repoUrl(forge, project)}/statuses/${sha}`,
    avatar_url: null,
    state,
    description,
    target_url: targetUrl,
    context,
    created_at: createdAt,
    updated_at: updatedAt,
    creator: userShape(forge, by),
  };
}

function small({ creator: _, ...status }) {
  return status;
}
