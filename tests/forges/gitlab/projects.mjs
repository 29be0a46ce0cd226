// Projects, branches, their protection, labels, rules of approval.
// https://docs.gitlab.com/api/projects/  https://docs.gitlab.com/api/branches/  https://docs.gitlab.com/api/protected_branches/

import { noticeChanges } from '../core/requests.mjs';
import { ZERO } from '../core/repo.mjs';
import { ROLES } from '../core/world.mjs';
import { badRequest, forbidden, needs, notFound } from './errors.mjs';
import { mayRead } from './auth.mjs';
import { paged } from './paging.mjs';
import { mayChange, protectionOf } from './protection.mjs';
import { commitShape, projectShape, projectUrl, userShape } from './shapes.mjs';

const ONE = '/projects/{id}';

export default function projects(router) {
  router.on('GET', '/projects', { shape: 'projects' }, (ctx) => {
    const mine = ctx.world.projects.filter(
      (project) =>
        mayRead(ctx.world, ctx.token, project) &&
        (!ctx.query.get('search') || project.path.includes(ctx.query.get('search'))),
    );
    return paged(ctx, mine, (project) => projectShape(ctx.forge, project, ctx.user));
  });
  router.on('GET', ONE, { shape: 'project', role: ROLES.guest }, (ctx) => ({
    status: 200,
    body: projectShape(ctx.forge, ctx.project, ctx.user),
  }));

  router.on('GET', `${ONE}/repository/branches`, { shape: 'branches' }, branches);
  router.on('POST', `${ONE}/repository/branches`, { shape: 'branch' }, createBranch);
  router.on('GET', `${ONE}/repository/branches/{branch}`, { shape: 'branch' }, async (ctx) => ({
    status: 200,
    body: await branchShape(ctx, branchOf(ctx)),
  }));
  router.on('DELETE', `${ONE}/repository/branches/{branch}`, {}, async (ctx) => {
    const { forge, project, user, token, entry } = ctx;
    const [name, sha] = branchOf(ctx);
    if (protectionOf(project, name).length > 0) throw forbidden('Cannot remove protected branch');
    if (name === project.defaultBranch) throw badRequest('Cannot remove HEAD branch');
    await project.repo.swap(`refs/heads/${name}`, ZERO, sha);
    await noticeChanges(forge, project, { user, token, via: 'api', entry });
    return { status: 204 };
  });

  // Maintainers only: a developer's token is told 403.
  router.on('GET', `${ONE}/protected_branches`, { shape: 'protectedBranches', role: ROLES.developer }, (ctx) =>
    paged(ctx, ctx.project.protections, (one) => protectedShape(ctx, one)),
  );
  router.on('GET', `${ONE}/protected_branches/{name}`, { shape: 'protectedBranch', role: ROLES.developer }, (ctx) => {
    const found = ctx.project.protections.find(({ pattern }) => pattern === ctx.params.name);
    if (!found) throw notFound();
    return { status: 200, body: protectedShape(ctx, found) };
  });

  router.on('GET', `${ONE}/labels`, { shape: 'labels' }, (ctx) =>
    paged(ctx, [...ctx.project.labels.keys()], (name) => labelShape(ctx.project, name)),
  );
  router.on('POST', `${ONE}/labels`, { shape: 'label' }, (ctx) => {
    needs(ctx.body, 'name', 'color');
    if (ctx.project.labels.has(ctx.body.name)) throw badRequest({ title: ['has already been taken'] });
    ctx.project.labels.set(ctx.body.name, {});
    ctx.effect('label', `${ctx.project.path} ${ctx.body.name}`);
    return { status: 201, body: labelShape(ctx.project, ctx.body.name) };
  });

  // https://docs.gitlab.com/api/merge_request_approvals/#project-approval-rules
  router.on('GET', `${ONE}/approvals`, { shape: 'approvalSettings' }, ({ project: { settings } }) => ({
    status: 200,
    body: {
      approvals_before_merge: 0,
      reset_approvals_on_push: settings.resetApprovalsOnPush ?? false,
      selective_code_owner_removals: false,
      disable_overriding_approvers_per_merge_request: false,
      merge_requests_author_approval: settings.authorMayApprove ?? false,
      merge_requests_disable_committers_approval: false,
      require_password_to_approve: false,
      require_reauthentication_to_approve: false,
    },
  }));
  // https://docs.gitlab.com/api/project_job_token_scopes/
  const scope = `${ONE}/job_token_scope`;
  router.on('GET', scope, { shape: 'jobTokenScope', role: ROLES.maintainer }, () => ({
    status: 200,
    body: { inbound_enabled: true, outbound_enabled: false },
  }));
  router.on('GET', `${scope}/allowlist`, { shape: 'projects', role: ROLES.maintainer }, (ctx) => {
    const names = [ctx.project.path, ...(ctx.project.settings.jobTokenAllowlist ?? [])];
    return paged(ctx, names.map((name) => ctx.world.project(name)).filter(Boolean), (project) =>
      projectShape(ctx.forge, project),
    );
  });
  router.on('GET', `${ONE}/approval_rules`, { shape: 'approvalRules' }, (ctx) =>
    paged(ctx, ctx.project.approvalRules, (rule) => {
      const users = (rule.users ?? []).map((login) => userShape(ctx.forge, ctx.world.need(login)));
      return {
        id: rule.id,
        name: rule.name,
        rule_type: users.length > 0 || rule.groups ? 'regular' : 'any_approver',
        eligible_approvers: users,
        approvals_required: rule.required,
        users,
        groups: [],
        contains_hidden_groups: false,
        protected_branches: [],
        applies_to_all_protected_branches: false,
      };
    }),
  );
}

