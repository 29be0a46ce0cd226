// Whether a merge request can be merged, and the merge.
// https://docs.gitlab.com/api/merge_requests/#merge-status  https://docs.gitlab.com/user/project/merge_requests/methods/

import { codeOwners, ownersOf } from '../core/codeowners.mjs';
import { mergeCommit, mergedTree } from '../core/merge.mjs';
import { hasConflicts, merged, noticeChanges, touch } from '../core/requests.mjs';
import { ZERO } from '../core/repo.mjs';
import { refusal } from './errors.mjs';
import { pipelineOf } from './pipelines.mjs';
import { mayChange, protectionOf } from './protection.mjs';
import { isDraft } from './shapes.mjs';

/** The check runs in the background: preparing, unchecked, checking, then the answer. `poll` moves it on. */
export async function mergeStatus(world, project, request, { poll = false } = {}) {
  if (request.state !== 'open') return 'not_open';
  if (request.checksLeft > 0) {
    const word = ['checking', 'unchecked', 'preparing'][Math.min(request.checksLeft, 3) - 1];
    if (poll) request.checksLeft -= 1;
    return word;
  }
  const { settings } = project;
  if (!request.source.repo.branch(request.head)) return 'commits_status';
  const base = project.repo.branch(request.base);
  if (!base || (await project.repo.isAncestor(request.headSha, base))) return 'commits_status';
  if (isDraft(request)) return 'draft_status';
  if (settings.discussionsMustBeResolved && request.unresolved) return 'discussions_not_resolved';
  const pipeline = pipelineOf(project, request.headSha);
  if (settings.pipelineMustSucceed) {
    if (inProgress(pipeline)) return 'ci_still_running';
    if (pipeline?.status !== 'success') return 'ci_must_pass';
  }
  if (request.reviews.some(({ state, dismissed }) => state === 'CHANGES_REQUESTED' && !dismissed))
    return 'requested_changes';
  if ((await approvalRules(world, project, request)).some(({ left }) => left > 0)) return 'not_approved';
  if (
    settings.mergeMethod &&
    settings.mergeMethod !== 'merge' &&
    !(await project.repo.isAncestor(base, request.headSha))
  )
    return 'need_rebase';
  if (await hasConflicts(project, request)) return 'conflict';
  return 'mergeable';
}

export function approversOf(request) {
  return request.reviews.filter(({ state, dismissed }) => state === 'APPROVED' && !dismissed).map(({ user }) => user);
}

/** The project's rules and, where the target asks for them, its code owners'. https://docs.gitlab.com/user/project/merge_requests/approvals/rules/ */
export async function approvalRules(world, project, request) {
  const rules = project.approvalRules.filter(({ branch }) => !branch || branch === request.base);
  const found = rules.map((rule) => ({
    ...rule,
    type: rule.users || rule.groups ? 'regular' : 'any_approver',
    eligible: eligible(world, project, rule, request),
  }));
  if (protectionOf(project, request.base).some(({ codeOwner }) => codeOwner))
    found.push(...(await ownerRules(world, project, request)));
  const approved = approversOf(request);
  return found.map((rule) => {
    const by = approved.filter((user) => rule.eligible.includes(user));
    return { ...rule, by, left: Math.max(rule.required - by.length, 0) };
  });
}

function eligible(world, project, { users, groups }, request) {
  const mine =
    users || groups
      ? [
          ...(users ?? []).map((login) => world.need(login)),
          ...(groups ?? []).flatMap((name) =>
            Object.keys(world.group(name)?.members ?? {}).map((login) => world.user(login)),
          ),
        ]
      : world.users.filter((user) => world.role(project, user) >= 30);
  return mine.filter((user) => user !== request.author || project.settings.authorMayApprove);
}

