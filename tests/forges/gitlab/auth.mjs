// Who is asking, and whether the token is enough.
// https://docs.gitlab.com/api/rest/authentication/  https://docs.gitlab.com/security/tokens/

import { Refusal } from '../core/http.mjs';
import { basicSecret } from '../core/git-front.mjs';
import { ROLES } from '../core/world.mjs';
import { forbidden, notFound, refusal, unauthorized } from './errors.mjs';

const PREFIX = { personal: 'glpat-', project: 'glpat-', group: 'glpat-', job: 'glcbt-', deploy: 'gldt-' };

/**
 * kind "personal" (`user`), "project" or "group" (`project`/`group`, `role`: a bot user of its own),
 * "job" (`user` who started it, `project` that it runs in), "deploy" (`project`).
 */
export function makeToken(
  world,
  {
    kind = 'personal',
    user,
    project,
    group,
    role = 'maintainer',
    scopes = ['api', 'read_repository', 'write_repository'],
    ...rest
  },
) {
  let actor = user ? world.need(user) : null;
  if (kind === 'project' || kind === 'group') {
    const holder = kind === 'project' ? world.project(project) : world.addGroup({ path: group });
    // https://docs.gitlab.com/user/project/settings/project_access_tokens/#bot-users-for-projects
    const login = `${kind}_${holder.id}_bot_${world.id()}`;
    actor = world.addUser({ login, name: rest.name, email: `${login}@noreply.example.com`, type: 'Bot' });
    holder.members[login] = ROLES[role];
  }
  const job = kind === 'job' ? { id: world.id(), project } : null;
  return world.addToken({
    prefix: PREFIX[kind],
    kind,
    user: actor,
    project,
    job,
    scopes: kind === 'job' ? ['api'] : scopes,
    // https://docs.gitlab.com/ci/jobs/ci_job_token/#allow-git-push-requests-to-your-project-repository
    startsPipelines: kind !== 'job',
    used: 0,
    windowEnds: 0,
    ...rest,
  });
}

export function identify(world, req, kind) {
  const secret = req.headers['private-token'] ?? req.headers['job-token'] ?? basicSecret(req);
  if (!secret) return { secret: null, token: null, state: 'none' };
  const judged = world.judge(secret);
  // A job token is one only in its own header (or as gitlab-ci-token for git).
  if (kind === 'api' && judged.token && (judged.token.kind === 'job') !== Boolean(req.headers['job-token']))
    return { secret, token: null, state: 'unknown' };
  return { secret, ...judged };
}

export function admit(ctx) {
  const { world, token, tokenState, route, params, req } = ctx;
  const invalid = (description) => new Refusal(401, { error: 'invalid_token', error_description: description });
  if (tokenState === 'revoked') throw invalid('Token was revoked. You have to re-authorize from the user.');
  if (tokenState === 'expired') throw invalid('Token is expired. You can either do re-authorization or token refresh.');
  if (tokenState === 'unknown' || token?.kind === 'deploy') throw unauthorized();
  throttle(ctx);
  if (token?.kind === 'job' && !route.job) throw unauthorized();
  if (token?.kind !== 'job' && route.job === 'only') throw unauthorized();
  if (!token && !route.open) throw unauthorized();
  const enough = req.method === 'GET' ? ['api', 'read_api', ...(route.scopes ?? [])] : ['api'];
  if (token && !token.scopes.some((scope) => enough.includes(scope))) {
    throw new Refusal(403, {
      error: 'insufficient_scope',
      error_description: 'The request requires higher privileges than provided by the access token.',
      scope: enough.join(' '),
    });
  }
  ctx.user = token?.user ?? null;
  if (params.id !== undefined && ctx.path.startsWith('/projects/')) ctx.project = projectOf(ctx, params.id);
  if (ctx.project) {
    ctx.entry.project = ctx.project.path;
    const least = route.role ?? (req.method === 'GET' ? ROLES.reporter : ROLES.developer);
    if (!ctx.project.private && req.method === 'GET' && least <= ROLES.reporter) return;
    if (world.role(ctx.project, ctx.user) < least) throw forbidden();
  }
}

