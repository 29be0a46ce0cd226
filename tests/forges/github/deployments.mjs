// Deployments. https://docs.github.com/en/rest/deployments/deployments

import { mergeCommit } from '../core/merge.mjs';
import { noticeChanges } from '../core/requests.mjs';
import { failed, invalid, notFound, refusal } from './errors.mjs';
import { statusesOf } from './gates.mjs';
import { paged, repoUrl, userShape } from './shapes.mjs';

const REPO = '/repos/{owner}/{repo}';
const ONE = `${REPO}/deployments/{deployment_id}`;
const read = { needs: 'deployments:read' };
const write = { needs: 'deployments:write' };

export default function deployments(router) {
  router.on('POST', `${REPO}/deployments`, write, create);
  router.on('GET', `${REPO}/deployments`, read, (ctx) => {
    const fits = (deployment) =>
      ['sha', 'ref', 'task', 'environment'].every(
        (key) => !ctx.query.has(key) || deployment[key] === ctx.query.get(key),
      );
    return paged(ctx, ctx.project.deployments.filter(fits).reverse(), (one) => shape(ctx, one));
  });
  router.on('GET', ONE, read, (ctx) => ({ status: 200, body: shape(ctx, deploymentOf(ctx)) }));
  router.on('GET', `${ONE}/statuses`, read, (ctx) => {
    const deployment = deploymentOf(ctx);
    return paged(ctx, [...deployment.statuses].reverse(), (status) => statusShape(ctx, deployment, status));
  });
  router.on('POST', `${ONE}/statuses`, write, createStatus);
  router.on('GET', `${REPO}/environments`, { needs: 'actions:read|deployments:read' }, (ctx) => {
    const names = [...new Set(ctx.project.deployments.map(({ environment }) => environment))];
    const now = ctx.world.clock.iso();
    return {
      status: 200,
      body: {
        total_count: names.length,
        environments: names.map((name, i) => ({
          id: i + 1,
          node_id: `EN_${name}`,
          name,
          url: `${repoUrl(ctx.forge, ctx.project)}/environments/${encodeURIComponent(name)}`,
          html_url: ctx.forge.webUrl(),
          created_at: now,
          updated_at: now,
        })),
      },
    };
  });
}

/**
 * The defaults bite: `auto_merge` merges the default branch into the ref and answers 202 without a
 * deployment; `required_contexts` left out means all statuses must be green (409).
 */
async function create(ctx) {
  const { forge, world, project, user, token, entry, body } = ctx;
  const { repo } = project;
  const sha = await repo.resolve(body.ref);
  if (!sha) throw invalid(`No ref found for: ${body.ref}`);
  if ([...(body.description ?? '')].length > 140)
    throw failed('Deployment', 'description', 'custom', 'description is too long (maximum is 140 characters)');
  if ((project.settings.protectedEnvironments ?? []).includes(body.environment ?? 'production'))
    throw refusal(403, `Environment ${body.environment} is protected.`);
  const main = repo.branch(project.defaultBranch);
  if (body.auto_merge !== false && repo.branch(body.ref) && !(await repo.isAncestor(main, sha))) {
    const message = `Merge branch '${project.defaultBranch}' into ${body.ref}\n`;
    const merge = await mergeCommit(repo, {
      base: sha,
      head: main,
      method: 'merge',
      message,
      author: user,
      date: world.clock.seconds(),
    });
    if (!merge) throw refusal(409, 'Conflict merging ' + `${project.defaultBranch} into ${body.ref}.`);
    await repo.swap(`refs/heads/${body.ref}`, merge, sha);
    await noticeChanges(forge, project, { user, token, via: 'api', entry });
    return { status: 202, body: { message: `Auto-merged ${project.defaultBranch} into ${body.ref} on deployment.` } };
  }
  const newest = statusesOf(project, sha);
  const contexts = body.required_contexts ?? [...newest.keys()];
  const bad = contexts.filter((context) => newest.get(context)?.state !== 'success');
  if (bad.length > 0) throw refusal(409, `Conflict: Commit status checks failed for ${body.ref}.`);
  const now = world.clock.iso();
  const deployment = {
    id: world.id(),
    sha,
    ref: body.ref,
    task: body.task ?? 'deploy',
    payload: body.payload ?? {},
    environment: body.environment ?? 'production',
    description: body.description ?? null,
    transient: body.transient_environment ?? false,
    production: body.production_environment ?? (body.environment ?? 'production') === 'production',
    creator: user,
    createdAt: now,
    updatedAt: now,
    statuses: [],
  };
  project.deployments.push(deployment);
  ctx.effect('deployment', `${project.path} ${deployment.environment} ${sha}`);
  return { status: 201, body: shape(ctx, deployment) };
}

function createStatus(ctx) {
  const { world, project, user, body } = ctx;
  const deployment = deploymentOf(ctx);
  if ([...(body.description ?? '')].length > 140)
    throw failed('DeploymentStatus', 'description', 'custom', 'description is too long (maximum is 140 characters)');
  const now = world.clock.iso();
  const status = {
    id: world.id(),
    state: body.state,
    description: body.description ?? '',
    environmentUrl: body.environment_url ?? '',
    logUrl: body.log_url ?? body.target_url ?? '',
    environment: body.environment ?? deployment.environment,
    creator: user,
    createdAt: now,
  };
  deployment.statuses.push(status);
  deployment.updatedAt = now;
  // A success retires older deployments of the same environment, but never of production ones.
  if (status.state === 'success' && body.auto_inactive !== false) {
    for (const other of project.deployments) {
      const retired =
        other !== deployment &&
        other.environment === status.environment &&
        !other.transient &&
        !other.production &&
        other.statuses.at(-1)?.state === 'success';
      if (retired) other.statuses.push({ ...status, id: world.id(), state: 'inactive', description: '' });
    }
  }
  ctx.effect('deployment-status', `${project.path} ${deployment.id} ${body.state}`);
  return { status: 201, body: statusShape(ctx, deployment, status) };
}

function deploymentOf({ project, params }) {
  const found = project.deployments.find(({ id }) => String(id) === params.deployment_id);
  if (!found) throw notFound();
  return found;
}

function shape(
  { forge, project },
  { id, sha, ref, task, payload, environment, description, transient, production, creator, createdAt, updatedAt },
) {
  const url = `${repoUrl(forge, project)}/deployments/${id}`;
  return {
    id,
    node_id: `DE_${id}`,
    url,
    sha,
    ref,
    task,
    payload,
    original_environment: environment,
    environment,
    description,
    creator: userShape(forge, creator),
    created_at: createdAt,
    updated_at: updatedAt,
    statuses_url: `${url}/statuses`,
    repository_url: repoUrl(forge, project),
    transient_environment: transient,
    production_environment: production,
  };
}

function statusShape(
  { forge, project },
  deployment,
  { id, state, description, environmentUrl, logUrl, environment, creator, createdAt },
) {
  const url = `${repoUrl(forge, project)}/deployments/${deployment.id}`;
  return {
    id,
    node_id: `DES_${id}`,
    url: `${url}/statuses/${id}`,
    state,
    creator: userShape(forge, creator),
    description,
    environment,
    target_url: logUrl,
    log_url: logUrl,
    environment_url: environmentUrl,
    created_at: createdAt,
    updated_at: createdAt,
    deployment_url: url,
    repository_url: repoUrl(forge, project),
  };
}
