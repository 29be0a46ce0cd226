// Who is asking, and whether the token is enough.
// https://docs.github.com/en/rest/authentication/authenticating-to-the-rest-api
// https://docs.github.com/en/rest/authentication/permissions-required-for-fine-grained-personal-access-tokens

import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { Refusal } from '../core/http.mjs';
import { basicSecret } from '../core/git-front.mjs';
import { ROLES } from '../core/world.mjs';
import { invalid, notFound, refusal } from './errors.mjs';

const PREFIX = { classic: 'ghp_', fine: 'github_pat_', installation: 'ghs_', actions: 'ghs_' };
const LEVEL = { read: 1, write: 2, admin: 3 };
const ROLE = { read: ROLES.read, write: ROLES.write, admin: ROLES.admin };

/**
 * kind "classic" (`scopes`), "fine" (`permissions`, `repositories`), "actions" (GITHUB_TOKEN: one
 * repository; its events start no workflow), "installation" (by an app's own JWT, or made here).
 */
export function makeToken(world, { kind = 'classic', user, app, repositories, permissions, scopes, ...rest }) {
  const actor = kind === 'actions' ? bot(world, 'github-actions') : app ? bot(world, app) : world.need(user);
  return world.addToken({
    prefix: PREFIX[kind],
    kind,
    user: actor,
    scopes: kind === 'classic' ? (scopes ?? ['repo']) : null,
    permissions: {
      metadata: 'read',
      ...(permissions ?? {
        contents: 'write',
        pull_requests: 'write',
        issues: 'write',
        statuses: 'write',
        deployments: 'write',
      }),
    },
    repositories: repositories ?? null,
    startsPipelines: kind !== 'actions',
    limit: 5000,
    used: 0,
    resetAt: null,
    ...rest,
  });
}

export function bot(world, slug) {
  return (
    world.user(`${slug}[bot]`) ??
    world.addUser({ login: `${slug}[bot]`, email: `${slug}[bot]@users.noreply.github.com`, type: 'Bot' })
  );
}

export function makeApp(world, { slug, publicKey, permissions = {}, account, repositories = null }) {
  let privateKey;
  if (!publicKey) {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
    publicKey = pair.publicKey.export({ type: 'spki', format: 'pem' });
    privateKey = pair.privateKey.export({ type: 'pkcs1', format: 'pem' });
  }
  const app = {
    id: world.id(),
    slug,
    key: createPublicKey(publicKey),
    owner: account,
    permissions: { metadata: 'read', ...permissions },
  };
  app.installations = [{ id: world.id(), account, repositories, app }];
  world.apps.push(app);
  bot(world, slug);
  return { id: app.id, installation: app.installations[0].id, privateKey };
}

export function identify(world, req) {
  const secret = basicSecret(req);
  if (!secret) return { secret: null, token: null, state: 'none' };
  if (secret.split('.').length === 3) {
    const app = appOf(world, secret);
    return app
      ? { secret, token: { name: `app:${app.slug}`, kind: 'app', app }, state: 'good' }
      : { secret, token: null, state: 'unknown' };
  }
  return { secret, ...world.judge(secret) };
}

/** RS256, at most ten minutes. https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app */
function appOf(world, jwt) {
  const [head, claims, signature] = jwt.split('.');
  try {
    const { alg } = JSON.parse(Buffer.from(head, 'base64url'));
    const { iss, iat, exp } = JSON.parse(Buffer.from(claims, 'base64url'));
    const app = world.apps.find(({ id, slug }) => String(id) === String(iss) || slug === iss);
    const now = world.clock.seconds();
    const good = app && alg === 'RS256' && iat <= now + 60 && exp > now && exp <= now + 660;
    return good && verify('RSA-SHA256', Buffer.from(`${head}.${claims}`), app.key, Buffer.from(signature, 'base64url'))
      ? app
      : null;
  } catch {
    return null;
  }
}

/** Before any handler: a good token, within its limits, allowed to do this to this repository. */
export function admit(ctx) {
  const { world, forge, token, tokenState, route, params } = ctx;
  if (tokenState !== 'good' && tokenState !== 'none') throw refusal(401, 'Bad credentials');
  spend(ctx);
  if (route.app) {
    if (token?.kind !== 'app') throw refusal(401, 'A JSON web token could not be decoded');
    return;
  }
  if (token?.kind === 'app') throw refusal(401, "This endpoint doesn't accept a JSON web token");
  ctx.user = token?.user ?? null;
  if (route.user && !token) throw refusal(401, 'Requires authentication');
  if (!params.owner) return;
  const name = `${params.owner}/${params.repo}`;
  const project = world.project(name);
  const there = project ?? world.moved(name);
  if (!there || !mayRead(world, token, there)) throw notFound();
  if (!project) throw moved(ctx, there, name);
  ctx.project = project;
  ctx.entry.project = project.path;
  need(ctx, project, route.needs ?? 'metadata:read');
  const problem = forge.problemOf(ctx);
  if (problem) throw invalid(`Invalid request.\n\n${problem}`);
}

