// The repository, its branches and what protects them.
// https://docs.github.com/en/rest/repos/repos  https://docs.github.com/en/rest/branches  https://docs.github.com/en/rest/repos/rules

import { notFound } from './errors.mjs';
import { classicOf, rulesOf, rulesetsOf } from './gates.mjs';
import { commitShape, commitUrl, paged, repoShape, repoUrl, teamShape, userShape } from './shapes.mjs';

const REPO = '/repos/{owner}/{repo}';

export default function repos(router) {
  router.on('GET', REPO, { needs: 'metadata:read' }, (ctx) => ({ status: 200, body: whole(ctx) }));
  router.on('PATCH', REPO, { needs: 'administration:write' }, (ctx) => {
    const names = {
      allow_auto_merge: 'allowAutoMerge',
      allow_merge_commit: 'allowMerge',
      allow_squash_merge: 'allowSquash',
      allow_rebase_merge: 'allowRebase',
      delete_branch_on_merge: 'deleteBranchOnMerge',
    };
    for (const [field, name] of Object.entries(names))
      if (field in ctx.body) ctx.project.settings[name] = ctx.body[field];
    ctx.effect('repository', `${ctx.project.path} ${JSON.stringify(ctx.body)}`);
    return { status: 200, body: whole(ctx) };
  });
  router.on('GET', `${REPO}/teams`, { needs: 'metadata:read' }, (ctx) => {
    const teams = Object.keys(ctx.world.group(ctx.project.namespace)?.teams ?? {});
    return paged(ctx, teams, (slug) => teamShape(ctx.forge, ctx.project.namespace, slug));
  });
  // Whether GITHUB_TOKEN may open pull requests. https://docs.github.com/en/rest/actions/permissions
  router.on('GET', `${REPO}/actions/permissions/workflow`, { needs: 'administration:read' }, ({ project }) => ({
    status: 200,
    body: {
      default_workflow_permissions: 'read',
      can_approve_pull_request_reviews: project.settings.actionsMayCreatePullRequests ?? false,
    },
  }));

  router.on('GET', `${REPO}/branches`, { needs: 'contents:read' }, (ctx) => {
    const wanted = ctx.query.get('protected');
    const found = ctx.project.repo.branches.filter(
      ([name]) => wanted === null || String(isProtected(ctx.project, name)) === wanted,
    );
    return paged(ctx, found, ([name, sha]) => ({
      name,
      commit: { sha, url: commitUrl(ctx.forge, ctx.project, sha) },
      protected: isProtected(ctx.project, name),
    }));
  });
  // A branch with a slash may come as it is or as %2F; GitHub takes both.
  router.on('GET', `${REPO}/branches/{branch...}/protection`, { needs: 'administration:read' }, protection);
  router.on('GET', `${REPO}/branches/{branch...}`, { needs: 'contents:read' }, branch);
  router.on('GET', `${REPO}/rules/branches/{branch...}`, { needs: 'metadata:read' }, (ctx) =>
    paged(ctx, rulesOf(ctx.project, ctx.params.branch), ({ type, parameters, ruleset }) => ({
      type,
      ...(parameters ? { parameters: ruleParameters(type, parameters) } : {}),
      ruleset_source_type: 'Repository',
      ruleset_source: ctx.project.path,
      ruleset_id: ruleset.id,
    })),
  );
  router.on('GET', `${REPO}/rulesets`, { needs: 'metadata:read' }, (ctx) =>
    paged(ctx, ctx.project.rulesets, (one) => rulesetShape(ctx, one)),
  );
  router.on('GET', `${REPO}/rulesets/{ruleset_id}`, { needs: 'metadata:read' }, (ctx) => {
    const found = ctx.project.rulesets.find(({ id }) => String(id) === ctx.params.ruleset_id);
    if (!found) throw notFound();
    const rules = found.rules.map(({ type, parameters }) => ({
      type,
      ...(parameters ? { parameters: ruleParameters(type, parameters) } : {}),
    }));
    return {
      status: 200,
      body: {
        ...rulesetShape(ctx, found),
        current_user_can_bypass: found.bypass.includes(ctx.user?.login) ? 'always' : 'never',
        conditions: { ref_name: { include: found.branches, exclude: [] } },
        rules,
      },
    };
  });
}

function whole({ forge, project, user }) {
  return { ...repoShape(forge, project, user), network_count: 0, subscribers_count: 0 };
}