/** By number or by path with %2F. A path that moved: GET is sent on, all else is 405. https://docs.gitlab.com/api/rest/#redirects */
function projectOf(ctx, id) {
  const { world, forge, token, req } = ctx;
  const project = /^\d+$/.test(id) ? world.projectById(id) : world.project(id);
  const there = project ?? world.moved(id);
  if (!there || !mayRead(world, token, there)) throw notFound('Project');
  if (project) return project;
  if (req.method !== 'GET') throw refusal(405, 'Non GET methods are not allowed for moved projects');
  const rest = req.url.split(/\/projects\/[^/?]+/)[1];
  const location = `${forge.apiUrl()}/projects/${there.id}${rest}`;
  throw new Refusal(301, `This resource has been moved permanently to ${location}.`, {
    location,
    'content-type': 'text/plain',
  });
}

export function mayRead(world, token, project) {
  if (!project.private) return true;
  if (!token) return false;
  if (token.kind === 'deploy') return token.project === project.path;
  if (token.kind === 'job' && !jobMayReach(token, project)) return false;
  return world.role(project, token.user) >= ROLES.guest;
}

/** https://docs.gitlab.com/ci/jobs/ci_job_token/#control-job-token-access-to-your-project */
function jobMayReach(token, project) {
  return token.project === project.path || (project.settings.jobTokenAllowlist ?? []).includes(token.project);
}

function throttle({ world, token, forge }) {
  const most = world.settings.requestsPerMinute;
  if (!most || !token) return;
  const now = world.clock.seconds();
  if (now >= token.windowEnds) Object.assign(token, { used: 0, windowEnds: now + 60 });
  if (++token.used <= most) return;
  const wait = token.windowEnds - now;
  throw new Refusal(429, 'Retry later\n', {
    'content-type': 'text/plain',
    'retry-after': String(wait),
    'ratelimit-limit': String(most),
    'ratelimit-remaining': '0',
    'ratelimit-observed': String(token.used),
    'ratelimit-reset': String(token.windowEnds),
    'ratelimit-name': `throttle_authenticated_${forge.name}`,
  });
}

export function limitHeaders({ world, token }) {
  const most = world.settings.requestsPerMinute ?? 2000;
  const used = token?.used ?? 0;
  return {
    'ratelimit-limit': String(most),
    'ratelimit-observed': String(used),
    'ratelimit-remaining': String(Math.max(most - used, 0)),
    'ratelimit-reset': String(world.clock.seconds() + 60),
  };
}

/** https://docs.gitlab.com/topics/git/clone/#clone-using-a-token  and, for job tokens, as above */
export function gitAccess(ctx, project, push) {
  const { world, token, tokenState } = ctx;
  const text = (status, body, headers = {}) => ({
    refusal: { status, body, headers: { 'content-type': 'text/plain', ...headers } },
  });
  const denied =
    "HTTP Basic: Access denied. If a password was provided for Git authentication, the password was incorrect or you're required to use a token instead of a password. If a token was provided, it was either incorrect, expired, or improperly scoped.\n";
  const challenge = { 'www-authenticate': 'Basic realm="GitLab"' };
  if (tokenState === 'none' && (!project || project.private || push)) return text(401, denied, challenge);
  if (tokenState !== 'good' && tokenState !== 'none') return text(401, denied, challenge);
  if (!project || !mayRead(world, token, project))
    return text(404, "The project you were looking for could not be found or you don't have permission to view it.\n");
  if (token && token.kind !== 'job') {
    const scopes = push ? ['write_repository', 'api'] : ['read_repository', 'write_repository', 'api'];
    if (!token.scopes.some((scope) => scopes.includes(scope)))
      return push ? text(403, 'You are not allowed to push code to this project.\n') : text(401, denied, challenge);
  }
  if (push && !mayPush(world, token, project)) return text(403, 'You are not allowed to push code to this project.\n');
  return { user: token?.user ?? null };
}

function mayPush(world, token, project) {
  if (token.kind === 'deploy') return false;
  if (token.kind === 'job') {
    const own = token.project === project.path;
    if (!project.settings.jobTokenPush || (!own && !project.settings.jobTokenCrossProjectPush)) return false;
  }
  return world.role(project, token.user) >= ROLES.developer;
}
