// The root, the token's owner, users, teams, collaborators, apps.
// https://docs.github.com/en/rest/users  https://docs.github.com/en/rest/teams  https://docs.github.com/en/rest/apps

import { ROLES } from '../core/world.mjs';
import { bot, inaccessible, makeToken } from './auth.mjs';
import { failed, notFound, refusal } from './errors.mjs';
import { paged, repoShape, teamShape, userShape } from './shapes.mjs';

export default function people(router) {
  router.on('GET', '/', {}, ({ forge }) => ({
    status: 200,
    body: { current_user_url: `${forge.apiUrl()}/user`, repository_url: `${forge.apiUrl()}/repos/{owner}/{repo}` },
  }));
  router.on('GET', '/meta', {}, ({ forge }) => ({
    status: 200,
    body: { verifiable_password_authentication: false, ...(forge.version ? { installed_version: forge.version } : {}) },
  }));
  router.on('GET', '/rate_limit', { free: true }, ({ token }) => {
    const limit = token?.limit ?? 60;
    const core = { limit, used: token?.used ?? 0, remaining: limit - (token?.used ?? 0), reset: token?.resetAt ?? 0 };
    return {
      status: 200,
      body: { resources: { core, search: { ...core, limit: 30, remaining: 30 }, graphql: core }, rate: core },
    };
  });

  router.on('GET', '/user', { user: true }, ({ forge, token, user }) => {
    if (token.kind === 'installation' || token.kind === 'actions') throw refusal(403, inaccessible(token));
    return { status: 200, body: { ...userShape(forge, user), name: user.name, email: user.email } };
  });
  router.on('GET', '/users/{username}', {}, ({ forge, world, params }) => {
    const user = world.user(params.username);
    if (!user) throw notFound();
    return { status: 200, body: { ...userShape(forge, user), name: user.name, email: user.email } };
  });

  router.on('GET', '/orgs/{org}/teams/{team_slug}', { user: true }, (ctx) => {
    const { group } = team(ctx);
    const { org, team_slug: slug } = ctx.params;
    const organization = {
      login: group.path,
      id: group.id,
      node_id: `O_${group.id}`,
      type: 'Organization',
      description: null,
    };
    return {
      status: 200,
      body: {
        ...teamShape(ctx.forge, org, slug),
        members_count: team(ctx).found.members.length,
        repos_count: 0,
        organization,
      },
    };
  });
  router.on('GET', '/orgs/{org}/teams/{team_slug}/members', { user: true }, (ctx) =>
    paged(ctx, team(ctx).found.members, (login) => userShape(ctx.forge, ctx.world.user(login))),
  );
  router.on('GET', '/orgs/{org}/teams', { user: true }, (ctx) => {
    const group = ctx.world.group(ctx.params.org);
    if (!group) throw notFound();
    return paged(ctx, Object.keys(group.teams), (slug) => teamShape(ctx.forge, group.path, slug));
  });

  router.on('GET', '/orgs/{org}/members/{username}', { user: true }, ({ world, params }) => {
    const user = world.user(params.username);
    if (!user || !world.group(params.org)?.members[user.login]) throw notFound();
    return { status: 204 };
  });

  const collaborators = ({ world, project }) => world.users.filter((user) => world.role(project, user) >= ROLES.read);
  router.on('GET', '/repos/{owner}/{repo}/collaborators', { needs: 'metadata:read' }, (ctx) =>
    paged(ctx, collaborators(ctx), (user) => ({
      ...userShape(ctx.forge, user),
      permissions: repoShape(ctx.forge, ctx.project, user).permissions,
      role_name: roleName(ctx, user),
    })),
  );
  router.on('GET', '/repos/{owner}/{repo}/collaborators/{username}', { needs: 'metadata:read' }, (ctx) => {
    if (ctx.world.role(ctx.project, ctx.world.user(ctx.params.username)) < ROLES.read) throw notFound();
    return { status: 204 };
  });
  router.on('GET', '/repos/{owner}/{repo}/collaborators/{username}/permission', { needs: 'metadata:read' }, (ctx) => {
    const user = ctx.world.user(ctx.params.username);
    if (!user) throw notFound();
    const name = roleName(ctx, user);
    const permission = { maintain: 'write', triage: 'read' }[name] ?? name;
    return {
      status: 200,
      body: {
        permission,
        role_name: name,
        user: {
          ...userShape(ctx.forge, user),
          permissions: repoShape(ctx.forge, ctx.project, user).permissions,
          role_name: name,
        },
      },
    };
  });
  router.on('GET', '/repos/{owner}/{repo}/assignees', {}, (ctx) =>
    paged(ctx, collaborators(ctx), (user) => userShape(ctx.forge, user)),
  );
  router.on('GET', '/repos/{owner}/{repo}/assignees/{assignee}', {}, (ctx) => {
    if (ctx.world.role(ctx.project, ctx.world.user(ctx.params.assignee)) < ROLES.read) throw notFound();
    return { status: 204 };
  });

  router.on('GET', '/app', { app: true }, ({ token, forge }) => ({ status: 200, body: appShape(forge, token.app) }));
  router.on('GET', '/app/installations', { app: true }, (ctx) =>
    paged(ctx, ctx.token.app.installations, (one) => installationShape(ctx.forge, one)),
  );
  router.on('GET', '/app/installations/{installation_id}', { app: true }, (ctx) => ({
    status: 200,
    body: installationShape(ctx.forge, installation(ctx)),
  }));
  router.on('GET', '/repos/{owner}/{repo}/installation', { app: true }, (ctx) => {
    const found = ctx.token.app.installations.find(
      ({ account }) => account.toLowerCase() === ctx.params.owner.toLowerCase(),
    );
    if (!found) throw notFound();
    return { status: 200, body: installationShape(ctx.forge, found) };
  });
  router.on('POST', '/app/installations/{installation_id}/access_tokens', { app: true }, createInstallationToken);
  router.on('GET', '/installation/repositories', { user: true }, ({ forge, world, token, user }) => {
    if (token.kind !== 'installation' && token.kind !== 'actions')
      throw refusal(
        403,
        'You must authenticate with an installation access token in order to list repositories for an installation.',
      );
    const all = world.projects.filter(({ path }) => !token.repositories || token.repositories.includes(path));
    return {
      status: 200,
      body: { total_count: all.length, repositories: all.map((project) => repoShape(forge, project, user)) },
    };
  });
}