function isProtected(project, name) {
  return Boolean(classicOf(project, name)) || rulesetsOf(project, name).length > 0;
}

async function branch(ctx) {
  const { forge, project, params } = ctx;
  const sha = project.repo.branch(params.branch);
  if (!sha) throw notFound();
  const classic = classicOf(project, params.branch);
  const url = `${repoUrl(forge, project)}/branches/${encodeURIComponent(params.branch)}`;
  const contexts = classic?.requiredChecks ?? [];
  const required = {
    enforcement_level: classic ? 'non_admins' : 'off',
    contexts,
    checks: contexts.map((context) => ({ context, app_id: null })),
  };
  return {
    status: 200,
    body: {
      name: params.branch,
      commit: commitShape(forge, project, await project.repo.commit(sha)),
      _links: { self: url, html: `${forge.webUrl()}/${project.path}/tree/${params.branch}` },
      protected: isProtected(project, params.branch),
      protection: { enabled: Boolean(classic), required_status_checks: required },
      protection_url: `${url}/protection`,
    },
  };
}

/** Classic protection only; rulesets are read under /rules. 404 "Branch not protected" without it. */
function protection({ forge, project, params }) {
  if (!project.repo.branch(params.branch)) throw notFound();
  const classic = classicOf(project, params.branch);
  if (!classic) {
    const missing = notFound();
    missing.body.message = 'Branch not protected';
    throw missing;
  }
  const url = `${repoUrl(forge, project)}/branches/${encodeURIComponent(params.branch)}/protection`;
  const contexts = classic.requiredChecks;
  const body = {
    url,
    enforce_admins: { url: `${url}/enforce_admins`, enabled: classic.enforceAdmins ?? false },
    required_linear_history: { enabled: classic.linear ?? false },
    allow_force_pushes: { enabled: classic.allowForce ?? false },
    allow_deletions: { enabled: classic.allowDelete ?? false },
    lock_branch: { enabled: classic.locked ?? false },
  };
  if (contexts)
    body.required_status_checks = {
      url: `${url}/required_status_checks`,
      strict: classic.strict ?? false,
      contexts,
      contexts_url: `${url}/required_status_checks/contexts`,
      checks: contexts.map((context) => ({ context, app_id: null })),
    };
  if (classic.approvals !== undefined) {
    body.required_pull_request_reviews = {
      url: `${url}/required_pull_request_reviews`,
      dismiss_stale_reviews: classic.dismissStale ?? false,
      require_code_owner_reviews: classic.codeOwners ?? false,
      required_approving_review_count: classic.approvals,
      require_last_push_approval: false,
    };
  }
  if (classic.restrictTo) {
    const users = classic.restrictTo.map((login) => userShape(forge, forge.world.need(login)));
    body.restrictions = {
      url: `${url}/restrictions`,
      users_url: `${url}/restrictions/users`,
      teams_url: `${url}/restrictions/teams`,
      apps_url: `${url}/restrictions/apps`,
      users,
      teams: [],
      apps: [],
    };
  }
  return { status: 200, body };
}

function rulesetShape({ forge, project }, { id, name, enforcement, createdAt }) {
  const self = `${repoUrl(forge, project)}/rulesets/${id}`;
  return {
    id,
    name,
    target: 'branch',
    source_type: 'Repository',
    source: project.path,
    enforcement,
    node_id: `RRS_${id}`,
    _links: { self: { href: self }, html: { href: self } },
    created_at: createdAt,
    updated_at: createdAt,
  };
}

/** Parameters that a test left out, as GitHub fills them in. */
function ruleParameters(type, given) {
  const defaults = {
    pull_request: {
      required_approving_review_count: 0,
      dismiss_stale_reviews_on_push: false,
      require_code_owner_review: false,
      require_last_push_approval: false,
      required_review_thread_resolution: false,
    },
    required_status_checks: { strict_required_status_checks_policy: false },
    merge_queue: {
      check_response_timeout_minutes: 60,
      grouping_strategy: 'ALLGREEN',
      max_entries_to_build: 5,
      max_entries_to_merge: 5,
      merge_method: 'MERGE',
      min_entries_to_merge: 1,
      min_entries_to_merge_wait_minutes: 5,
    },
    update: { update_allows_fetch_and_merge: false },
  };
  return { ...defaults[type], ...given };
}
