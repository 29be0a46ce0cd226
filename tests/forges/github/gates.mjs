// What a branch demands: classic protection and rulesets, folded into one set of demands.
// https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-protected-branches/about-protected-branches
// https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/available-rules-for-rulesets

import { branchMatches, codeOwners, ownersOf } from '../core/codeowners.mjs';
import { ROLES } from '../core/world.mjs';

export function classicOf(project, branch) {
  return (
    project.protections.find(({ pattern }) => pattern === branch) ??
    project.protections.find(({ pattern }) => branchMatches(pattern, branch, false)) ??
    null
  );
}

export function rulesetsOf(project, branch) {
  const refs = (pattern) =>
    pattern === '~DEFAULT_BRANCH'
      ? branch === project.defaultBranch
      : pattern === '~ALL' || branchMatches(pattern.replace(/^refs\/heads\//, ''), branch, false);
  return project.rulesets.filter(({ enforcement, branches }) => enforcement === 'active' && branches.some(refs));
}

/** `[{ruleset, type, parameters}]` of the active rulesets. */
export function rulesOf(project, branch) {
  return rulesetsOf(project, branch).flatMap((ruleset) => ruleset.rules.map((rule) => ({ ruleset, ...rule })));
}

/** The demands on `branch` that bind this person: `{from: "classic" | "ruleset", …}` each. */
export function demands(world, project, branch, user) {
  const found = [];
  const classic = classicOf(project, branch);
  const admin = user && world.role(project, user) >= ROLES.admin;
  if (classic && !(admin && !classic.enforceAdmins)) {
    found.push({
      from: 'classic',
      request: classic.approvals !== undefined,
      approvals: classic.approvals ?? 0,
      codeOwners: classic.codeOwners ?? false,
      checks: classic.requiredChecks ?? [],
      strict: classic.strict ?? false,
      linear: classic.linear ?? false,
      onlyBy: classic.restrictTo ?? null,
      force: classic.allowForce ?? false,
      remove: classic.allowDelete ?? false,
      locked: classic.locked ?? false,
      queue: classic.queue ?? false,
    });
  }
  for (const ruleset of rulesetsOf(project, branch)) {
    if (user && ruleset.bypass.includes(user.login)) continue;
    const rule = (type) => ruleset.rules.find((one) => one.type === type);
    const request = rule('pull_request') && (rule('pull_request').parameters ?? {});
    const checks = rule('required_status_checks')?.parameters;
    found.push({
      from: 'ruleset',
      request: Boolean(request),
      approvals: request?.required_approving_review_count ?? 0,
      codeOwners: request?.require_code_owner_review ?? false,
      methods: request?.allowed_merge_methods ?? null,
      checks: checks?.required_status_checks?.map(({ context }) => context) ?? [],
      strict: checks?.strict_required_status_checks_policy ?? false,
      linear: Boolean(rule('required_linear_history')),
      onlyBy: rule('update') ? [] : null,
      force: !rule('non_fast_forward'),
      remove: !rule('deletion'),
      locked: false,
      queue: Boolean(rule('merge_queue')),
    });
  }
  return found;
}

export function dismissesStale(project, branch) {
  return (
    Boolean(classicOf(project, branch)?.dismissStale) ||
    rulesOf(project, branch).some(
      ({ type, parameters }) => type === 'pull_request' && parameters?.dismiss_stale_reviews_on_push,
    )
  );
}

export function needsQueue(world, project, branch) {
  return demands(world, project, branch, null).some(({ queue }) => queue);
}

/** context -> newest status of the commit. */
export function statusesOf(project, sha) {
  const newest = new Map();
  for (const status of project.statuses) if (status.sha === sha) newest.set(status.context, status);
  return newest;
}

function checkProblem(project, sha, context) {
  const status = statusesOf(project, sha).get(context);
  if (!status) return `Required status check "${context}" is expected.`;
  if (status.state === 'success') return null;
  return `Required status check "${context}" is ${status.state === 'pending' ? 'pending' : 'failing'}.`;
}

/** The opinion that counts is each reviewer's last one that says yes or no. */
export function approvers(world, project, request) {
  const last = new Map();
  for (const review of request.reviews) {
    if (review.state === 'COMMENTED' || review.user === request.author) continue;
    last.set(review.user, review);
  }
  const counts = [...last.values()].filter(({ user }) => world.role(project, user) >= ROLES.write);
  return {
    approved: counts.filter(({ state, dismissed }) => state === 'APPROVED' && !dismissed).map(({ user }) => user),
    refused: counts
      .filter(({ state, dismissed }) => state === 'CHANGES_REQUESTED' && !dismissed)
      .map(({ user }) => user),
  };
}

async function missingOwners(world, project, request, approved) {
  const lines = await codeOwners(project.repo, request.base, ['.github/', '', 'docs/']);
  if (lines.length === 0) return false;
  const from = await project.repo.mergeBase(project.repo.branch(request.base), request.headSha);
  const files = await project.repo.diff(from, request.headSha);
  const is = (user, owner) => {
    if (!owner.startsWith('@')) return user.email === owner;
    const [org, team] = owner.slice(1).split('/');
    return team ? world.group(org)?.teams[team]?.members.includes(user.login) : user.login === org;
  };
  return files.some((file) => {
    const owners = ownersOf(lines, file.path);
    return owners.length > 0 && !approved.some((user) => owners.some((owner) => is(user, owner)));
  });
}

/** What stands between this request and its merge, in GitHub's words: `[{from, text}]`. */
export async function obstacles(world, project, request, user) {
  const found = [];
  const { approved, refused } = approvers(world, project, request);
  for (const demand of demands(world, project, request.base, user)) {
    const say = (text) => found.push({ from: demand.from, text });
    if (demand.locked) say('The base branch is locked.');
    for (const context of demand.checks) {
      const text = checkProblem(project, request.headSha, context);
      if (text) say(text);
    }
    if (demand.strict && !(await project.repo.isAncestor(project.repo.branch(request.base), request.headSha)))
      say('The head branch is not up to date with the base branch.');
    if (demand.request) {
      if (refused.length > 0) say('Changes were requested by a reviewer.');
      if (approved.length < demand.approvals)
        say(
          `At least ${demand.approvals} approving review${demand.approvals === 1 ? ' is' : 's are'} required by reviewers with write access.`,
        );
      if (demand.codeOwners && (await missingOwners(world, project, request, approved)))
        say('Waiting on code owner review.');
    }
  }
  return found;
}

/** Why nobody may move this ref without a request: `{from, text}` or null. */
export function pushProblem(world, project, branch, user, { next, removing }) {
  for (const demand of demands(world, project, branch, user)) {
    const say = (text) => ({ from: demand.from, text });
    if (removing) {
      if (!demand.remove) return say('Cannot delete this branch');
      continue;
    }
    if (demand.locked) return say('Cannot change this locked branch');
    if (demand.request) return say('Changes must be made through a pull request.');
    if (demand.queue) return say('Changes must be made through the merge queue');
    if (demand.onlyBy && !demand.onlyBy.includes(user?.login))
      return say('You are not authorized to push to this branch.');
    const check = demand.checks.map((context) => checkProblem(project, next, context)).find(Boolean);
    if (check) return say(check);
  }
  return null;
}

/** What receive-pack is told: refusals, and refs that may only be fast-forwarded. */
export function pushVerdict(world, project, commands, user) {
  const refused = new Map();
  const noForce = new Map();
  for (const { ref, new: next } of commands) {
    if (!ref.startsWith('refs/heads/')) continue;
    const branch = ref.slice('refs/heads/'.length);
    const problem = pushProblem(world, project, branch, user, { next, removing: /^0+$/.test(next) });
    if (problem) refused.set(ref, spoken(ref, problem));
    const strict = demands(world, project, branch, user).find(({ force }) => !force);
    if (strict) noForce.set(ref, spoken(ref, { from: strict.from, text: 'Cannot force-push to this branch' }));
  }
  return { refused, noForce };
}

/** https://docs.github.com/en/get-started/using-git/troubleshooting-the-2-gb-push-limit has GH-numbers in the same form. */
function spoken(ref, { from, text }) {
  return from === 'classic'
    ? `error: GH006: Protected branch update failed for ${ref}.\nerror: ${text}`
    : `error: GH013: Repository rule violations found for ${ref}.\n\n- ${text}\n`;
}
