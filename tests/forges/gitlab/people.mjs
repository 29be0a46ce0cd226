// Versions, users, groups, tokens, jobs. https://docs.gitlab.com/api/users/  https://docs.gitlab.com/api/members/

import { notFound } from './errors.mjs';
import { paged } from './paging.mjs';
import { projectUrl, userShape } from './shapes.mjs';

export default function people(router) {
  const get = (path, options, handler) => router.on('GET', path, options, handler);
  get('/version', { shape: 'version', scopes: ['read_user'] }, ({ forge, world }) => ({
    status: 200,
    body: { version: world.settings.version ?? forge.version, revision: '0000000' },
  }));
  get('/metadata', { shape: 'metadata', scopes: ['read_user'] }, ({ forge, world }) => ({
    status: 200,
    body: {
      version: world.settings.version ?? forge.version,
      revision: '0000000',
      kas: { enabled: false, externalUrl: null, version: null },
      enterprise: true,
    },
  }));

  get('/user', { shape: 'me', scopes: ['read_user'] }, ({ forge, user }) => ({
    status: 200,
    body: {
      ...userShape(forge, user),
      created_at: user.createdAt,
      email: user.email,
      bot: user.type === 'Bot',
      locked: false,
    },
  }));
  // The only way for a job token to say who it is. https://docs.gitlab.com/api/jobs/#get-job-tokens-job
  get('/job', { shape: 'job', job: 'only' }, ({ forge, world, token }) => {
    const project = world.project(token.job.project);
    return {
      status: 200,
      body: {
        id: token.job.id,
        name: 'pin',
        status: 'running',
        stage: 'deploy',
        ref: project.defaultBranch,
        tag: false,
        created_at: token.createdAt,
        user: userShape(forge, token.user),
        web_url: `${projectUrl(forge, project)}/-/jobs/${token.job.id}`,
        project: { ci_job_token_scope_enabled: true },
        pipeline: { id: token.job.id, project_id: project.id, status: 'running' },
      },
    };
  });
  get(
    '/personal_access_tokens/self',
    { shape: 'token', scopes: ['read_user', 'self_rotate', 'read_repository', 'write_repository'] },
    ({ token }) => ({
      status: 200,
      body: {
        id: token.id,
        name: token.name,
        revoked: token.revoked,
        created_at: token.createdAt,
        scopes: token.scopes,
        user_id: token.user.id,
        active: true,
        expires_at: token.expiresAt?.slice(0, 10) ?? null,
        last_used_at: null,
      },
    }),
  );

  get('/users', { shape: 'users', scopes: ['read_user'] }, (ctx) => {
    const name = ctx.query.get('username')?.toLowerCase();
    return paged(
      ctx,
      ctx.world.users.filter(({ login }) => !name || login.toLowerCase() === name),
      (user) => userShape(ctx.forge, user),
    );
  });
  get('/users/{user_id}', { shape: 'user', scopes: ['read_user'] }, ({ forge, world, params }) => {
    const user = world.users.find(({ id }) => String(id) === params.user_id);
    if (!user) throw notFound('User');
    return { status: 200, body: userShape(forge, user) };
  });

  get('/groups/{id}', { shape: 'group' }, ({ forge, world, params }) => {
    const group = groupOf(world, params.id);
    return {
      status: 200,
      body: {
        id: group.id,
        name: group.name,
        path: group.path.split('/').at(-1),
        full_path: group.path,
        full_name: group.path.split('/').join(' / '),
        description: null,
        visibility: 'private',
        web_url: encodeURI(`${forge.webUrl()}/groups/${group.path}`),
        parent_id: null,
        created_at: group.createdAt,
      },
    };
  });
  const groupMembers = (ctx) => {
    const group = groupOf(ctx.world, ctx.params.id);
    return members(ctx, Object.entries(group.members));
  };
  get('/groups/{id}/members', { shape: 'members' }, groupMembers);
  get('/groups/{id}/members/all', { shape: 'members' }, groupMembers);

  get('/projects/{id}/members', { shape: 'members' }, (ctx) => members(ctx, Object.entries(ctx.project.members)));
  get('/projects/{id}/members/all', { shape: 'members' }, (ctx) => members(ctx, everybody(ctx)));
  for (const path of ['/projects/{id}/members/{user_id}', '/projects/{id}/members/all/{user_id}']) {
    get(path, { shape: 'member' }, (ctx) => {
      const found = everybody(ctx).find(([login]) => String(ctx.world.user(login).id) === ctx.params.user_id);
      if (!found) throw notFound();
      return { status: 200, body: memberShape(ctx, found) };
    });
  }
  get('/projects/{id}/users', { shape: 'users' }, (ctx) =>
    paged(ctx, everybody(ctx), ([login]) => userShape(ctx.forge, ctx.world.user(login))),
  );
}

function groupOf(world, id) {
  const group = world.group(id);
  if (!group) throw notFound('Group');
  return group;
}

/** With those whom a group above brings in. */
function everybody({ world, project }) {
  return world.users.map((user) => [user.login, world.role(project, user)]).filter(([, role]) => role > 0);
}

function members(ctx, list) {
  const wanted = ctx.query.get('query')?.toLowerCase();
  return paged(
    ctx,
    list.filter(([login]) => !wanted || login.toLowerCase().includes(wanted)),
    (one) => memberShape(ctx, one),
  );
}

function memberShape({ forge, world }, [login, role]) {
  const user = world.user(login);
  return {
    ...userShape(forge, user),
    access_level: role,
    expires_at: null,
    created_at: user.createdAt,
    membership_state: 'active',
    locked: false,
  };
}