async function ownerRules(world, project, request) {
  const { repo } = project;
  const lines = await codeOwners(repo, request.base, ['', 'docs/', '.gitlab/']);
  const base = repo.branch(request.base);
  const from = base && (await repo.mergeBase(base, request.headSha));
  if (lines.length === 0 || !from) return [];
  const wanted = new Map();
  for (const { path } of await repo.diff(from, request.headSha)) {
    const owners = ownersOf(lines, path);
    if (owners.length > 0) wanted.set(owners.join(' '), owners);
  }
  return [...wanted].map(([name, owners], i) => {
    const logins = owners.filter((owner) => world.user(owner.slice(1))).map((owner) => owner.slice(1));
    const groups = owners.filter((owner) => world.group(owner.slice(1))).map((owner) => owner.slice(1));
    return {
      id: request.id * 100 + i,
      name,
      type: 'code_owner',
      required: 1,
      users: logins,
      groups,
      eligible: eligible(world, project, { users: logins, groups }, request),
    };
  });
}

/**
 * The order of GitLab's own checks: 401, 405, 422, 409; so a stale `sha` on a request that cannot be
 * merged now is told 405. https://docs.gitlab.com/api/merge_requests/#merge-a-merge-request
 */
export async function accept(ctx, request, body) {
  const { world, project, user } = ctx;
  if (!mayChange(world, project, request.base, user, 'merge')) throw refusal(401, '401 Unauthorized');
  const status = await mergeStatus(world, project, request);
  const auto = truthy(body.auto_merge) || truthy(body.merge_when_pipeline_succeeds);
  const pipeline = pipelineOf(project, request.headSha);
  const train = project.settings.mergeTrains && auto;
  // Asked to wait where nothing is to be waited for (no pipeline yet, or none at all) GitLab says 405:
  // https://github.com/smarkets/marge-bot/issues/240  https://github.com/python-gitlab/python-gitlab/issues/1939
  const waits = auto && (pipeline !== null || !project.settings.pipelineMustSucceed) && WAITABLE.includes(status);
  const runs = auto && status === 'mergeable' && inProgress(pipeline);
  const now = status === 'mergeable' && (!auto || train || pipeline?.status === 'success');
  if (status !== 'conflict' && !waits && !runs && !now) throw refusal(405, '405 Method Not Allowed');
  if (status === 'conflict') throw refusal(422, 'Branch cannot be merged');
  if (body.sha && body.sha !== request.headSha)
    throw refusal(409, `SHA does not match HEAD of source branch: ${request.headSha}`);
  if (body.should_remove_source_branch !== undefined) request.removeSource = truthy(body.should_remove_source_branch);
  const squash = squashes(project, request, body.squash === undefined ? undefined : truthy(body.squash));
  const wish = { squash, message: body.merge_commit_message, squashMessage: body.squash_commit_message };
  if (waits || runs) {
    request.autoMerge = { by: user, at: world.clock.iso(), ...wish };
    touch(world, request);
    ctx.effect('auto-merge', `${project.path}!${request.number} on`);
  } else if (train) board(ctx, project, request, user);
  else
    await mergeNow(ctx.forge, project, request, {
      user,
      token: ctx.token,
      entry: ctx.entry,
      point: ctx.point,
      ...wish,
    });
}

const WAITABLE = [
  'ci_still_running',
  'ci_must_pass',
  'not_approved',
  'discussions_not_resolved',
  'requested_changes',
  'draft_status',
];

function inProgress(pipeline) {
  return ['running', 'pending'].includes(pipeline?.status);
}

export function truthy(value) {
  return value === true || value === 'true' || value === '1' || value === 1;
}

function squashes({ settings }, request, asked) {
  if (settings.squashOption === 'always') return true;
  if (settings.squashOption === 'never') return false;
  return asked ?? request.squash;
}