/** https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects */
function moved(ctx, project, name) {
  const [, rest = ''] = ctx.path.split(/^\/repos\/[^/]+\/[^/]+/);
  const url = `${ctx.forge.apiUrl()}/repositories/${project.id}${rest}${ctx.req.url.includes('?') ? `?${ctx.query}` : ''}`;
  const get = ctx.req.method === 'GET' || ctx.req.method === 'HEAD';
  return refusal(get ? 301 : 307, get ? 'Moved Permanently' : 'Temporary Redirect', { location: url }, { url });
}

export function mayRead(world, token, project) {
  if (!token) return !project.private;
  if (!covers(token, project)) return !project.private && token.kind !== 'actions';
  if (token.kind === 'classic')
    return !project.private || (token.scopes.includes('repo') && world.role(project, token.user) >= ROLES.read);
  return token.kind !== 'fine' || !project.private || world.role(project, token.user) >= ROLES.read;
}

function covers(token, project) {
  return !token.repositories || token.repositories.some((name) => name.toLowerCase() === project.path.toLowerCase());
}

/** `what`: "contents:write"; alternatives with a bar, as for labels: "issues:write|pull_requests:write". */
export function need(ctx, project, what) {
  const { world, token } = ctx;
  const wanted = what.split('|').map((one) => one.split(':'));
  const level = wanted[0][1];
  if (level === 'read' && !project.private && wanted[0][0] !== 'administration') return;
  if (!token) throw refusal(401, 'Requires authentication');
  const headers = { 'x-accepted-github-permissions': wanted.map(([name, at]) => `${name}=${at}`).join('; ') };
  if (token.kind === 'classic') {
    const scope = project.private ? ['repo'] : ['repo', 'public_repo'];
    if (!scope.some((one) => token.scopes.includes(one))) throw notFound();
  } else {
    const enough = wanted.some(([name, at]) => LEVEL[token.permissions[name]] >= LEVEL[at]);
    if (!covers(token, project)) throw level === 'read' ? notFound() : refusal(403, inaccessible(token), headers);
    if (!enough) throw refusal(403, inaccessible(token), headers);
  }
  if (token.kind === 'classic' || token.kind === 'fine') {
    const role = wanted[0][0] === 'administration' ? ROLES.admin : ROLE[level];
    if (world.role(project, token.user) < role) {
      throw role === ROLES.admin
        ? refusal(403, 'Must have admin rights to Repository.')
        : refusal(403, 'Must have push access to repository');
    }
  }
}

export function inaccessible(token) {
  return token.kind === 'fine'
    ? 'Resource not accessible by personal access token'
    : 'Resource not accessible by integration';
}

/** https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api */
function spend({ world, token, req, route }) {
  if (!token || token.kind === 'app' || route.free) return;
  const now = world.clock.seconds();
  if (token.resetAt === null || now >= token.resetAt) Object.assign(token, { used: 0, resetAt: now + 3600 });
  if (token.used >= token.limit) {
    const message = `API rate limit exceeded for user ID ${token.user.id}.`;
    // GraphQL says so with 200. https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
    if (route.name === 'POST /graphql') throw new Refusal(200, { errors: [{ type: 'RATE_LIMITED', message }] });
    throw refusal(403, message);
  }
  token.used += 1;
  const most = world.settings.contentPerMinute;
  if (!most || req.method === 'GET') return;
  token.writes = (token.writes ?? []).filter((at) => at > now - 60);
  if (token.writes.length >= most)
    throw refusal(403, 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.', {
      'retry-after': String(60 - (now - token.writes[0])),
    });
  token.writes.push(now);
}

export function limitHeaders({ token }) {
  const limit = token?.limit ?? 60;
  const headers = {
    'x-ratelimit-limit': String(limit),
    'x-ratelimit-remaining': String(Math.max(limit - (token?.used ?? 1), 0)),
    'x-ratelimit-used': String(token?.used ?? 1),
    'x-ratelimit-reset': String(token?.resetAt ?? 0),
    'x-ratelimit-resource': 'core',
  };
  if (token?.kind === 'classic')
    Object.assign(headers, { 'x-oauth-scopes': token.scopes.join(', '), 'x-accepted-oauth-scopes': 'repo' });
  if (token?.expiresAt)
    headers['github-authentication-token-expiration'] = token.expiresAt.replace('T', ' ').replace('Z', ' UTC');
  return headers;
}

/** Git over HTTP: any user name, the token as the password; a repository that is not visible is not found. */
export function gitAccess(ctx, project, push) {
  const { world, token, tokenState } = ctx;
  const text = (status, body, headers = {}) => ({
    refusal: { status, body, headers: { 'content-type': 'text/plain', ...headers } },
  });
  const challenge = { 'www-authenticate': 'Basic realm="GitHub"' };
  if (tokenState === 'none' && (!project || project.private || push))
    return text(401, 'No anonymous write access.', challenge);
  if (tokenState !== 'good' && tokenState !== 'none')
    return text(
      401,
      'Invalid username or token. Password authentication is not supported for Git operations.',
      challenge,
    );
  if (!project || !mayRead(world, token, project)) return text(404, 'Repository not found.');
  if (push) {
    try {
      need(ctx, project, 'contents:write');
    } catch {
      return text(403, `Permission to ${project.path}.git denied to ${token.user.login}.`);
    }
  }
  return { user: token?.user ?? null };
}
