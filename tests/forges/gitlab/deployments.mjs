// Environments and deployments; both take a job token.
// https://docs.gitlab.com/api/environments/  https://docs.gitlab.com/api/deployments/

import { ROLES } from '../core/world.mjs';
import { badRequest, forbidden, needs, notFound } from './errors.mjs';
import { paged } from './paging.mjs';
import { userShape } from './shapes.mjs';

const PROJECT = '/projects/{id}';
const STATES = ['created', 'running', 'success', 'failed', 'canceled'];

export default function deployments(router) {
  const job = { job: true };
  router.on('GET', `${PROJECT}/environments`, { ...job, shape: 'environments' }, (ctx) => {
    const { name, search, states } = Object.fromEntries(ctx.query);
    const found = ctx.project.environments.filter(
      (one) =>
        (!name || one.name === name) && (!search || one.name.includes(search)) && (!states || one.state === states),
    );
    return paged(ctx, found, (one) => environmentShape(ctx, one, false));
  });
  router.on('POST', `${PROJECT}/environments`, { ...job, shape: 'environment' }, (ctx) => {
    needs(ctx.body, 'name');
    if (ctx.project.environments.some(({ name }) => name === ctx.body.name))
      throw badRequest({ name: ['has already been taken'] });
    if (ctx.body.external_url && !/^https?:\/\//.test(ctx.body.external_url))
      throw badRequest({ external_url: ['is blocked: Only allowed schemes are http, https'] });
    const made = addEnvironment(ctx, ctx.body.name, ctx.body);
    return { status: 201, body: environmentShape(ctx, made, true) };
  });
  const one = `${PROJECT}/environments/{environment_id}`;
  router.on('GET', one, { ...job, shape: 'environment' }, (ctx) => ({
    status: 200,
    body: environmentShape(ctx, environmentOf(ctx), true),
  }));
  router.on('PUT', one, { ...job, shape: 'environment' }, (ctx) => {
    const found = environmentOf(ctx);
    mayDeploy(ctx, found.name);
    if (ctx.body.external_url !== undefined) found.externalUrl = ctx.body.external_url;
    if (ctx.body.tier !== undefined) found.tier = ctx.body.tier;
    found.updatedAt = ctx.world.clock.iso();
    ctx.effect('environment', `${ctx.project.path} ${found.name} ${JSON.stringify(ctx.body)}`);
    return { status: 200, body: environmentShape(ctx, found, true) };
  });
  router.on('POST', `${one}/stop`, { ...job, shape: 'environment' }, (ctx) => {
    const found = environmentOf(ctx);
    mayDeploy(ctx, found.name);
    found.state = 'stopped';
    ctx.effect('environment', `${ctx.project.path} ${found.name} stop`);
    return { status: 200, body: environmentShape(ctx, found, true) };
  });
  router.on('DELETE', one, { ...job }, (ctx) => {
    const found = environmentOf(ctx);
    if (found.state !== 'stopped') throw forbidden();
    ctx.project.environments = ctx.project.environments.filter((other) => other !== found);
    ctx.effect('environment', `${ctx.project.path} ${found.name} delete`);
    return { status: 204 };
  });

  router.on('GET', `${PROJECT}/deployments`, { ...job, shape: 'deployments' }, (ctx) => {
    const { environment, status, sort, order_by: order = 'id' } = Object.fromEntries(ctx.query);
    const found = ctx.project.deployments.filter(
      (deployment) =>
        (!environment || deployment.environment === environment) && (!status || deployment.status === status),
    );
    const key = { id: 'id', iid: 'iid', created_at: 'createdAt', updated_at: 'updatedAt' }[order] ?? 'id';
    found.sort((a, b) => (a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : a.id - b.id));
    if (sort === 'desc') found.reverse();
    return paged(ctx, found, (deployment) => deploymentShape(ctx, deployment));
  });
  router.on('POST', `${PROJECT}/deployments`, { ...job, shape: 'deployment' }, create);
  const deployment = `${PROJECT}/deployments/{deployment_id}`;
  router.on('GET', deployment, { ...job, shape: 'deployment' }, (ctx) => ({
    status: 200,
    body: deploymentShape(ctx, deploymentOf(ctx)),
  }));
  router.on('PUT', deployment, { ...job, shape: 'deployment' }, (ctx) => {
    const found = deploymentOf(ctx);
    mayDeploy(ctx, found.environment);
    needs(ctx.body, 'status');
    if (!STATES.includes(ctx.body.status)) throw badRequest('status does not have a valid value');
    if (found.status === ctx.body.status)
      throw badRequest(`Cannot transition status via :${ctx.body.status} from :${found.status}`);
    Object.assign(found, { status: ctx.body.status, updatedAt: ctx.world.clock.iso() });
    ctx.effect('deployment-status', `${ctx.project.path} ${found.id} ${found.status}`);
    return { status: 200, body: deploymentShape(ctx, found) };
  });
}

/** Like GitLab's own guess. https://docs.gitlab.com/ci/environments/#deployment-tier-of-environments */
function tierOf(name) {
  const word = name.split('/')[0];
  if (/prod|live/i.test(word)) return 'production';
  if (/stag|model|pre|demo|non/i.test(word)) return 'staging';
  if (/test|qa|quality/i.test(word)) return 'testing';
  return /dev|review|trunk/i.test(word) ? 'development' : 'other';
}

function addEnvironment(ctx, name, { external_url: url = null, tier } = {}) {
  const { world, project } = ctx;
  mayDeploy(ctx, name);
  const now = world.clock.iso();
  const made = {
    id: world.id(),
    name,
    externalUrl: url,
    tier: tier ?? tierOf(name),
    state: 'available',
    createdAt: now,
    updatedAt: now,
  };
  project.environments.push(made);
  ctx.effect('environment', `${project.path} ${name}`);
  return made;
}

/** Protected environments: `settings.protectedEnvironments: {"production": 40}`. https://docs.gitlab.com/ci/environments/protected_environments/ */
function mayDeploy({ world, project, user }, name) {
  const least = project.settings.protectedEnvironments?.[name];
  if (least !== undefined && world.role(project, user) < (ROLES[least] ?? least)) throw forbidden();
}

async function create(ctx) {
  const { world, project, user, body } = ctx;
  needs(body, 'environment', 'sha', 'ref', 'tag', 'status');
  mayDeploy(ctx, body.environment);
  if (!STATES.includes(body.status)) throw badRequest('status does not have a valid value');
  // The commit must be in this project, not in the one that asks.
  const sha = /^[0-9a-f]{40}$/.test(body.sha) ? await project.repo.resolve(body.sha) : null;
  if (!sha) throw badRequest({ sha: ['The commit does not exist'] });
  const environment =
    project.environments.find(({ name }) => name === body.environment) ?? addEnvironment(ctx, body.environment);
  environment.state = 'available';
  const now = world.clock.iso();
  const deployment = {
    id: world.id(),
    iid: project.deployments.length + 1,
    ref: body.ref,
    sha,
    environment: environment.name,
    status: body.status,
    creator: user,
    createdAt: now,
    updatedAt: now,
  };
  project.deployments.push(deployment);
  ctx.effect('deployment', `${project.path} ${environment.name} ${sha}`);
  return { status: 201, body: deploymentShape(ctx, deployment) };
}

function environmentOf({ project, params }) {
  const found = project.environments.find(({ id }) => String(id) === params.environment_id);
  if (!found) throw notFound('Environment');
  return found;
}

function deploymentOf({ project, params }) {
  const found = project.deployments.find(({ id }) => String(id) === params.deployment_id);
  if (!found) throw notFound('Deployment');
  return found;
}

function plain({ id, name, externalUrl, tier, state, createdAt, updatedAt }) {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 24)
    .replace(/-$/, '');
  return {
    id,
    name,
    slug,
    description: null,
    external_url: externalUrl,
    state,
    tier,
    created_at: createdAt,
    updated_at: updatedAt,
    auto_stop_at: null,
    auto_stop_setting: 'always',
  };
}

function environmentShape(ctx, environment, single) {
  const last = ctx.project.deployments.findLast(
    (deployment) => deployment.environment === environment.name && deployment.status === 'success',
  );
  return { ...plain(environment), ...(single ? { last_deployment: last ? deploymentShape(ctx, last) : null } : {}) };
}

function deploymentShape(
  { forge, project },
  { id, iid, ref, sha, environment, status, creator, createdAt, updatedAt },
) {
  const where = project.environments.find(({ name }) => name === environment);
  return {
    id,
    iid,
    ref,
    sha,
    created_at: createdAt,
    updated_at: updatedAt,
    user: userShape(forge, creator),
    deployable: null,
    environment: where ? plain(where) : null,
    status,
  };
}