/** Builds the commits that the project's method asks for and moves the target with compare-and-swap. */
export async function mergeNow(
  forge,
  project,
  request,
  { user, token = null, entry = null, point, squash, message, squashMessage },
) {
  const { world } = forge;
  const { repo } = project;
  const { mergeMethod = 'merge' } = project.settings;
  const base = repo.branch(request.base);
  const who = { author: user, date: world.clock.seconds() };
  let head = request.headSha;
  let squashed = null;
  if (squash) {
    const from = mergeMethod === 'ff' ? base : await repo.mergeBase(base, head);
    const tree = mergeMethod === 'ff' ? await mergedTree(repo, base, head) : (await repo.commit(head)).tree;
    squashed = await repo.commitTree(tree, [from], `${squashMessage ?? request.title}\n`, {
      author: request.author,
      committer: user,
      date: who.date,
    });
    head = squashed;
  }
  const text =
    message ??
    `Merge branch '${request.head}' into '${request.base}'\n\n${request.title}\n\nSee merge request ${project.path}!${request.number}`;
  const method = mergeMethod === 'ff' ? 'fast-forward' : 'merge';
  const sha = await mergeCommit(repo, { base, head, method, message: `${text}\n`, ...who });
  if (!sha) throw refusal(422, 'Branch cannot be merged');
  await point?.('checked');
  if (!(await repo.swap(`refs/heads/${request.base}`, sha, base))) {
    await noticeChanges(forge, project, { user: null, token: null, via: 'web', entry: null });
    throw refusal(409, 'Merge failed: Something went wrong during merge. Please try again.');
  }
  request.squashSha = squashed;
  request.baseSha = base;
  merged(world, request, user, sha);
  project.queue = project.queue.filter(({ number }) => number !== request.number);
  world.log.effect(entry, 'merge', `${project.path}!${request.number}`, { sha, method: mergeMethod });
  await noticeChanges(forge, project, { user, token, via: 'api', entry });
  if (request.removeSource && request.source === project && protectionOf(project, request.head).length === 0) {
    await repo.swap(`refs/heads/${request.head}`, ZERO, request.headSha);
    await noticeChanges(forge, project, { user, token, via: 'api', entry });
  }
}

/** A merge train: on it is not merged. https://docs.gitlab.com/ci/pipelines/merge_trains/ */
export function board({ world, entry }, project, request, user) {
  const known = project.queue.find(({ number }) => number === request.number);
  if (known) return known;
  const now = world.clock.iso();
  const car = { id: world.id(), number: request.number, by: user, at: now, headSha: request.headSha };
  project.queue.push(car);
  world.log.effect(entry, 'enqueue', `${project.path}!${request.number}`);
  return car;
}

/** What "Cancel auto-merge" does, on a train or waiting for its checks; whether there was anything to cancel. */
export function cancelAutoMerge(ctx, project, request) {
  const rides = project.queue.some(({ number }) => number === request.number);
  if (!request.autoMerge && !rides) return false;
  request.autoMerge = null;
  project.queue = project.queue.filter(({ number }) => number !== request.number);
  touch(ctx.world, request);
  ctx.effect('auto-merge', `${project.path}!${request.number} off`);
  return true;
}

export async function stepTrain(forge, project, { fail = false }) {
  const next = project.queue.shift();
  if (!next) return { number: null };
  if (fail) return { number: next.number, merged: false };
  const request = project.requests.get(next.number);
  await mergeNow(forge, project, request, { user: next.by, squash: squashes(project, request) });
  return { number: next.number, merged: true, sha: request.mergeSha };
}

/** New commits take approvals back, where the project says so, and end auto-merge and the train ride. */
export function headMoved(forge, project, request, { new: next }) {
  request.autoMerge = null;
  project.queue = project.queue.filter(({ number }) => number !== request.number);
  // Unlike on GitHub a request whose branch was deleted or emptied stays open.
  if (next !== ZERO && project.settings.resetApprovalsOnPush)
    request.reviews.forEach((review) => (review.dismissed = true));
}

export async function settle(forge, { project: only } = {}) {
  for (const project of only ? [only] : forge.world.projects) {
    for (const request of project.requests.values()) {
      if (!request.autoMerge || request.state !== 'open') continue;
      const pipeline = pipelineOf(project, request.headSha);
      if (pipeline?.status === 'failed') request.autoMerge = null;
      if (!request.autoMerge || inProgress(pipeline)) continue;
      const waited = { ...request, checksLeft: 0 };
      if ((await mergeStatus(forge.world, project, waited)) !== 'mergeable') continue;
      const { by, squash, message, squashMessage } = request.autoMerge;
      if (project.settings.mergeTrains) {
        board({ world: forge.world, entry: null }, project, request, by);
        request.autoMerge = null;
      } else await mergeNow(forge, project, request, { user: by, squash, message, squashMessage });
    }
  }
}