/** One hour; never more than the installation has. https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app */
function createInstallationToken(ctx) {
  const {
    world,
    forge,
    token: { app },
    body = {},
  } = ctx;
  const { account, repositories } = installation(ctx);
  const asked =
    body.repositories?.map((name) => `${account}/${name}`) ??
    body.repository_ids?.map((id) => world.projectById(id)?.path);
  const reachable = (name) =>
    world.project(name)?.namespace === account && (!repositories || repositories.includes(name));
  if (asked?.some((name) => !name || !reachable(name)))
    throw failed(
      'InstallationToken',
      'repositories',
      'invalid',
      'There is at least one repository that does not exist or is not accessible to the parent installation.',
    );
  const tooMuch = Object.entries(body.permissions ?? {}).some(
    ([name, level]) => level !== app.permissions[name] && !(level === 'read' && app.permissions[name]),
  );
  if (tooMuch)
    throw failed(
      'InstallationToken',
      'permissions',
      'invalid',
      'The permissions requested are not granted to this installation.',
    );
  const permissions = { metadata: 'read', ...(body.permissions ?? app.permissions) };
  const granted =
    asked ?? repositories ?? world.projects.filter(({ namespace }) => namespace === account).map(({ path }) => path);
  const expiresAt = world.clock.iso(world.clock.now() + 3600_000);
  bot(world, app.slug);
  const made = makeToken(world, {
    name: `installation:${app.slug}#${world.tokens.length}`,
    kind: 'installation',
    app: app.slug,
    repositories: granted,
    permissions,
    expiresAt,
  });
  ctx.effect('installation-token', `${app.slug}`);
  return {
    status: 201,
    body: {
      token: made.secret,
      expires_at: expiresAt,
      permissions,
      repository_selection: asked || repositories ? 'selected' : 'all',
      repositories: granted.map((name) => repoShape(forge, world.project(name), made.user)),
    },
  };
}

function installation({ token, params }) {
  const found = token.app.installations.find(({ id }) => String(id) === params.installation_id);
  if (!found) throw notFound();
  return found;
}

function appShape(forge, app) {
  return {
    id: app.id,
    slug: app.slug,
    node_id: `A_${app.id}`,
    name: app.slug,
    owner: account(forge, app.owner),
    description: null,
    permissions: app.permissions,
    events: [],
  };
}

function account({ world, ...forge }, name) {
  const group = world.group(name);
  return {
    login: name,
    id: group?.id ?? 0,
    node_id: `O_${name}`,
    gravatar_id: '',
    type: 'Organization',
    site_admin: false,
    html_url: `${forge.webUrl()}/${name}`,
  };
}

function installationShape(forge, { id, account: name, repositories, app }) {
  return {
    id,
    account: account(forge, name),
    app_id: app.id,
    app_slug: app.slug,
    target_id: 0,
    target_type: 'Organization',
    permissions: app.permissions,
    events: [],
    repository_selection: repositories ? 'selected' : 'all',
    single_file_name: null,
  };
}

function team({ world, params }) {
  const group = world.group(params.org);
  const found = group?.teams[params.team_slug];
  if (!found) throw notFound();
  return { group, found };
}

function roleName({ world, project }, user) {
  const role = world.role(project, user);
  return ['admin', 'maintain', 'write', 'triage', 'read'].find((name) => role >= ROLES[name]) ?? 'none';
}