function branchOf({ project, params }) {
  const sha = project.repo.branch(params.branch);
  if (!sha) throw notFound('Branch');
  return [params.branch, sha];
}

/** Keyset here: `page_token` is the last branch of the page before. https://docs.gitlab.com/api/rest/#keyset-based-pagination */
async function branches(ctx) {
  const { project, query, forge, req } = ctx;
  const search = query.get('search');
  const fits = (name) =>
    !search ||
    (search.startsWith('^')
      ? name.startsWith(search.slice(1))
      : search.endsWith('$')
        ? name.endsWith(search.slice(0, -1))
        : name.includes(search));
  const found = project.repo.branches.filter(
    ([name]) => fits(name) && (!query.get('regex') || new RegExp(query.get('regex')).test(name)),
  );
  if (query.get('pagination') !== 'keyset') return paged(ctx, found, (one) => branchShape(ctx, one));
  const size = Math.min(Number(query.get('per_page') ?? 20), 100);
  const rest = query.get('page_token')
    ? found.slice(found.findIndex(([name]) => name === query.get('page_token')) + 1)
    : found;
  const part = rest.slice(0, size);
  const headers = {};
  if (rest.length > size) {
    const url = new URL(forge.origin + req.url);
    url.searchParams.set('page_token', part.at(-1)[0]);
    headers.link = `<${url}>; rel="next"`;
  }
  return { status: 200, headers, body: await Promise.all(part.map((one) => branchShape(ctx, one))) };
}

async function createBranch(ctx) {
  const { forge, project, user, token, entry, point } = ctx;
  const given = { branch: ctx.query.get('branch'), ref: ctx.query.get('ref'), ...ctx.body };
  const { branch, ref } = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
  needs({ branch, ref }, 'branch', 'ref');
  if (project.repo.branch(branch)) throw badRequest('Branch already exists');
  const oid = await project.repo.resolve(ref);
  if (!oid) throw badRequest(`Invalid reference name: ${ref}`);
  await point('checked');
  if (!(await project.repo.swap(`refs/heads/${branch}`, oid, ZERO))) throw badRequest('Branch already exists');
  await noticeChanges(forge, project, { user, token, via: 'api', entry });
  return { status: 201, body: await branchShape(ctx, [branch, oid]) };
}

export async function branchShape({ forge, world, project, user }, [name, sha]) {
  const rules = protectionOf(project, name);
  const developers = (what) => rules.some((rule) => rule[what] > 0 && rule[what] <= ROLES.developer);
  return {
    name,
    commit: commitShape(forge, project, await project.repo.commit(sha)),
    merged: false,
    protected: rules.length > 0,
    default: name === project.defaultBranch,
    developers_can_push: developers('push'),
    developers_can_merge: developers('merge'),
    can_push: mayChange(world, project, name, user, 'push'),
    web_url: `${projectUrl(forge, project)}/-/tree/${encodeURIComponent(name)}`,
  };
}

function protectedShape(
  { world },
  {
    id,
    pattern,
    push = ROLES.maintainer,
    merge = ROLES.maintainer,
    pushUsers = [],
    mergeUsers = [],
    allowForce = false,
    codeOwner = false,
  },
) {
  const words = { 0: 'No one', 30: 'Developers + Maintainers', 40: 'Maintainers', 60: 'Admins' };
  const levels = (least, users) => [
    {
      id: id * 10,
      access_level: least,
      access_level_description: words[least],
      user_id: null,
      group_id: null,
      deploy_key_id: null,
    },
    ...users.map((login, i) => ({
      id: id * 10 + i + 1,
      access_level: null,
      access_level_description: login,
      user_id: world.need(login).id,
      group_id: null,
      deploy_key_id: null,
    })),
  ];
  return {
    id,
    name: pattern,
    push_access_levels: levels(push, pushUsers),
    merge_access_levels: levels(merge, mergeUsers),
    unprotect_access_levels: [],
    allow_force_push: allowForce,
    code_owner_approval_required: codeOwner,
    inherited: false,
  };
}

function labelShape(project, name) {
  return {
    id: project.id * 1000 + [...project.labels.keys()].indexOf(name),
    name,
    color: '#ededed',
    text_color: '#1f1e24',
    description: null,
    description_html: '',
    archived: false,
    subscribed: false,
    priority: null,
    is_project_label: true,
  };
}
